/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of watch.bpf.c alone: layer trace, the ends of system calls. */
#ifndef LSAWATCH_SENSE_BPF_CALLS_H
#define LSAWATCH_SENSE_BPF_CALLS_H

#include "files.h"

/* ---- layer trace: ends of system calls */

struct call {
	__u32 number; /* as x86-64 has it */
	long result;
	__u64 a0, a1, a2, a3, a4;
};

static __always_inline void
tell_call(const struct call *ca, __u32 target, int number)
{
	__u32 more, again = ca->number | (ca->result < 0 ? (__u32)-ca->result << 16 : 0);
	struct seen *se;

	if (target == 0 || target == my_process() ||
	    !may_tell(target, WHAT(SEEN_CALL, again), AGAIN_NS, &more))
		return;
	se = begin(SEEN_CALL, target);
	if (se == NULL)
		return;
	se->call = ca->number;
	se->number = number;
	se->result = (__s32)ca->result;
	se->more = more;
	tell(se);
}

static __always_inline struct file *
file_at(__u64 fd)
{
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(me, files, fdt);
	struct file **at, *file = NULL;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	at = BPF_CORE_READ(fdt, fd) + fd;
	bpf_probe_read_kernel(&file, sizeof(file), at);
	return file;
}

/* The target of a pidfd; 0: none. */
static __always_inline __u32
pidfd_target(__u64 fd)
{
	struct file *file = file_at(fd);
	struct inode *inode;
	unsigned long magic;
	struct pid *pid;

	if (file == NULL)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if (magic == PIDFS_MAGIC)
		pid = BPF_CORE_READ(inode, i_private);
	else if (magic == ANON_INODE_MAGIC)
		pid = BPF_CORE_READ(file, private_data);
	else
		return 0;
	return pid != NULL ? target_of((__u32)BPF_CORE_READ(pid, numbers[0].nr)) : 0;
}

static __always_inline void
ended_open(const struct call *ca, __u64 at)
{
	char path[64] = { 0 };
	struct file *file;
	long len;

	if (ca->result < 0 && ca->result != -EACCES && ca->result != -EPERM)
		return;
	len = bpf_probe_read_user_str(path, sizeof(path), (void *)at);
	if (ca->result < 0) {
		tell_path(SEEN_DENIED, path, len, (int)ca->result);
		return;
	}
	file = file_at((__u64)ca->result);
	if (file != NULL)
		opened(file, path);
}

static __always_inline void
ended_perf(const struct call *ca)
{
	struct perf_ask ask = { 0 };
	int pid = (int)ca->a1, all = pid == -1 || (ca->a4 & PERF_FLAG_PID_CGROUP);

	if (ca->result < 0 && ca->result != -EPERM && ca->result != -EACCES)
		return;
	if (bpf_probe_read_user(&ask, sizeof(ask), (void *)ca->a0) != 0)
		return;
	asked_perf(&ask, all ? 0 : target_of((__u32)pid), all, (int)ca->result);
}

static __always_inline void
ended_map(const struct call *ca)
{
	__u32 number = 0;
	struct seen *se;

	if (ca->result < 0 || bpf_probe_read_user(&number, sizeof(number), (void *)ca->a1) != 0 ||
	    !is_map_of_ours(number))
		return;
	se = begin(SEEN_MAP, 0);
	if (se != NULL)
		tell(se);
}

static __always_inline void
ended_bpf(const struct call *ca)
{
	__u32 type = 0;
	struct seen *se;

	if ((__u32)ca->a0 == BPF_MAP_GET_FD_BY_ID)
		ended_map(ca);
	if ((__u32)ca->a0 != BPF_PROG_LOAD || (ca->result < 0 && ca->result != -EPERM))
		return;
	if (bpf_probe_read_user(&type, sizeof(type), (void *)ca->a1) != 0 || type > 63 ||
	    !(TRACING_TYPES >> (type & 63) & 1))
		return;
	se = begin(SEEN_BPF, 0);
	if (se == NULL)
		return;
	se->number = (__s32)type;
	se->result = (__s32)ca->result;
	tell(se);
}

