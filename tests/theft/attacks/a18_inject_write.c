/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Make the process write its memory out by system calls of its own, with its
 * seccomp filter suspended: memfd_create, then write(2) of every area.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "theft.h"
#include "trace.h"

#define AN_ERROR(r) ((r) < 0 && (r) > -4096)

struct puppet {
	pid_t pid;
	uint64_t syscall; /* address of such an instruction */
	struct user_regs_struct was;
};

static long
make(const struct puppet *p, long number, uint64_t a, uint64_t b, uint64_t c)
{
	struct user_regs_struct r = p->was;
	int signal = 0;

	r.rip = p->syscall;
	r.rax = (unsigned long long)number;
	r.orig_rax = (unsigned long long)-1;
	r.rdi = a;
	r.rsi = b;
	r.rdx = c;
	trace_set_registers(p->pid, &r);
	signal = trace_go(p->pid, PTRACE_SINGLESTEP);
	trace_registers(p->pid, &r);
	if (r.rip != p->syscall + 2)
		theft_refused("the injected system call did not run (signal %d)", signal);
	return (long)r.rax;
}

/* Any string will do as a name: the first zero octet of ordinary memory. */
static uint64_t
a_string(const struct theft *t)
{
	const struct area *a = theft_ordinary(t);
	uint8_t piece[THEFT_PAGE];

	if (a != NULL && trace_peek(t->pid, a->start, piece, sizeof(piece)) == 0) {
		for (size_t i = 0; i < sizeof(piece); i++) {
			if (piece[i] == 0)
				return a->start + i;
		}
	}
	theft_cannot("no zero octet in ordinary memory");
}

static int
write_areas(const struct puppet *p, struct theft *t, long fd)
{
	int written = 0;

	for (size_t i = 0; i < t->areas; i++) {
		const struct area *a = &t->area[i];
		long n = make(p, SYS_write, (uint64_t)fd, a->start, a->end - a->start);

		if (AN_ERROR(n) && t->error == 0)
			t->error = (int)-n;
		written += n > 0;
	}
	return written;
}

static void
collect(struct theft *t, long fd)
{
	char path[64], piece[1 << 16];
	ssize_t n = 0;
	int mine = -1;

	snprintf(path, sizeof(path), "/proc/%d/fd/%ld", t->pid, fd);
	mine = open(path, O_RDONLY | O_CLOEXEC);
	if (mine < 0)
		return;
	while ((n = read(mine, piece, sizeof(piece))) > 0)
		theft_write(t, piece, (size_t)n);
	close(mine);
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { 1024, 1024 };
	const uint8_t instruction[] = { 0x0f, 0x05 };
	struct puppet p = { 0 };
	struct rlimit before = { 0 };
	static struct theft t;
	long fd = 0;

	theft_begin(&t, argc, argv);
	p.pid = t.pid;
	trace_stop(t.pid, PTRACE_O_SUSPEND_SECCOMP);
	p.syscall = trace_find(&t, instruction, sizeof(instruction));
	if (p.syscall == 0)
		theft_cannot("no system call instruction in the process");
	trace_registers(t.pid, &p.was);
	(void)prlimit(t.pid, RLIMIT_NOFILE, &files, &before);
	fd = make(&p, SYS_memfd_create, a_string(&t), 0, 0);
	if (!AN_ERROR(fd)) {
		write_areas(&p, &t, fd);
		collect(&t, fd);
		make(&p, SYS_close, (uint64_t)fd, 0, 0);
	} else {
		t.error = (int)-fd;
	}
	(void)prlimit(t.pid, RLIMIT_NOFILE, &before, NULL);
	trace_set_registers(t.pid, &p.was);
	trace_leave(t.pid);
	theft_end(&t, "write(2) injected, seccomp suspended");
}
