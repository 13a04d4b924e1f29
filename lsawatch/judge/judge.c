/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which judge a sight is for. */
#include "lsawatch/judge/judge.h"

#include <stddef.h>

#include "lsass/loop.h"

#define AGAIN_MS 500

/* Where a process was not to be judged at once, and no sweep comes by. */
static void
again(void *arg)
{
	struct lsawatch *w = arg;

	if ((w->sees & SEES(SCAN)) == 0)
		judge_process_again(w);
}

int
judges_open(struct lsawatch *w)
{
	if (judge_process_open(w) != 0 || stability_open(w) != 0)
		return -1;
	if (loop_every(w->lo, AGAIN_MS, again, w) != 0)
		return -1;
	return files_judge_open(w);
}

void
judges_close(struct lsawatch *w)
{
	judge_process_close(w);
	files_judge_close(w);
}

void
judges_sight(struct lsawatch *w, const struct watch_sight *si)
{
	switch (si->see) {
	case SEE_EXIT:
	case SEE_SIGNAL:
		judge_stability(w, si);
		break;
	case SEE_FILE:
	case SEE_MOUNT:
		judge_files(w, si);
		break;
	case SEE_EXEC:
	case SEE_FORK:
		judge_process(w, si);
		break;
	case SEE_CREDS:
		judge_user(w, si);
		break;
	case SEE_ATTACH:
	case SEE_ACCESS:
	case SEE_LIMITS:
	case SEE_LOOK:
	case SEE_DENIED:
	case SEE_PERF:
	case SEE_PROBE:
	case SEE_BPF:
	case SEE_KERNEL:
	case SEE_CORE:
		judge_memory(w, si);
		break;
	case SEE_STATE:
	case SEE_PLACE:
	case SEE_SCAN:
	case SEE_USE:
	case SEE_NET:
	case SEE_HOLD:
	case SEE_DIGEST:
	case SEE_END:
		break;
	}
}

void
judges_table(struct lsawatch *w, const struct control_table *before)
{
	judge_table(w, before);
	judge_guard(w, before);
}

void
judges_refused(struct lsawatch *w, const struct control_refusal *re)
{
	judge_refusal(w, re);
}
