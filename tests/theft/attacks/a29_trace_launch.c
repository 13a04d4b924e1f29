/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trace who starts the target, so that the next one is traced from its first
 * instruction; then have that copy its memory out.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject.h"
#include "launch.h"
#include "trace.h"

#define EVENT(status) ((unsigned)(status) >> 16)

/* Let everybody go on for so long. Returns the target: it has just been executed. */
static pid_t
follow(const char *name, double seconds)
{
	double until = theft_now() + seconds;
	pid_t found = 0;

	while (theft_now() < until) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);
		long signal = 0;

		if (pid <= 0) {
			usleep(1000);
			continue;
		}
		if (!WIFSTOPPED(status))
			continue;
		if (EVENT(status) == 0 && WSTOPSIG(status) != SIGTRAP)
			signal = WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, NULL, signal);
		if (EVENT(status) == PTRACE_EVENT_EXEC)
			found = pid;
	}
	return found != 0 && launch_is(found, name) ? found : 0;
}

int
main(int argc, char **argv)
{
	static struct theft t;
	char name[32];
	pid_t found = 0;

	theft_begin(&t, argc, argv);
	trace_stop(t.pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			      PTRACE_O_TRACEEXEC);
	ptrace(PTRACE_CONT, t.pid, NULL, NULL);
	launch_kill_victim(name);
	found = follow(name, theft_patience(5));
	if (found == 0)
		theft_refused("no %s was started under the tracer", name);
	t.pid = found;
	if (theft_map(&t) != 0)
		theft_refused("the map of the new %s", name);
	if (ptrace(PTRACE_INTERRUPT, found, NULL, NULL) != 0)
		theft_failed("PTRACE_INTERRUPT", errno);
	trace_wait(found);
	inject_copy(&t);
	trace_leave(found);
	theft_end(&t, "traced from its start");
}
