/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few members of kernel structures that guard.bpf.c reads. The loader
 * finds their real offsets in the BTF of the running kernel, by name.
 */
#ifndef LSAINIT_GUARD_KERNEL_H
#define LSAINIT_GUARD_KERNEL_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef int pid_t;
typedef unsigned int fmode_t;

struct task_struct {
	pid_t tgid;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct dentry {
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	fmode_t f_mode;
	struct path f_path;
};

struct linux_binprm {
	struct file *file;
};

struct pt_regs {
	unsigned long bx;
	unsigned long di;
	unsigned long orig_ax;
};

struct pmu {
	void *setup_aux;
};

struct perf_event_attr {
	__u32 type;
	__u64 sample_type;
	__u64 exclude_callchain_user : 1;
};

struct hw_perf_event {
	struct task_struct *target;
};

struct perf_event {
	struct pmu *pmu;
	struct perf_event_attr attr;
	struct hw_perf_event hw;
};

struct bpf_map {
	__u32 id;
};

struct bpf_prog_aux {
	__u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

#pragma clang attribute pop

#endif
