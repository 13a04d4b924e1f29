/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The watch, kernel side: programs that look and never refuse. bpf.c loads
 * those of the layer "bpf", trace.c those of "trace"; what starts, ends and
 * signals is told by the same programs in both.
 *
 * Told is what concerns a target, what concerns all processes (the kernel's
 * memory, probes, BPF), and programs that are ours or go by a name like ours
 * (starts.h). What lsawatch does itself is not told.
 */
#include <linux/bpf.h>
#include <linux/errno.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"
#include "shared.h"

#include "tell.h"

#include "starts.h"

/* ---- processes are made and end, signals: in both layers */

SEC("raw_tp/sched_process_fork")
int
on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	__u32 me = my_process();
	struct seen *se;

	if (!is_target(me))
		return 0;
	se = begin(SEEN_FORK, BPF_CORE_READ(child, pid));
	if (se == NULL)
		return 0;
	se->number = (__u32)BPF_CORE_READ(child, tgid) == me;
	tell(se);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int
on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	__u64 id = bpf_get_current_pid_tgid();
	struct seen *se;

	if ((__u32)id != id >> 32 || !is_target((__u32)id))
		return 0;
	se = begin(SEEN_EXIT, (__u32)id);
	if (se == NULL)
		return 0;
	se->number = BPF_CORE_READ(task, exit_code);
	tell(se);
	return 0;
}

SEC("raw_tp/signal_generate")
int
on_signal(struct bpf_raw_tracepoint_args *ctx)
{
	struct kernel_siginfo *info = (struct kernel_siginfo *)ctx->args[1];
	struct task_struct *task = (struct task_struct *)ctx->args[2];
	__u32 target = BPF_CORE_READ(task, tgid), me = my_process();
	int number = (int)ctx->args[0], code = 0, of_kernel = 0;
	struct seen *se;
	__u32 more;

	if ((!is_target(target) && target != self) || me == self || me == target)
		return 0;
	/* SEND_SIG_NOINFO, SEND_SIG_PRIV, or a structure. */
	if ((unsigned long)info > 1)
		code = BPF_CORE_READ(info, si_code);
	else
		of_kernel = (unsigned long)info == 1;
	if ((number == SIGCHLD && (of_kernel || code > 0)) ||
	    !may_tell(target, WHAT(SEEN_SIGNAL, number), AGAIN_NS, &more))
		return 0;
	se = begin(SEEN_SIGNAL, target);
	if (se == NULL)
		return 0;
	se->more = more;
	se->number = number;
	se->result = of_kernel;
	tell(se);
	return 0;
}

SEC("raw_tp/module_load")
int
on_module(struct bpf_raw_tracepoint_args *ctx)
{
	struct module *mod = (struct module *)ctx->args[0];
	struct seen *se = begin(SEEN_MODULE, 0);

	if (se == NULL)
		return 0;
	se->number = BPF_CORE_READ(mod, taints) >> TAINT_UNSIGNED & 1;
	bpf_probe_read_kernel_str(se->name, sizeof(se->name), &mod->name);
	tell(se);
	return 0;
}

/* ---- each layer its own */

#include "calls.h"
#include "hooks.h"
