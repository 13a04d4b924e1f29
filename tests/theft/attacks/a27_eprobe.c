/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Event probes on the system calls that the target makes: what lies around
 * the buffer that it names, which is its stack, is printed as if it were an
 * argument.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "theft.h"
#include "tracefs.h"

#define WORDS	60 /* of 8 octets in one event; the kernel takes 128 arguments */
#define WINDOWS 4  /* to each side of the pointer */

static const struct {
	const char *call, *field;
} hooks[] = {
	{ "sys_enter_clock_gettime", "tp" },
	{ "sys_enter_getrandom", "ubuf" },
	{ "sys_enter_getrandom", "buf" }, /* in older kernels */
	{ "sys_enter_read", "buf" },
};
#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

/* Has this event of this kernel the field? */
static bool
there(size_t hook)
{
	char path[128], line[256], field[32];
	bool found = false;
	FILE *f = NULL;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/syscalls/%s/format",
		 hooks[hook].call);
	snprintf(field, sizeof(field), " %s;", hooks[hook].field);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, field) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static void
name(char *into, size_t size, const struct theft *t, size_t hook, int window)
{
	snprintf(into, size, "theft%d/h%zuw%d", (int)t->pid, hook, window + WINDOWS);
}

static void
arm(const struct theft *t, size_t hook, int window)
{
	char line[4000], event[64], filter[64];
	int at = 0;

	name(event, sizeof(event), t, hook, window);
	at = snprintf(line, sizeof(line), "e:%s syscalls.%s", event, hooks[hook].call);
	for (int k = 0; k < WORDS; k++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " +u%d($%s):x64",
			       8 * (window * WORDS + k), hooks[hook].field);
	tracefs_write("dynamic_events", line);
	snprintf(filter, sizeof(filter), "common_pid == %d", (int)t->pid);
	tracefs_enable(event, filter);
}

int
main(int argc, char **argv)
{
	static struct theft t;
	char event[64];
	size_t lines = 0;

	theft_begin(&t, argc, argv);
	tracefs_begin("dynamic_events");
	if (access("/sys/kernel/tracing/events/syscalls/sys_enter_read", F_OK) != 0)
		theft_cannot("this kernel has no events of system calls");
	if (!tracefs_knows("<attached-group>"))
		theft_cannot("this kernel has no event probes");
	for (size_t h = 0; h < HOOKS; h++) {
		for (int w = -WINDOWS; w < WINDOWS && there(h); w++)
			arm(&t, h, w);
	}
	lines = tracefs_collect(&t, theft_patience(3));
	for (size_t h = 0; h < HOOKS; h++) {
		for (int w = -WINDOWS; w < WINDOWS && there(h); w++) {
			name(event, sizeof(event), &t, h, w);
			tracefs_remove("dynamic_events", event);
		}
	}
	if (lines == 0)
		theft_refused("event probes: none was hit");
	theft_end(&t, "event probes");
}
