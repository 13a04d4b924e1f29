/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judges, one file per row or two. Each gets every sight of its kinds
 * (judge.c dispatches) and decides whether it is a finding.
 */
#ifndef LSAWATCH_JUDGE_H
#define LSAWATCH_JUDGE_H

#include "lsawatch/sense/look.h"
#include "lsawatch/watch.h"

/* memory.c: ACCESS LOOK DENIED PERF PROBE BPF KERNEL CORE */
void judge_memory(struct lsawatch *w, const struct watch_sight *si);
/* What the guard refused, for all rows. */
void judge_refusal(struct lsawatch *w, const struct control_refusal *re);
/* It went, or came back. */
void judge_guard(struct lsawatch *w, const struct control_table *before);
/* stability.c: EXIT SIGNAL, and the table of lsainit */
int stability_open(struct lsawatch *w);
void judge_stability(struct lsawatch *w, const struct watch_sight *si);
void judge_table(struct lsawatch *w, const struct control_table *before);
/* process.c: EXEC FORK, and every process at a SCAN: image path, parent, instances, impostors */
void judge_process(struct lsawatch *w, const struct watch_sight *si);
/* user.c: CREDS */
void judge_user(struct lsawatch *w, const struct watch_sight *si);
/* files.c: FILE MOUNT; a FILE without a name: look at all */
int files_judge_open(struct lsawatch *w);
void files_judge_close(struct lsawatch *w);
void judge_files(struct lsawatch *w, const struct watch_sight *si);

/* A finding about the process of a part, as the sweep shows it. */
static inline struct watch_case
judge_about(const struct watch_target *ta, enum watch_rule rule)
{
	return (struct watch_case){ .rule = rule,
				    .layer = LAYER_SWEEP,
				    .part = ta->part,
				    .subject = ta->pid,
				    .allowed = -1 };
}

/*
 * What the sweep shows. Each judges one look at the process of a part; dir is
 * its folder of /proc, open.
 */
void judge_process_look(struct lsawatch *w, const struct watch_target *ta, int dir,
			const struct watch_look *lo);
void judge_user_look(struct lsawatch *w, const struct watch_target *ta,
		     const struct watch_look *lo);
void judge_resource_look(struct lsawatch *w, const struct watch_target *ta,
			 const struct watch_look *lo);
void judge_handles_look(struct lsawatch *w, const struct watch_target *ta, int dir,
			const struct watch_look *lo);
/* Its sockets and interfaces; costs more on a machine with many. */
void judge_network_look(struct lsawatch *w, const struct watch_target *ta, int dir,
			const struct watch_look *lo);
/* Another process plays the part, or none: forget what was recorded of the last. */
void judge_look_anew(struct lsawatch *w, enum watch_part part);
void judge_handles_anew(enum watch_part part);
void judge_resource_anew(enum watch_part part);
/* Had it that descriptor when it was recorded? */
bool judge_handles_first(enum watch_part part, const struct look_fd *fd);
/* How long none of a part runs; once a second. */
void judge_process_missing(struct lsawatch *w);

/* process.c: one process of all, cheap if it was judged before. layer: who showed it. */
void judge_process_scan(struct lsawatch *w, pid_t pid, enum watch_layer layer);
/* All have been shown. */
void judge_process_scanned(struct lsawatch *w);
/* Look again at those that are too young; see which of the bad ones have ended. */
void judge_process_again(struct lsawatch *w);
/* The findings about processes that have ended are over. */
void judge_process_ended(struct lsawatch *w);
void judge_process_one(struct lsawatch *w, pid_t pid, enum watch_layer layer);
/* target.c: it executed something; does the process that lsainit named still run? */
void judge_target_exec(struct lsawatch *w, const struct watch_target *ta, enum watch_layer layer);
bool judge_target_runs(const struct watch_target *ta);
int judge_process_open(struct lsawatch *w);
void judge_process_close(struct lsawatch *w);

#endif
