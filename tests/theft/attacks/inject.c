/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inject.h"

#include <errno.h>
#include <signal.h>

#include "trace.h"

#define PIECE 16384u

struct puppet {
	pid_t pid;
	uint64_t code, stack, carry;
	struct user_regs_struct was;
};

static ssize_t
by_copying(void *arg, uint64_t address, void *buffer, size_t length)
{
	struct puppet *p = arg;
	struct user_regs_struct r = p->was;
	int signal = 0;

	if (length > PIECE)
		return -E2BIG; /* comes back in pages */
	r.rip = p->code;
	r.rsp = p->stack;
	r.rsi = address;
	r.rdi = p->carry;
	r.rcx = r.rdx = length;
	r.eflags &= ~0x400ull; /* upwards */
	r.orig_rax = (unsigned long long)-1;
	trace_set_registers(p->pid, &r);
	signal = trace_go(p->pid, PTRACE_CONT);
	trace_registers(p->pid, &r);
	if (signal != SIGSEGV || r.rip != 0)
		return -EFAULT;
	return trace_peek(p->pid, p->carry, buffer, length) == 0 ? (ssize_t)length : -EIO;
}

void
inject_copy(struct theft *t)
{
	const uint8_t copy[] = { 0xf3, 0xa4, 0xc3 };
	static uint8_t kept[PIECE + 64];
	const struct area *a = theft_ordinary(t);
	struct puppet p = { .pid = t->pid, .code = trace_find(t, copy, sizeof(copy)) };

	if (p.code == 0 || a == NULL || a->end - a->start < sizeof(kept))
		theft_cannot("no \"rep movsb; ret\" in the process, or no ordinary memory");
	p.carry = a->end - sizeof(kept);
	p.stack = a->end - 32;
	trace_registers(t->pid, &p.was);
	if (trace_peek(t->pid, p.carry, kept, sizeof(kept)) != 0)
		theft_refused("ordinary memory: %m");
	for (size_t i = 0; i < t->areas; i++) {
		const uint64_t nowhere = 0;

		trace_poke(t->pid, p.stack, &nowhere, sizeof(nowhere));
		theft_copy(t, &t->area[i], by_copying, &p);
	}
	trace_poke(t->pid, p.carry, kept, sizeof(kept));
	trace_set_registers(t->pid, &p.was);
}
