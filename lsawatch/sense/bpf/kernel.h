/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few members of kernel structures that watch.bpf.c reads. The loader
 * finds their real offsets in the BTF of the running kernel, by name.
 */
#ifndef LSAWATCH_SENSE_BPF_KERNEL_H
#define LSAWATCH_SENSE_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef int pid_t;
typedef unsigned int fmode_t;

struct qstr {
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	unsigned long i_ino;
	unsigned short i_mode;
	__u32 i_rdev;
	struct super_block *i_sb;
	void *i_private;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	fmode_t f_mode;
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	__u32 status;
};

struct mm_struct {
	unsigned long arg_start;
	struct file *exe_file;
};

struct task_struct {
	struct thread_info thread_info;
	struct mm_struct *mm;
	pid_t pid;
	pid_t tgid;
	int exit_code;
	struct task_struct *real_parent;
	struct files_struct *files;
};

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
};

struct filename {
	const char *name;
};

struct pt_regs {
	unsigned long r10, bx, r9, r8, cx, dx, si, di, orig_ax;
};

struct kernel_siginfo {
	int si_code;
};

struct perf_event_attr {
	__u32 type;
};

struct hw_perf_event {
	struct task_struct *target;
};

struct perf_event {
	struct perf_event_attr attr;
	struct hw_perf_event hw;
};

struct bpf_prog {
	enum bpf_prog_type type;
};

struct module {
	char name[56];
	unsigned long taints;
};

struct bpf_map {
	__u32 id;
};

struct io_kiocb {
	__u8 opcode;
};

struct io_open {
	struct filename *filename;
};

#pragma clang attribute pop

#endif
