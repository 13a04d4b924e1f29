/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Of watch.bpf.c alone: programs that start, and tasks that take a name. A busy
 * machine starts thousands a second, so what is of no interest does not leave
 * the kernel: told is what a target does or is the parent of, what has the file
 * of one of ours, and what goes by a name that may be like one of ours by its
 * file, its own name or its first argument. Whether it is like one
 * judge/names.c decides; here is a coarse sieve that lets all of that through.
 */
#ifndef LSAWATCH_SENSE_BPF_STARTS_H
#define LSAWATCH_SENSE_BPF_STARTS_H

#include "tell.h"

#define FIRST_MAX 64 /* octets of a first argument */
#define LAST_MAX  24 /* octets of the last part of a path; ours are shorter */

/*
 * What a letter can be read as: bits of enum seen_letter. A table, because the verifier walks
 * every path through what is decided letter by letter.
 */
const volatile __u8 letters[256]; /* set by ring.c */

/* Where the last part of a path begins; 0: it has no folders. */
static __always_inline __u32
last_part(const char *path, __u32 most)
{
	__u32 base = 0;

	for (__u32 i = 0; i < most; i++) {
		__u32 slash = letters[(__u8)path[i]] / LETTER_SLASH;

		base += (i + 1 - base) * slash;
	}
	return base;
}

/*
 * Can it be like a name of ours? They all begin with "lsa". With one letter
 * less, more, other, or two exchanged, two of these three are still among the
 * first four, in order. What is not ASCII may be anything.
 */
static __always_inline int
may_be_ours(const char last[LAST_MAX])
{
	__u32 had = 0, pair = 0, strange = 0;

	for (int i = 0; i < LAST_MAX; i++)
		strange |= letters[(__u8)last[i]] & LETTER_STRANGE;
	for (int i = 0; i < 4; i++) {
		__u32 is = letters[(__u8)last[i]];

		/* s after l; a after l or s */
		pair |= (is & LETTER_S) & (had << 1);
		pair |= (is & LETTER_A) & (had << 2 | had << 1);
		had |= is & (LETTER_L | LETTER_S);
	}
	return strange != 0 || (pair != 0 && last[3] != '\0');
}

static __always_inline int
is_image(const struct inode *inode)
{
	__u64 ino = BPF_CORE_READ(inode, i_ino);
	__u32 dev = BPF_CORE_READ(inode, i_sb, s_dev);

	for (int i = 0; i < SEEN_IMAGES; i++) {
		if (ino != 0 && images_ino[i] == ino && images_dev[i] == dev)
			return 1;
	}
	return 0;
}

SEC("raw_tp/sched_process_exec")
int
on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (struct linux_binprm *)ctx->args[2];
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	const char *file = BPF_CORE_READ(bprm, filename);
	const char *argument = (const char *)BPF_CORE_READ(me, mm, arg_start);
	char path[SEEN_NAME] = { 0 }, last[LAST_MAX] = { 0 }, first[LAST_MAX] = { 0 };
	struct seen *se;

	bpf_probe_read_user_str(path, FIRST_MAX, argument);
	bpf_probe_read_user_str(first, sizeof(first), argument + last_part(path, FIRST_MAX));
	bpf_probe_read_kernel_str(path, sizeof(path), file);
	bpf_probe_read_kernel_str(last, sizeof(last), file + last_part(path, sizeof(path)));
	if (!may_be_ours(last) && !may_be_ours(first) &&
	    !is_image(BPF_CORE_READ(bprm, file, f_inode)) && !is_target(my_process()) &&
	    !is_target((__u32)BPF_CORE_READ(me, real_parent, tgid)))
		return 0;
	se = begin(SEEN_EXEC, 0);
	if (se == NULL)
		return 0;
	bpf_probe_read_kernel_str(se->name, sizeof(se->name), path);
	tell(se);
	return 0;
}

/* By prctl(PR_SET_NAME) or by writing to /proc; at an exec it is the kernel. */
SEC("raw_tp/task_rename")
int
on_rename(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	char name[LAST_MAX] = { 0 };
	struct seen *se;

	bpf_probe_read_kernel_str(name, 16, (const char *)ctx->args[1]);
	if (!may_be_ours(name) || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	se = begin(SEEN_NAMED, 0);
	if (se == NULL)
		return 0;
	se->pid = (__u32)BPF_CORE_READ(task, tgid);
	bpf_probe_read_kernel_str(se->name, sizeof(se->name), name);
	tell(se);
	return 0;
}

#endif
