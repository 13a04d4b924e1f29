/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of watch.bpf.c alone: files that were opened, and perf events, in both layers. */
#ifndef LSAWATCH_SENSE_BPF_FILES_H
#define LSAWATCH_SENSE_BPF_FILES_H

#include "tell.h"

/* ---- files, however they were opened */

static __always_inline struct pid *
proc_pid(struct inode *inode)
{
	struct proc_inode *pi = (void *)((char *)inode -
					 bpf_core_field_offset(struct proc_inode, vfs_inode));

	return BPF_CORE_READ(pi, pid);
}

static __always_inline void
name_of(struct file *file, char *name, __u32 n)
{
	bpf_probe_read_kernel_str(name, n, BPF_CORE_READ(file, f_path.dentry, d_name.name));
}

static __always_inline void
tell_file(enum seen_kind kind, __u32 target, struct file *file, __u32 more)
{
	struct seen *se = begin(kind, target);

	if (se == NULL)
		return;
	name_of(file, se->name, sizeof(se->name));
	se->more = more;
	tell(se);
}

static __always_inline void
opened_proc(struct file *file, struct inode *inode)
{
	struct pid *pid = proc_pid(inode);
	__u64 first = 0, mem = 0x6d656d; /* "mem" */
	__u32 target, more = 0;
	int look = 0;

	if (pid == NULL) {
		name_of(file, (char *)&first, sizeof(first));
		if (first == 0x65726f636bULL) /* "kcore" */
			tell_file(SEEN_KERNEL, 0, file, 0);
		/* "ftrace_": by it no program at a function of the kernel is called any more */
		if (first == 0x5f656361727466ULL && (BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
			tell_file(SEEN_SWITCH, 0, file, 0);
		return;
	}
	target = target_of((__u32)BPF_CORE_READ(pid, numbers[0].nr));
	if (target == 0)
		return;
	name_of(file, (char *)&first, sizeof(first));
	for (int i = 0; i < 16; i++)
		look |= looks[i] != 0 && looks[i] == first;
	if (first == mem || (look && may_tell(target, first, AGAIN_NS, &more)))
		tell_file(SEEN_PROC, target, file, more);
}

/* The process that a path below /proc is about; 0: none that we watch. */
static __always_inline __u32
path_target(const char *path)
{
	__u32 number = 0;

	for (int i = 6; i < 14; i++) {
		if (path[i] < '0' || path[i] > '9')
			return path[i] == '/' ? target_of(number) : 0;
		number = number * 10 + (__u32)(path[i] - '0');
	}
	return 0;
}

static __always_inline void
opened_path(const char *path)
{
	struct seen *se;
	__u32 target;

	if (path[0] != '/' || path[1] != 'p' || path[2] != 'r' || path[3] != 'o' ||
	    path[4] != 'c' || path[5] != '/')
		return;
	target = path_target(path);
	if (target == 0)
		return;
	se = begin(SEEN_PATH, target);
	if (se == NULL)
		return;
	__builtin_memcpy(se->name, path, 64);
	se->name[63] = '\0';
	tell(se);
}

static __always_inline void
opened(struct file *file, const char *path)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
	__u32 rdev;

	if (magic == PROC_MAGIC) {
		opened_proc(file, inode);
		return;
	}
	if (magic == TRACEFS_MAGIC || magic == DEBUGFS_MAGIC) {
		if (BPF_CORE_READ(file, f_mode) & FMODE_WRITE)
			tell_file(SEEN_TRACEFS, 0, file, 0);
		return;
	}
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFCHR) {
		rdev = BPF_CORE_READ(inode, i_rdev);
		if (rdev >> 20 == MEM_MAJOR && ((rdev & 0xfffff) == 1 || (rdev & 0xfffff) == 2))
			tell_file(SEEN_KERNEL, 0, file, 0);
	}
	opened_path(path);
}

/* len: of path with its zero */
static __always_inline void
tell_path(enum seen_kind kind, const char *path, long len, int result)
{
	struct seen *se;
	__u32 end;

	if (len < 5 || len > 64)
		return;
	end = (__u32)len - 1;
	/* "/mem", "kcore" */
	if (!(path[(end - 1) & 63] == 'm' && path[(end - 2) & 63] == 'e' &&
	      path[(end - 3) & 63] == 'm' && path[(end - 4) & 63] == '/') &&
	    !(path[(end - 1) & 63] == 'e' && path[(end - 2) & 63] == 'r' &&
	      path[(end - 3) & 63] == 'o' && path[(end - 4) & 63] == 'c'))
		return;
	se = begin(kind, 0);
	if (se == NULL)
		return;
	__builtin_memcpy(se->name, path, 64);
	se->name[63] = '\0';
	se->result = result;
	tell(se);
}

/* ---- perf, in both layers */

/* An event on all processes of a CPU: does it say more than where and when? */
static __always_inline int
reaches_all(const struct perf_ask *ask)
{
	__u64 sample = ask->sample & ~PERF_SAMPLE_HARMLESS;

	if (ask->bits & PERF_EXCLUDE_CALLCHAIN_USER)
		sample &= ~PERF_SAMPLE_CALLCHAIN;
	return sample != 0 || ask->type == PERF_TYPE_BREAKPOINT;
}

/* all: it is about no process alone */
static __always_inline void
asked_perf(const struct perf_ask *ask, __u32 target, int all, int result)
{
	int probe = ask->type == type_kprobe || ask->type == type_uprobe;
	struct seen *se;
	__u32 more = 0;

	if (my_process() == self)
		return;
	if (target == 0 && (!all || (!probe && !reaches_all(ask))))
		return;
	if (!probe && !may_tell(target, WHAT(SEEN_PERF, result < 0), AGAIN_NS, &more))
		return;
	se = begin(SEEN_PERF, target);
	if (se == NULL)
		return;
	se->number = (__s32)ask->type;
	se->call = ask->type == type_kprobe ? 1 : ask->type == type_uprobe ? 2 : 0;
	se->result = result;
	se->more = more;
	if (probe)
		bpf_probe_read_user_str(se->name, sizeof(se->name), (void *)ask->path);
	tell(se);
}

#endif
