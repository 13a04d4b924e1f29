/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds the other end of the channel, by isolation level. */
#include <string.h>

#include "lib/log.h"
#include "lsainit/init.h"

static const struct world worlds[] = {
	{ .level = "process", .program = "lsaiso" },
};

const struct world *
world_of(const struct instance *in)
{
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		if (strcmp(worlds[i].level, in->cf.isolation_level) == 0)
			return &worlds[i];
	}
	log_err("[isolation] level = %s cannot be had from this build", in->cf.isolation_level);
	return NULL;
}
