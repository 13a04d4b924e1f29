/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sample the process wherever it runs: registers and stack. */
#include <errno.h>

#include "perf.h"

int
main(int argc, char **argv)
{
	static struct perf p;
	static struct theft t;
	int error = 0;

	theft_begin(&t, argc, argv);
	p.attr.type = PERF_TYPE_SOFTWARE;
	p.attr.config = PERF_COUNT_SW_TASK_CLOCK;
	p.attr.sample_period = 50000; /* ns */
	perf_want_stack(&p);
	error = perf_open(&p, t.pid);
	if (error != 0)
		theft_failed("perf_event_open for the process", error);
	perf_at_system_calls(&p, &t, t.pid);
	perf_collect(&p, &t, theft_patience(3));
	if (p.samples == 0)
		theft_refused("perf on the process: no sample");
	theft_end(&t, "perf on the process");
}
