/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
name_of(pid_t pid, char name[32])
{
	char path[64];
	ssize_t n = -1;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, 31);
		close(fd);
	}
	name[n > 0 ? n : 0] = 0;
	name[strcspn(name, "\n")] = 0;
}

bool
launch_is(pid_t pid, const char *name)
{
	char its[32];

	name_of(pid, its);
	return strcmp(its, name) == 0;
}

void
launch_kill_victim(char name[32])
{
	const char *told = getenv("THEFT_VICTIM");
	pid_t victim = told != NULL ? (pid_t)strtol(told, NULL, 10) : 0;

	if (victim <= 0)
		theft_cannot("THEFT_VICTIM is not set");
	name_of(victim, name);
	if (kill(victim, SIGKILL) != 0)
		theft_failed("kill the running one", errno);
}
