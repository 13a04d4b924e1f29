/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uprobes by perf on the program $THEFT_IMAGE, armed before it is started.
 * PID says only that one is needed on the command line: 1.
 */
#include <stdio.h>

#include "perf.h"

int
main(int argc, char **argv)
{
	static struct perf p;
	static struct theft t;

	theft_begin(&t, argc, argv);
	t.pid = 0; /* of anybody */
	t.all = 0;
	perf_arm_uprobes(&p, &t);
	fputs("armed\n", stdout);
	fflush(stdout);
	perf_collect(&p, &t, theft_patience(8));
	if (p.samples == 0)
		theft_refused("uprobes armed before: none was hit");
	theft_end(&t, "uprobes armed before");
}
