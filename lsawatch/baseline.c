/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsawatch/watch.h"

int
baseline_open(struct lsawatch *w)
{
	return 0;
}

void
baseline_close(struct lsawatch *w)
{
}

bool
baseline_learning(const struct lsawatch *w)
{
	return false;
}
