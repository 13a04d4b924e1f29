/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "puppet.h"

#include "trace.h"

void
puppet_take(struct puppet *p, const struct theft *t)
{
	const uint8_t instruction[] = { 0x0f, 0x05 };

	p->pid = t->pid;
	trace_stop(t->pid, PTRACE_O_SUSPEND_SECCOMP);
	p->syscall = trace_find(t, instruction, sizeof(instruction));
	if (p->syscall == 0)
		theft_cannot("no system call instruction in the process");
	trace_registers(t->pid, &p->was);
}

long
puppet_calls(const struct puppet *p, long number, const long args[6])
{
	struct user_regs_struct r = p->was;
	int signal = 0;

	r.rip = p->syscall;
	r.rax = (unsigned long long)number;
	r.orig_rax = (unsigned long long)-1;
	r.rdi = (unsigned long long)args[0];
	r.rsi = (unsigned long long)args[1];
	r.rdx = (unsigned long long)args[2];
	r.r10 = (unsigned long long)args[3];
	r.r8 = (unsigned long long)args[4];
	r.r9 = (unsigned long long)args[5];
	trace_set_registers(p->pid, &r);
	signal = trace_go(p->pid, PTRACE_SINGLESTEP);
	trace_registers(p->pid, &r);
	if (r.rip != p->syscall + 2)
		theft_refused("the injected system call did not run (signal %d)", signal);
	return (long)r.rax;
}

void
puppet_leave(const struct puppet *p)
{
	trace_set_registers(p->pid, &p->was);
	trace_leave(p->pid);
}
