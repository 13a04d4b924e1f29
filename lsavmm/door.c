/* SPDX-License-Identifier: GPL-3.0-or-later */
/* After this there are only the calls that the loop makes; any other ends the process. */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lsavmm/kvm.h"
#include "lsavmm/vmm.h"

#define LOAD(field)                                                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
/* n: checks to go before the end; there are two answers, refuse and then allow. */
#define ALLOW(number, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, (n) + 1, 0)

int
door_shut(void)
{
	struct sock_filter table[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 10),
		LOAD(nr),
		ALLOW(SYS_futex, 8),
		ALLOW(SYS_clock_gettime, 7),
		ALLOW(SYS_setitimer, 6),
		ALLOW(SYS_rt_sigreturn, 5),
		ALLOW(SYS_write, 4),
		ALLOW(SYS_exit_group, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 2),
		LOAD(args[1]),
		ALLOW((uint32_t)KVM_RUN, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(table) / sizeof(table[0]), table };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
