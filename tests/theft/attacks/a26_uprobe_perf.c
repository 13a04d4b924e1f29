/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A breakpoint of the kernel's on the functions that get keys, by perf: the stack at each. */
#include <errno.h>
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
	f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
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
	perf_collect(&p, &t, theft_patience(3));
	if (p.samples == 0)
		theft_refused("uprobes by perf: none was hit");
	theft_end(&t, "uprobes by perf");
}