static __always_inline void
ended_prlimit(const struct call *ca)
{
	__u32 target = target_of((__u32)ca->a0);
	struct seen *se;

	/* Without new limits it only reads. */
	if (target == 0 || ca->a2 == 0 || target == my_process() ||
	    (ca->result < 0 && ca->result != -EPERM))
		return;
	se = begin(SEEN_LIMITS, target);
	if (se == NULL)
		return;
	se->number = (__s32)ca->a1;
	se->result = (__s32)ca->result;
	tell(se);
}

static __always_inline void
ended_creds(const struct call *ca)
{
	__u32 me = my_process();
	struct seen *se;

	if (ca->result < 0 || !is_target(me))
		return;
	se = begin(SEEN_CREDS, me);
	if (se == NULL)
		return;
	se->call = ca->number;
	tell(se);
}

static __always_inline void
ended(const struct call *ca)
{
	switch (calls[within(ca->number)]) {
	case CALL_PTRACE:
		if (ca->a0 != PTRACE_DETACH)
			tell_call(ca, target_of((__u32)ca->a1), (int)ca->a0);
		break;
	case CALL_PID:
		tell_call(ca, target_of((__u32)ca->a0), 0);
		break;
	case CALL_PIDFD:
		tell_call(ca, pidfd_target(ca->a0), 0);
		break;
	case CALL_KCMP:
		tell_call(ca, target_of((__u32)ca->a0), 0);
		tell_call(ca, target_of((__u32)ca->a1), 0);
		break;
	case CALL_OPEN:
		ended_open(ca, ca->a0);
		break;
	case CALL_OPENAT:
		ended_open(ca, ca->a1);
		break;
	case CALL_PERF:
		ended_perf(ca);
		break;
	case CALL_BPF:
		ended_bpf(ca);
		break;
	case CALL_PRLIMIT:
		ended_prlimit(ca);
		break;
	case CALL_CREDS:
		ended_creds(ca);
		break;
	default:
		break;
	}
}

SEC("raw_tp/sys_exit")
int
on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	struct task_struct *me;
	struct call ca;
	__u32 number = (__u32)BPF_CORE_READ(regs, orig_ax) & ~X32_BIT;

	/* Almost all system calls end here. */
	if (number >= SEEN_CALLS)
		return 0;
	number = within(number);
	if (calls[number] == 0 && calls_32[number] == 0)
		return 0;
	if (my_process() == self) {
		prove(PROOF_CALL);
		return 0;
	}
	me = (struct task_struct *)bpf_get_current_task();
	ca.result = (long)ctx->args[1];
	if (BPF_CORE_READ(me, thread_info.status) & TS_COMPAT) {
		ca.number = calls_32[number];
		ca.result = (int)ca.result;
		ca.a0 = (__u32)BPF_CORE_READ(regs, bx);
		ca.a1 = (__u32)BPF_CORE_READ(regs, cx);
		ca.a2 = (__u32)BPF_CORE_READ(regs, dx);
		ca.a3 = (__u32)BPF_CORE_READ(regs, si);
		ca.a4 = (__u32)BPF_CORE_READ(regs, di);
	} else {
		ca.number = number;
		ca.a0 = BPF_CORE_READ(regs, di);
		ca.a1 = BPF_CORE_READ(regs, si);
		ca.a2 = BPF_CORE_READ(regs, dx);
		ca.a3 = BPF_CORE_READ(regs, r10);
		ca.a4 = BPF_CORE_READ(regs, r8);
	}
	ended(&ca);
	return 0;
}

#define IORING_OP_OPENAT  18
#define IORING_OP_OPENAT2 28

/* What io_uring opens is no system call. Whether it could be opened is not seen here. */
static __always_inline int
submitted(struct io_kiocb *req)
{
	struct io_open *open = (struct io_open *)req;
	__u8 opcode = BPF_CORE_READ(req, opcode);
	char path[64] = { 0 };
	long len;

	if (opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2)
		return 0;
	len = bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(open, filename, name));
	if (my_process() != self)
		tell_path(SEEN_SUBMITTED, path, len, 0);
	return 0;
}

/* Until 6.2, and since. */
SEC("?raw_tp/io_uring_submit_sqe")
int
on_submit_old(struct bpf_raw_tracepoint_args *ctx)
{
	return submitted((struct io_kiocb *)ctx->args[0]);
}

SEC("?raw_tp/io_uring_submit_req")
int
on_submit(struct bpf_raw_tracepoint_args *ctx)
{
	return submitted((struct io_kiocb *)ctx->args[0]);
}

#endif
