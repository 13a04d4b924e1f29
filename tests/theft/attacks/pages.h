/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by pages.bpf.c and who loads it. */
#ifndef TESTS_THEFT_PAGES_H
#define TESTS_THEFT_PAGES_H

#define PAGE  4096u
#define PAGES 2048u /* at most, of one target: 8 MiB */

/* The one variable of the programs: orders and results. */
struct work {
	unsigned int target;   /* process id */
	unsigned int relative; /* page[] is relative to the stack pointer */
	unsigned int trigger;  /* process whose system calls start direct() */
	unsigned int pages;    /* how many are wanted */
	unsigned int next;     /* one to copy next */
	unsigned int pad_;
	unsigned long long page[PAGES]; /* addresses, or frame numbers */
	unsigned char good[PAGES];	/* it was read */
	unsigned char out[PAGES * PAGE];
};

#endif
