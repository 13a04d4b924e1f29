/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of process.c alone: processes that are to be judged once more, and when. */
#ifndef LSAWATCH_JUDGE_AGAIN_H
#define LSAWATCH_JUDGE_AGAIN_H

#include "lsawatch/watch.h"

/*
 * When a process is looked at: found at a scan, maybe between a fork and an
 * exec; at its exec; a moment later; when another lsainit has started its lsaiso.
 */
enum stage { STAGE_FOUND, STAGE_EXEC, STAGE_NAMED, STAGE_LATE };

/*
 * Judge pid at that stage, when it is due. in_doubt: it may be an impostor;
 * else it is anybody, who may yet take a name, and the last places are not for
 * it: a flood of programs does not hide one that is called like ours.
 * False: there is no room.
 */
bool again_later(pid_t pid, enum stage stage, enum watch_layer layer, bool in_doubt);
/* Those that are due. judge may put some off again. */
void again_due(struct lsawatch *w, void (*judge)(struct lsawatch *w, pid_t pid, enum stage stage,
						 enum watch_layer layer));

#endif
