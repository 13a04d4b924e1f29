/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uprobes by perf on the program $THEFT_IMAGE, armed before it is started.
 * PID says only that one is needed on the command line: 1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "perf.h"
#include "symbols.h"

int
main(int argc, char **argv)
{
	static struct spot spots[SPOTS];
	static struct perf p;
	static struct theft t;
	char type[32] = "";
	int error = 0;
	size_t n = 0;
	FILE *f = NULL;

	theft_begin(&t, argc, argv);
	t.pid = 0; /* of anybody */
	t.all = 0;
	f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	if (f == NULL || fgets(type, sizeof(type), f) == NULL)
		theft_cannot("this kernel has no uprobes for perf");
	fclose(f);
	n = symbols_find(&t, spots);
	p.attr.type = (uint32_t)strtoul(type, NULL, 10);
	p.attr.sample_period = 1;
	perf_want_stack(&p);
	for (size_t i = 0; i < n && error == 0; i++) {
		p.attr.uprobe_path = (uintptr_t)spots[i].path;
		p.attr.probe_offset = spots[i].offset;
		error = perf_open(&p, -1);
	}
	if (error != 0)
		theft_failed("perf_event_open of a uprobe", error);
	fputs("armed\n", stdout);
	fflush(stdout);
	perf_collect(&p, &t, theft_patience(8));
	if (p.samples == 0)
		theft_refused("uprobes armed before: none was hit");
	theft_end(&t, "uprobes armed before");
}
