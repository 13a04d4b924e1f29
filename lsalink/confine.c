/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lsainit could not take away for us: it made the process, this closes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lsalink/link.h"

#ifndef __x86_64__
#error "the list of system calls is that of x86-64"
#endif

#define LOAD(field)                                                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
/* n: the checks that follow it. */
#define ALLOW(number, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, (n) + 1, 0)

void
confine_process(void)
{
	const struct rlimit none = { 0, 0 };

	/* Executed from a descriptor, whose number older kernels take as the name. */
	if (prctl(PR_SET_NAME, "lsalink") != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    setrlimit(RLIMIT_CORE, &none) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		link_exit(ISO_EXIT_PRCTL);
	if (close_range(0, ISO_FD_LIFE - 1, 0) != 0 || close_range(LINK_FD_STREAM + 1, ~0u, 0) != 0)
		link_exit(ISO_EXIT_CHANNEL);
}

void
confine_memory(void)
{
	if (mlockall(MCL_CURRENT) != 0) /* what is under way is not swapped out */
		link_exit(ISO_EXIT_MEMLOCK);
}

void
confine_calls(void)
{
	struct sock_filter table[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 8),
		LOAD(nr),
		ALLOW(SYS_futex, 6),
		ALLOW(SYS_read, 5),
		ALLOW(SYS_write, 4),
		ALLOW(SYS_poll, 3),
		ALLOW(SYS_clock_gettime, 2),
		ALLOW(SYS_restart_syscall, 1), /* after SIGSTOP and SIGCONT */
		ALLOW(SYS_exit_group, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(table) / sizeof(table[0]), table };

	/* Of both threads. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		link_exit(ISO_EXIT_SECCOMP);
}
