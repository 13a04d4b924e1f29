/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "theft.h"

int
trace_wait(pid_t pid)
{
	int status = 0;

	for (;;) {
		if (waitpid(pid, &status, __WALL) != pid)
			theft_refused("waitpid: %m");
		if (WIFSTOPPED(status))
			return WSTOPSIG(status);
		theft_refused("the process ended under the attack (status %#x)", (unsigned)status);
	}
}

void
trace_stop(pid_t pid, long options)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, options) != 0)
		theft_failed("PTRACE_SEIZE", errno);
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0)
		theft_failed("PTRACE_INTERRUPT", errno);
	trace_wait(pid);
}

void
trace_leave(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

void
trace_registers(pid_t pid, struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_GETREGS, pid, NULL, regs) != 0)
		theft_failed("PTRACE_GETREGS", errno);
}

void
trace_set_registers(pid_t pid, const struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_SETREGS, pid, NULL, regs) != 0)
		theft_failed("PTRACE_SETREGS", errno);
}

int
trace_poke(pid_t pid, uint64_t address, const void *octets, size_t len)
{
	for (size_t at = 0; at + sizeof(long) <= len; at += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)octets + at, sizeof(word));
		if (ptrace(PTRACE_POKEDATA, pid, address + at, word) != 0)
			return errno;
	}
	return 0;
}

int
trace_go(pid_t pid, enum __ptrace_request request)
{
	if (ptrace(request, pid, NULL, NULL) != 0)
		theft_failed("PTRACE_CONT", errno);
	return trace_wait(pid);
}
