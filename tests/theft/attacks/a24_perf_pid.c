/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sample the process wherever it runs: registers and stack. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "perf.h"

/* A sample at each of its system calls too, where the kernel has that event. */
static void
at_system_calls(struct perf *p, pid_t pid)
{
	FILE *f = fopen("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id", "re");
	char id[32] = "";

	if (f == NULL)
		return;
	if (fgets(id, sizeof(id), f) != NULL) {
		p->attr.type = PERF_TYPE_TRACEPOINT;
		p->attr.config = strtoull(id, NULL, 10);
		p->attr.sample_period = 1;
		(void)perf_open(p, pid);
	}
	fclose(f);
}

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
	at_system_calls(&p, t.pid);
	perf_collect(&p, &t, theft_patience(3));
	if (p.samples == 0)
		theft_refused("perf on the process: no sample");
	theft_end(&t, "perf on the process");
}
