/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which judge a sight is for. */
#include "lsawatch/judge/judge.h"

#include <stddef.h>

int
judges_open(struct lsawatch *w)
{
	return 0;
}

void
judges_close(struct lsawatch *w)
{
}

void
judges_sight(struct lsawatch *w, const struct watch_sight *si)
{
}

void
judges_table(struct lsawatch *w, const struct control_table *before)
{
}

void
judges_refused(struct lsawatch *w, const struct control_refusal *re)
{
}
