/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
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
trace_peek(pid_t pid, uint64_t address, void *octets, size_t len)
{
	struct iovec mine = { octets, len };
	struct iovec theirs = { (void *)(uintptr_t)address, len };

	if (process_vm_readv(pid, &mine, 1, &theirs, 1, 0) != (ssize_t)len)
		return errno != 0 ? errno : EIO;
	return 0;
}

uint64_t
trace_find(const struct theft *t, const uint8_t *octets, size_t len)
{
	uint64_t found = 0;

	for (size_t i = 0; i < t->all && found == 0; i++) {
		const struct area *a = &t->every[i];
		size_t size = a->end - a->start;
		uint8_t *code = NULL, *hit = NULL;

		if (a->perms[2] != 'x' || a->perms[0] != 'r' || size > THEFT_LARGEST)
			continue;
		code = malloc(size);
		if (code != NULL && trace_peek(t->pid, a->start, code, size) == 0)
			hit = memmem(code, size, octets, len);
		if (hit != NULL)
			found = a->start + (uint64_t)(hit - code);
		free(code);
	}
	return found;
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
