/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judges, one file per row or two. Each gets every sight of its kinds
 * (judge.c dispatches) and decides whether it is a finding.
 */
#ifndef LSAWATCH_JUDGE_H
#define LSAWATCH_JUDGE_H

#include "lsawatch/watch.h"

/* memory.c: ACCESS LOOK DENIED PERF PROBE BPF KERNEL CORE */
void judge_memory(struct lsawatch *w, const struct watch_sight *si);
/* stability.c: EXIT SIGNAL, and the table of lsainit */
int stability_open(struct lsawatch *w);
void judge_stability(struct lsawatch *w, const struct watch_sight *si);
void judge_table(struct lsawatch *w, const struct control_table *before);
/* process.c: EXEC FORK, and every process at a SCAN: image path, parent, instances, impostors */
void judge_process(struct lsawatch *w, const struct watch_sight *si);
/* user.c: CREDS */
void judge_user(struct lsawatch *w, const struct watch_sight *si);
/* files.c: FILE MOUNT */
void judge_files(struct lsawatch *w, const struct watch_sight *si);

#endif
