/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sample each whole processor: registers and stack of whatever runs there. */
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
	p.attr.config = PERF_COUNT_SW_CPU_CLOCK;
	p.attr.sample_period = 50000; /* ns */
	perf_want_stack(&p);
	error = perf_open(&p, -1);
	if (error != 0)
		theft_failed("perf_event_open for every processor", error);
	perf_at_system_calls(&p, &t, -1);
	perf_collect(&p, &t, theft_patience(3));
	if (p.samples == 0)
		theft_refused("perf on every processor: no sample of the process");
	theft_end(&t, "perf on every processor");
}
