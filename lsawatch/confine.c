/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lsawatch gives up once its sensors are open. It stays able to look at
 * every process and to read every file, because judging needs that; it cannot
 * start a program, make memory executable, trace, signal, or open a new way
 * into the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/call_filter.h"
#include "lib/log.h"
#include "lsawatch/watch.h"

#define CAP_BIT(cap) (1ULL << (cap))
/* /proc of processes of others, and what only their owners may list. */
#define KEPT_ALWAYS (CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_DAC_READ_SEARCH))

/* ---- capabilities */

static uint64_t
kept(const struct lsawatch *w)
{
	uint64_t bits = KEPT_ALWAYS;
	size_t n;
	const struct watch_sensor_state *st = sensors_state(w, &n);

	for (size_t i = 0; i < n; i++) {
		if (st[i].shows != 0)
			bits |= st[i].sensor->keeps;
	}
	return bits;
}

static int
drop_capabilities(uint64_t but)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    syscall(SYS_capget, &head, caps) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		uint32_t half = caps[i].permitted & (uint32_t)(but >> (32 * i));

		caps[i] = (struct __user_cap_data_struct){ .effective = half, .permitted = half };
	}
	return (int)syscall(SYS_capset, &head, caps);
}

/* ---- system calls */

static const uint32_t allowed[] = {
	/* most often first */
	SYS_read,
	SYS_openat,
	SYS_close,
	SYS_epoll_wait,
	SYS_clock_gettime,
	SYS_readlink,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_newfstatat,
	SYS_fstat,
	SYS_pread64,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_write,
	SYS_writev,
	SYS_lseek,
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	SYS_epoll_create1,
	SYS_poll,
	SYS_ppoll,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_accept4,
	SYS_connect,
	SYS_bind,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_shutdown,
	SYS_fcntl,
	SYS_ioctl,
	SYS_dup,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	/* files of [watch] directory */
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_statx,
	SYS_access,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_fstatfs,
	SYS_statfs,
	SYS_fsync,
	SYS_fdatasync,
	SYS_ftruncate,
	SYS_fchmod,
	SYS_rename,
	SYS_renameat,
	SYS_renameat2,
	SYS_unlink,
	SYS_unlinkat,
	SYS_umask,
	SYS_flock,
	SYS_pwrite64,
	SYS_getcwd,
	/* processes and files that are watched */
	SYS_pidfd_open,
	SYS_name_to_handle_at,
	SYS_open_by_handle_at,
	SYS_fanotify_mark,
	SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	SYS_getxattr,
	SYS_lgetxattr,
	SYS_fgetxattr,
	/* of libc */
	SYS_getpid,
	SYS_gettid,
	SYS_getppid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrandom,
	SYS_gettimeofday,
	SYS_time,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_getrusage,
	SYS_sysinfo,
	SYS_uname,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
};

/* Whoever tries these in our place is no bug of ours. */
static const uint32_t deadly[] = {
	SYS_execve,
	SYS_execveat,
	SYS_fork,
	SYS_vfork,
	SYS_clone,
	SYS_clone3,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_kcmp,
	SYS_pidfd_send_signal,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_init_module,
	SYS_finit_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_mount,
	SYS_setns,
	SYS_unshare,
	SYS_process_madvise,
	SYS_io_uring_setup,
};

static const uint32_t no_signal[] = { 0 }; /* of kill(2): is it there? */
static const uint32_t families[] = { AF_UNIX, AF_NETLINK };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define REFUSED	    (SECCOMP_RET_ERRNO | EPERM)

static void
if_one_of(struct call_filter *fi, const uint32_t *list, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++)
		call_filter_if(fi, list[i], action);
}

/* Call nr is allowed with one of list as its argument i, and refused else. */
static void
only_with(struct call_filter *fi, uint32_t nr, unsigned int i, const uint32_t *list, size_t n)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0,
							 (uint8_t)(2 * n + 2)));
	call_filter_argument(fi, i);
	if_one_of(fi, list, n, SECCOMP_RET_ALLOW);
	call_filter_answer(fi, REFUSED);
}

/* Call nr is allowed unless its argument i has one of bits. */
static void
only_without(struct call_filter *fi, uint32_t nr, unsigned int i, uint32_t bits)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4));
	call_filter_argument(fi, i);
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	call_filter_answer(fi, REFUSED);
	call_filter_answer(fi, SECCOMP_RET_ALLOW);
}

static int
filter_calls(void)
{
	struct call_filter fi;

	call_filter_begin(&fi);
	if_one_of(&fi, allowed, COUNT(allowed), SECCOMP_RET_ALLOW);
	if_one_of(&fi, deadly, COUNT(deadly), SECCOMP_RET_KILL_PROCESS);
	only_with(&fi, SYS_kill, 1, no_signal, COUNT(no_signal));
	only_with(&fi, SYS_socket, 0, families, COUNT(families));
	only_without(&fi, SYS_mmap, 2, PROT_EXEC);
	only_without(&fi, SYS_mprotect, 2, PROT_EXEC);
	call_filter_answer(&fi, REFUSED);
	return call_filter_set(&fi);
}

int
confine(struct lsawatch *w)
{
	if (drop_capabilities(kept(w)) != 0) {
		log_err("cannot drop capabilities: %s", strerror(errno));
		return -1;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_calls() != 0) {
		log_err("cannot set its system call filter: %s", strerror(errno));
		return -1;
	}
	return 0;
}
