/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open mem of the next target as early as can be, before it has hardened
 * itself, and read through that descriptor when the secrets are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"

#define MOST 32

/* Does it still run what its parent runs (between fork and exec)? */
static bool
same_program(pid_t a, pid_t b)
{
	struct stat one = { 0 }, other = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", a);
	if (stat(path, &one) != 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", b);
	return stat(path, &other) != 0 ||
	       (one.st_ino == other.st_ino && one.st_dev == other.st_dev);
}

/* Pids of the children of pid. Returns how many. */
static size_t
children(pid_t pid, long into[MOST])
{
	char path[64], text[512] = "", *at = text;
	size_t n = 0;
	FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (f == NULL)
		theft_failed(path, errno);
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = 0;
	fclose(f);
	for (long child = strtol(at, &at, 10); child > 0 && n < MOST; child = strtol(at, &at, 10))
		into[n++] = child;
	return n;
}

static bool
among(const long *list, size_t n, long pid)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == pid)
			return true;
	}
	return false;
}

/* The first child that was not there before and is another program: its open mem. */
static int
catch_it(struct theft *t, const long *before, size_t n, double seconds)
{
	double until = theft_now() + seconds;
	long now[MOST];
	char path[64];

	while (theft_now() < until) {
		size_t count = children(t->pid, now);

		for (size_t i = 0; i < count; i++) {
			int fd = -1;

			if (among(before, n, now[i]) || same_program((pid_t)now[i], t->pid))
				continue;
			snprintf(path, sizeof(path), "/proc/%ld/mem", now[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				theft_refused("open %s: %m", path);
			t->pid = (pid_t)now[i];
			return fd;
		}
	}
	theft_refused("no new target came");
}

int
main(int argc, char **argv)
{
	static struct theft t;
	long before[MOST];
	size_t n = 0;
	char name[32];
	double seconds = theft_patience(5);
	int fd = -1;

	theft_begin(&t, argc, argv);
	n = children(t.pid, before);
	launch_kill_victim(name);
	fd = catch_it(&t, before, n, seconds);
	usleep((useconds_t)(seconds * 1e6));
	if (!launch_is(t.pid, name))
		theft_refused("another program than %s was started first", name);
	if (theft_map(&t) != 0)
		theft_refused("the map of the new %s", name);
	theft_copy_all(&t, theft_from_fd, &fd);
	theft_end(&t, "mem, opened before it hardened itself");
}
