/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A breakpoint of the kernel's on the functions that get keys, by perf: the stack at each. */
#include "perf.h"

int
main(int argc, char **argv)
{
	static struct perf p;
	static struct theft t;

	theft_begin(&t, argc, argv);
	perf_arm_uprobes(&p, &t);
	perf_collect(&p, &t, theft_patience(3));
	if (p.samples == 0)
		theft_refused("uprobes by perf: none was hit");
	theft_end(&t, "uprobes by perf");
}
