/* SPDX-License-Identifier: GPL-3.0-or-later */
/* perf_event_open(2) for the attacks: samples of the target's registers and stack. */
#ifndef TESTS_THEFT_PERF_H
#define TESTS_THEFT_PERF_H

#include <linux/perf_event.h>
#include <stdint.h>

#include "theft.h"

#define PERF_RINGS 64

struct perf {
	struct perf_event_attr attr;
	int rings;
	int fd[PERF_RINGS];
	void *ring[PERF_RINGS];
	uint64_t samples; /* of the target */
};

/* Ask for registers and the stack above its pointer in every sample. */
void perf_want_stack(struct perf *p);

/*
 * Open the event: for everything on each processor (pid -1), or for pid
 * wherever it runs. Returns 0 or an errno.
 */
int perf_open(struct perf *p, pid_t pid);

/*
 * A sample at each system call of t->pid as well, where the kernel has that
 * event: opened like perf_open. Changes p->attr. Nothing happens if it cannot be.
 */
void perf_at_system_calls(struct perf *p, const struct theft *t, pid_t pid);

/*
 * Uprobes on the functions that symbols.h finds, each a sample with the stack.
 * Does not return where they cannot be armed.
 */
void perf_arm_uprobes(struct perf *p, const struct theft *t);

/*
 * Collect for so many seconds, and up to five times as long until there are a
 * few hundred samples: what belongs to the target goes to OUT.
 */
void perf_collect(struct perf *p, struct theft *t, double seconds);

#endif
