/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user's side of watch.bpf.c: loads the programs of one layer, hears
 * their ring, and makes sights of what they tell. For trace.c and bpf.c.
 */
#ifndef LSAWATCH_SENSE_BPF_RING_H
#define LSAWATCH_SENSE_BPF_RING_H

#include "lsawatch/watch.h"

struct ring;
struct bpf_program;
struct watch_bpf;

/* What both layers can show. */
#define RING_SEES                                                                                  \
	(SEES(LIMITS) | SEES(ATTACH) | SEES(ACCESS) | SEES(LOOK) | SEES(DENIED) | SEES(PERF) |     \
	 SEES(PROBE) | SEES(BPF) | SEES(KERNEL) | SEES(CREDS) | SEES(EXEC) | SEES(FORK) |          \
	 SEES(EXIT) | SEES(CORE) | SEES(SIGNAL))

/* A program and what is seen by it; zero: it goes with another one. */
struct ring_program {
	const char *name; /* of the function in watch.bpf.c */
	uint32_t sees;
	uint32_t proof; /* enum seen_proof: what it says when it sees lsawatch itself; 0: nothing */
};

/*
 * Load and attach what this kernel takes of the programs.
 *
 * programs  the last has the name NULL
 * shows     out: bits of those that are attached
 *
 * NULL: none, and why says it. To be closed by ring_close, also by lsawatch
 * without privileges: nothing of it needs one after this.
 */
struct ring *ring_open(struct lsawatch *w, enum watch_layer layer,
		       const struct ring_program *programs, uint32_t *shows, char *why, size_t n);
void ring_targets(struct ring *ri);
enum watch_health ring_health(struct ring *ri, char *why, size_t n);
void ring_close(struct ring *ri);

/* sights.c: what an event of the kernel side means. */
struct seen;
void ring_sight(struct lsawatch *w, enum watch_layer layer, const struct seen *se);

#endif
