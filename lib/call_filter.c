/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/call_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the lists of system calls are those of x86-64"
#endif

#define X32_BIT 0x40000000u

void
call_filter_put(struct call_filter *fi, struct sock_filter one)
{
	if (fi->n < CALL_FILTER_MAX)
		fi->code[fi->n] = one;
	fi->n++;
}

static void
load(struct call_filter *fi, size_t offset)
{
	call_filter_put(fi,
			(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

void
call_filter_number(struct call_filter *fi)
{
	load(fi, offsetof(struct seccomp_data, nr));
}

void
call_filter_argument(struct call_filter *fi, unsigned int i)
{
	load(fi, offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));
}

void
call_filter_answer(struct call_filter *fi, uint32_t action)
{
	call_filter_put(fi, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

void
call_filter_if(struct call_filter *fi, uint32_t value, uint32_t action)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	call_filter_answer(fi, action);
}

void
call_filter_begin(struct call_filter *fi)
{
	fi->n = 0;
	load(fi, offsetof(struct seccomp_data, arch));
	call_filter_put(
	    fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	call_filter_answer(fi, SECCOMP_RET_KILL_PROCESS);
	call_filter_number(fi);
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	call_filter_answer(fi, SECCOMP_RET_KILL_PROCESS);
}

int
call_filter_set(struct call_filter *fi)
{
	struct sock_fprog prog = { .len = (unsigned short)fi->n, .filter = fi->code };

	if (fi->n > CALL_FILTER_MAX) {
		errno = E2BIG;
		return -1;
	}
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}
