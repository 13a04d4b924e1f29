/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsawatch/judge/again.h"

#include <string.h>

#define AGAIN_MOST  1024
#define AGAIN_DOUBT 256 /* of them, for those in doubt alone */
#define AGAIN_MS    180
#define LATE_MS	    1500 /* another lsainit has started its lsaiso by then */

struct again {
	pid_t pid;
	enum stage stage;
	enum watch_layer layer;
	int64_t due; /* CLOCK_MONOTONIC ms */
};

static struct again list[AGAIN_MOST];
static size_t n;

bool
again_later(pid_t pid, enum stage stage, enum watch_layer layer, bool in_doubt)
{
	int64_t due = watch_now_ms() + (stage == STAGE_LATE ? LATE_MS : AGAIN_MS);

	for (size_t i = 0; i < n; i++) {
		if (list[i].pid == pid && list[i].stage == stage) {
			list[i].due = due;
			return true;
		}
	}
	if (n >= (in_doubt ? AGAIN_MOST : AGAIN_MOST - AGAIN_DOUBT))
		return false;
	list[n++] = (struct again){ pid, stage, layer, due };
	return true;
}

void
again_due(struct lsawatch *w,
	  void (*judge)(struct lsawatch *w, pid_t pid, enum stage stage, enum watch_layer layer))
{
	int64_t now = watch_now_ms();
	size_t had = n, kept = 0;

	/* What is put off while this goes on comes behind those that were there. */
	for (size_t i = 0; i < had; i++) {
		struct again ag = list[i];

		if (now < ag.due)
			list[kept++] = ag;
		else
			judge(w, ag.pid, ag.stage, ag.layer);
	}
	memmove(&list[kept], &list[had], (n - had) * sizeof(list[0]));
	n -= had - kept;
}
