/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two sides of the guard share: guard.bpf.c, which runs in the
 * kernel, and guard.c in lsainit. Both are of one build; no version.
 */
#ifndef LSAINIT_GUARD_SHARED_H
#define LSAINIT_GUARD_SHARED_H

#include <linux/types.h>

/*
 * The role of a task, and what an enrolled file makes of a task that
 * executes it.
 */
enum guard_role {
	GUARD_NONE = 0,
	GUARD_INIT = 1,	 /* lsainit and its children until they execute */
	GUARD_ISO = 2,	 /* lsaiso */
	GUARD_LSASS = 3, /* lsass */
	GUARD_WATCH = 4, /* lsawatch: may read the others, never attach to them */
	GUARD_SEAL = 5,	 /* lsaseal of lsainit; others may start it, without a mark */
	GUARD_FILE = 6,	 /* manifest, keys, lsainit's own file: no role of a task */
};

/* Of file_open, where a role is no answer: it was kernel.ftrace_enabled. */
#define GUARD_DETAIL_SWITCH 100

/*
 * Every hook: name in the kernel, whether the guard counts as down without
 * it, and what it refuses, for people. The ones that refuse nothing carry
 * roles from task to task.
 */
/* clang-format off */
#define GUARD_HOOKS(ONE)                                                                   \
	ONE(ptrace_access_check, 1, "tracing it or reading its memory")                     \
	ONE(ptrace_traceme, 1, "having it traced")                                          \
	ONE(task_kill, 1, "a signal")                                                       \
	ONE(file_send_sigiotask, 1, "a signal by way of a file")                            \
	ONE(task_setrlimit, 1, "changing its resource limits")                              \
	ONE(task_movememory, 1, "moving its memory")                                        \
	ONE(perf_event_open, 0, "a probe by perf")                                          \
	ONE(perf_event_alloc, 1, "a perf event that reaches it")                            \
	ONE(bpf, 1, "BPF tracing, or the guard's own BPF objects")                          \
	ONE(bpf_map, 1, "a map of the guard")                                               \
	ONE(bpf_prog, 1, "a program of the guard")                                          \
	ONE(capable, 1, "BPF helpers that read memory")                                     \
	ONE(locked_down, 1, "a way into the kernel's memory")                               \
	ONE(file_open, 1, "writing to an installed file, tracefs or kernel.ftrace_enabled") \
	ONE(inode_setattr, 1, "changing mode, owner or size of an installed file")          \
	ONE(inode_rename, 1, "renaming or replacing an installed file")                     \
	ONE(inode_unlink, 1, "removing an installed file")                                  \
	ONE(inode_setxattr, 1, "setting an attribute of an installed file")                 \
	ONE(inode_removexattr, 1, "removing an attribute of an installed file")             \
	ONE(inode_set_acl, 0, "setting the ACL of an installed file")                       \
	ONE(inode_remove_acl, 0, "removing the ACL of an installed file")                   \
	ONE(sb_mount, 1, "mounting over an installed file")                                 \
	ONE(move_mount, 1, "moving a mount over an installed file")                         \
	ONE(bprm_check_security, 1, "starting it from elsewhere than lsainit")              \
	ONE(bprm_committed_creds, 1, "")                                                    \
	ONE(task_alloc, 1, "a process without a mark")                                      \
	ONE(task_free, 1, "")
/* clang-format on */

enum guard_hook {
#define GUARD_HOOK_ENUM(name, must, text) GUARD_HOOK_##name,
	GUARD_HOOKS(GUARD_HOOK_ENUM)
#undef GUARD_HOOK_ENUM
	    GUARD_HOOK_END
};

/* lsainit -> kernel side, while the guard goes up; frozen afterwards. */
struct guard_phase {
	__u64 nonce;   /* whoever calls bpf(GUARD_CLAIM) with it becomes GUARD_INIT, once */
	__u32 claimed; /* set by the kernel side */
	__u32 enroll;  /* role of the files that lsainit opens now; GUARD_NONE: none */
	__u32 sealed;  /* from now on nothing is exempt because it is lsainit */
	__u32 pad_;
};

/*
 * No command of bpf(2); the hook sees it before the kernel says EINVAL. Bit 16
 * is none of it: newer kernels take that as a flag, and look further first.
 */
#define GUARD_CLAIM 0x6c706167

struct guard_inode {
	__u64 ino;
	__u32 dev; /* as the kernel numbers it, not as stat(2) does */
	__u32 pad_;
};

/* One of the guard's own objects. */
enum guard_own_kind { GUARD_OWN_MAP = 1, GUARD_OWN_PROG = 2, GUARD_OWN_LINK = 3 };
struct guard_own {
	__u32 kind;
	__u32 id;
};

/* One refusal. Process numbers are those of the initial namespace. */
struct guard_event {
	__u32 hook;	    /* enum guard_hook */
	__u32 actor;	    /* process */
	__u32 actor_thread; /* its thread */
	__u32 uid;
	__u32 target; /* process, 0: none */
	__u32 detail; /* mode, signal, command, reason: as the hook has it */
	char comm[16];
};

#endif
