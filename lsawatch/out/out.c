/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All outputs: each finding goes to each. */
#include "lsawatch/watch.h"

#include "lib/log.h"

int
outputs_open(struct lsawatch *w)
{
	return 0;
}

void
outputs_close(struct lsawatch *w)
{
}

void
outputs_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	log_warn("finding %s: %s: %s", fi->uid, watch_rules[fi->rule].title, fi->evidence);
}
