/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of watch.bpf.c alone: layer bpf, hooks and ends of functions. */
#ifndef LSAWATCH_SENSE_BPF_HOOKS_H
#define LSAWATCH_SENSE_BPF_HOOKS_H

#include "files.h"

/* ---- layer bpf: hooks */

#define NR_BPF 321 /* x86-64 */

/* The system call that this task is in, as x86-64 has it; ~0: none that we know. */
static __always_inline __u32
my_call(void)
{
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u32 number = (__u32)BPF_CORE_READ(regs, orig_ax) & ~X32_BIT;

	if (number >= SEEN_CALLS)
		return ~0U;
	number = within(number);
	return BPF_CORE_READ(me, thread_info.status) & TS_COMPAT ? calls_32[number] : number;
}

static __always_inline void
tell_check(enum seen_kind kind, __u32 target, unsigned int mode)
{
	__u32 more, call = my_call();
	struct seen *se;

	/* ps and top try, and do without. */
	if ((mode & PTRACE_MODE_NOAUDIT) || my_process() == self || my_process() == target)
		return;
	/* A look hides no deed. */
	if (!may_tell(target, WHAT(kind, call ^ (mode & PTRACE_MODE_ATTACH) << 16),
		      mode & PTRACE_MODE_ATTACH ? DEED_NS : AGAIN_NS, &more))
		return;
	se = begin(kind, target);
	if (se == NULL)
		return;
	se->call = call;
	se->mode = mode;
	se->more = more;
	tell(se);
}

/*
 * The ends of the kernel's own calls of security hooks: there the verdict of
 * all modules is known, the guard's too, whatever their order.
 */
SEC("?fexit/security_ptrace_access_check")
int
BPF_PROG(on_access, struct task_struct *child, unsigned int mode, int ret)
{
	__u32 target = (__u32)BPF_CORE_READ(child, tgid);

	if (my_process() == self)
		prove(PROOF_CHECK);
	else if (ret == 0 && is_target(target))
		tell_check(SEEN_ACCESS, target, mode);
	return 0;
}

SEC("?fexit/ptrace_may_access")
int
BPF_PROG(on_may_access, struct task_struct *task, unsigned int mode, int ret)
{
	__u32 target = (__u32)BPF_CORE_READ(task, tgid);

	if (my_process() == self)
		prove(PROOF_MAY);
	else if ((ret & 0xff) == 0 && is_target(target))
		tell_check(SEEN_REFUSED, target, mode);
	return 0;
}

/* ptrace(2) itself asks without that function. */
SEC("?fexit/ptrace_attach")
int
BPF_PROG(on_attach, struct task_struct *task, long request, unsigned long addr, unsigned long flags,
	 int ret)
{
	__u32 target = (__u32)BPF_CORE_READ(task, tgid);

	if (ret == -EPERM && is_target(target))
		tell_check(SEEN_REFUSED, target, PTRACE_MODE_ATTACH);
	return 0;
}

/* All ways to open a file by its name, those of io_uring too. */
SEC("?fexit/do_filp_open")
int
BPF_PROG(on_open, int dfd, struct filename *name, void *flags, struct file *ret)
{
	long result = (long)ret, len;
	char path[64] = { 0 };

	if (my_process() == self) {
		prove(PROOF_OPEN);
		return 0;
	}
	if (result < 0 && result > -4096) {
		if (result != -EACCES && result != -EPERM)
			return 0;
		len = bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(name, name));
		tell_path(SEEN_DENIED, path, len, (int)result);
		return 0;
	}
	bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(name, name));
	opened(ret, path);
	return 0;
}

SEC("?fexit/security_perf_event_alloc")
int
BPF_PROG(on_perf, struct perf_event *event, int ret)
{
	struct task_struct *of = BPF_CORE_READ(event, hw.target);
	struct perf_ask ask = { 0 };
	__u32 target = 0;

	bpf_probe_read_kernel(&ask, sizeof(ask),
			      (void *)((char *)event + bpf_core_field_offset(event->attr)));
	if (of != NULL)
		target = (__u32)BPF_CORE_READ(of, tgid);
	asked_perf(&ask, is_target(target) ? target : 0, of == NULL, ret);
	return 0;
}

/* Called with each program that was loaded, and for each that is looked for by its number. */
SEC("?fexit/security_bpf_prog")
int
BPF_PROG(on_prog, struct bpf_prog *prog, int ret)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u32 type = (__u32)BPF_CORE_READ(prog, type);
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	struct seen *se;
	__u64 command;

	if (my_process() == self || type > 63 || !(TRACING_TYPES >> (type & 63) & 1) ||
	    my_call() != NR_BPF)
		return 0;
	command = BPF_CORE_READ(me, thread_info.status) & TS_COMPAT ? BPF_CORE_READ(regs, bx)
								    : BPF_CORE_READ(regs, di);
	if ((__u32)command != BPF_PROG_LOAD)
		return 0;
	se = begin(SEEN_BPF, 0);
	if (se == NULL)
		return 0;
	se->number = (__s32)type;
	se->result = ret;
	tell(se);
	return 0;
}

/* Called with each map that gets a descriptor. */
SEC("?fexit/security_bpf_map")
int
BPF_PROG(on_map, struct bpf_map *map, unsigned int mode, int ret)
{
	struct seen *se;

	if (ret != 0 || my_process() == self || !is_map_of_ours(BPF_CORE_READ(map, id)))
		return 0;
	se = begin(SEEN_MAP, 0);
	if (se != NULL)
		tell(se);
	return 0;
}

SEC("?fexit/security_locked_down")
int
BPF_PROG(on_locked_down, int what, int ret)
{
	struct seen *se;

	if (what < 0 || what > 63 || !(reasons >> (what & 63) & 1) || my_process() == self)
		return 0;
	se = begin(SEEN_LOCKDOWN, 0);
	if (se == NULL)
		return 0;
	se->number = what;
	se->result = ret;
	tell(se);
	return 0;
}

SEC("?fexit/security_task_setrlimit")
int
BPF_PROG(on_setrlimit, struct task_struct *p, unsigned int resource, void *limit, int ret)
{
	__u32 target = (__u32)BPF_CORE_READ(p, tgid), me = my_process();
	struct seen *se;

	if (!is_target(target) || me == self || me == target)
		return 0;
	se = begin(SEEN_LIMITS, target);
	if (se == NULL)
		return 0;
	se->number = (__s32)resource;
	se->result = ret;
	tell(se);
	return 0;
}

/* Only now has it another user, group or other capabilities. */
SEC("?fexit/commit_creds")
int
BPF_PROG(on_creds, void *new, int ret)
{
	__u32 me = my_process();
	struct seen *se;

	if (ret != 0 || !is_target(me))
		return 0;
	se = begin(SEEN_CREDS, me);
	if (se == NULL)
		return 0;
	se->call = my_call();
	tell(se);
	return 0;
}

#endif
