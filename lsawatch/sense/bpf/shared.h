/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel side of the watch (watch.bpf.c) and ring.c share. Both are
 * of one build; no version.
 */
#ifndef LSAWATCH_SENSE_BPF_SHARED_H
#define LSAWATCH_SENSE_BPF_SHARED_H

#include <linux/types.h>

#define SEEN_TARGETS 4	 /* processes */
#define SEEN_TASKS   16	 /* their threads */
#define SEEN_CALLS   512 /* system call numbers below this are known */
#define SEEN_NAME    192
#define SEEN_IMAGES  4	/* programs of ours */
#define SEEN_MAPS    4	/* of lsawatch itself */
#define SEEN_STEPS   5	/* of the path of an actor's program */
#define SEEN_STEP    32 /* octets of each */

enum seen_kind {
	SEEN_EXEC = 1, /* name: path; only what is, or is called like, a program of ours */
	SEEN_NAMED,    /* a task took a name that is like one of ours: name */
	SEEN_FORK,     /* target: the new task; number: 1 a thread */
	SEEN_EXIT,     /* number: wait status */
	SEEN_SIGNAL,   /* number: signal; result: 0 by the actor, 1 by the kernel */
	SEEN_CREDS,    /* call */
	SEEN_CALL,     /* a system call on a target: call, number (request), result */
	SEEN_ACCESS,   /* a check for tracing or reading that was passed: call, mode, name (path) */
	SEEN_REFUSED,  /* ... that was not */
	SEEN_PROC,     /* a file of a target's /proc folder was opened: name */
	SEEN_PATH,     /* a path below a target's folder was opened: name */
	SEEN_DENIED,   /* opening name was refused: result */
	SEEN_SUBMITTED, /* io_uring is to open name */
	SEEN_KERNEL,	/* name: "kcore" or "mem"; was opened */
	SEEN_LOCKDOWN,	/* number: reason */
	SEEN_MODULE,	/* name was loaded into the kernel; number: 1 it is not signed */
	SEEN_TRACEFS,	/* name was opened for writing */
	SEEN_PERF,	/* target or 0, number: type, call, result; name: file of a uprobe */
	SEEN_BPF,	/* number: program type, result */
	SEEN_LIMITS,	/* number: resource; result */
	SEEN_SWITCH,	/* kernel.ftrace_enabled was opened for writing: name */
	SEEN_MAP,	/* a map of lsawatch's own was opened by its number */
	SEEN_PROOF,	/* number: which program saw lsawatch itself, enum seen_proof */
};

/* Programs that see what lsawatch does itself, and say so when they are asked to. */
enum seen_proof {
	PROOF_NAMED = 1, /* on_rename, by SEEN_NAMED */
	PROOF_CALL = 2,	 /* on_sys_exit */
	PROOF_OPEN = 4,	 /* on_open */
	PROOF_CHECK = 8, /* on_access */
	PROOF_MAY = 16,	 /* on_may_access */
};

/* One event. Process numbers are those of the initial namespace. */
struct seen {
	__u32 kind;
	__u32 pid, thread, uid, parent; /* of the actor */
	__u32 target;			/* process, 0: none */
	__s32 number;
	__u32 call; /* number of the system call, as x86-64 has it; ~0: unknown */
	__u32 mode; /* PTRACE_MODE_* */
	__s32 result;
	__u32 more; /* like it, not told since the last one */
	char comm[16];
	/* The end of the path of the actor's program, file first; "": no more. */
	char exe[SEEN_STEPS][SEEN_STEP];
	char name[SEEN_NAME];
};

/* What an octet of a name can be read as. */
enum seen_letter {
	LETTER_L = 1,
	LETTER_S = 2,
	LETTER_A = 4,
	LETTER_STRANGE = 8, /* not ASCII: anything */
	LETTER_SLASH = 16,
};

/* What to do at the end of a system call. */
enum seen_call {
	CALL_IGNORED = 0,
	CALL_PTRACE,
	CALL_PID,    /* the first argument is a process */
	CALL_PIDFD,  /* ... a pidfd */
	CALL_KCMP,   /* the first two are processes */
	CALL_OPEN,   /* a descriptor is returned; the first is a path */
	CALL_OPENAT, /* ... the second */
	CALL_PERF,
	CALL_BPF,
	CALL_PRLIMIT,
	CALL_CREDS,
};

#endif
