/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layer sweep: looking again and again. */
#include "lsawatch/sense/sense.h"

static uint32_t
sweep_open(struct lsawatch *w, char *why, size_t n)
{
	return SEES(STATE) | SEES(SCAN) | SEES(USE) | SEES(NET) | SEES(HOLD) | SEES(DIGEST);
}

const struct watch_sensor sense_sweep = {
	.name = "sweep",
	.layer = LAYER_SWEEP,
	.sees = SEES(STATE) | SEES(SCAN) | SEES(USE) | SEES(NET) | SEES(HOLD) | SEES(DIGEST),
	.open = sweep_open,
};
