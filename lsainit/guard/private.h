/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of lsainit's side of the guard. */
#ifndef LSAINIT_GUARD_PRIVATE_H
#define LSAINIT_GUARD_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/trust.h"
#include "lsainit/guard/shared.h"

struct guard_bpf;
struct bpf_link;
struct ring_buffer;

#define GUARD_LINKS_MAX GUARD_HOOK_END

struct guard {
	struct guard_bpf *skel;
	struct bpf_link *links[GUARD_LINKS_MAX];
	size_t nlinks;
	int own_fd;
	struct trust trust; /* whose tokens end it, as of the start; installed.c */
	char boot_id[64];
	uint64_t *counts; /* per hook, written by the kernel side */

	/* report.c */
	struct ring_buffer *ring;
	int64_t quiet_until; /* milliseconds: the ring is not looked at before */
	int64_t window;	     /* begin of the interval that lines are counted in */
	unsigned int lines;  /* in it */
	unsigned int unsaid; /* refusals of it that got no line */
	const struct instance *in;
};

struct guard_hook_row {
	const char *name;
	int must;
	const char *text;
};
extern const struct guard_hook_row guard_hooks[GUARD_HOOK_END];

/* Reports come from the ring buffer open as fd. 0 or -1 with errno. */
int report_open(struct guard *gd, int fd);
void report_close(struct guard *gd);

#endif
