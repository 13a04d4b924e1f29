/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of watch.bpf.c alone: whom it watches, and how it tells. */
#ifndef LSAWATCH_SENSE_BPF_TELL_H
#define LSAWATCH_SENSE_BPF_TELL_H

#define PTRACE_MODE_READ    0x01 /* include/linux/ptrace.h */
#define PTRACE_MODE_ATTACH  0x02
#define PTRACE_MODE_NOAUDIT 0x04
#define PTRACE_DETACH	    17

#define FMODE_WRITE	 0x02	/* include/linux/fs.h */
#define PROC_MAGIC	 0x9fa0 /* linux/magic.h, pidfs since 6.9 */
#define TRACEFS_MAGIC	 0x74726163
#define DEBUGFS_MAGIC	 0x64626720
#define PIDFS_MAGIC	 0x50494446
#define ANON_INODE_MAGIC 0x09041934
#define S_IFMT		 0170000
#define S_IFCHR		 0020000
#define MEM_MAJOR	 1 /* minor 1: mem, 2: kmem */

#define TS_COMPAT 0x02 /* a system call of 32 bits; arch/x86/include/asm/thread_info.h */
#define X32_BIT	  0x40000000

/* uapi/linux/perf_event.h, which clashes with kernel.h: its first 64 octets */
struct perf_ask {
	__u32 type, size;
	__u64 config, period, sample, read_format, bits;
	__u32 wakeup, bp_type;
	__u64 path; /* of a uprobe */
};
#define PERF_TYPE_TRACEPOINT	    2
#define PERF_TYPE_BREAKPOINT	    5
#define PERF_SAMPLE_CALLCHAIN	    (1ULL << 5)
#define PERF_EXCLUDE_CALLCHAIN_USER (1ULL << 22)
#define PERF_FLAG_PID_CGROUP	    4
/* Where and when, never what; as the guard has it. */
#define PERF_SAMPLE_HARMLESS                                                                       \
	((1ULL << 0) | (1ULL << 1) | (1ULL << 2) | (1ULL << 4) | (1ULL << 6) | (1ULL << 7) |       \
	 (1ULL << 8) | (1ULL << 9) | (1ULL << 16) | (1ULL << 21))

#define BIT(n) (1ULL << (n))
/* Program types that see the memory of others. */
#define TRACING_TYPES                                                                              \
	(BIT(BPF_PROG_TYPE_KPROBE) | BIT(BPF_PROG_TYPE_TRACEPOINT) |                               \
	 BIT(BPF_PROG_TYPE_PERF_EVENT) | BIT(BPF_PROG_TYPE_RAW_TRACEPOINT) |                       \
	 BIT(BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE) | BIT(BPF_PROG_TYPE_TRACING) |                 \
	 BIT(BPF_PROG_TYPE_STRUCT_OPS) | BIT(BPF_PROG_TYPE_EXT) | BIT(BPF_PROG_TYPE_LSM) |         \
	 BIT(BPF_PROG_TYPE_SYSCALL))

#define TAINT_UNSIGNED 13 /* of a module; include/linux/panic.h */

#define SIGCHLD	 17
#define AGAIN_NS 1000000000ULL /* the same by the same actor is told once in so long */
#define DEED_NS	 10000000ULL   /* ... if it gets at memory: a flood loses nothing but a count */

/* ---- set before loading, read-only afterwards */

const volatile __u32 self;		/* lsawatch */
const volatile __u32 type_kprobe = ~0U; /* of perf events, dynamic */
const volatile __u32 type_uprobe = ~0U;
const volatile __u64 reasons;		   /* enum lockdown_reason that are told */
const volatile __u8 calls[SEEN_CALLS];	   /* enum seen_call, by number of x86-64 */
const volatile __u16 calls_32[SEEN_CALLS]; /* number of x86-64 for that of i386 */
/* Files of a /proc folder that tell of memory: first eight octets of the name. */
const volatile __u64 looks[16];

/* ---- set by lsawatch at any time */

volatile __u32 targets[SEEN_TARGETS]; /* processes */
volatile __u32 tasks[SEEN_TASKS];     /* threads of them ... */
volatile __u32 tasks_of[SEEN_TASKS];  /* ... and whose they are */

volatile __u64 images_ino[SEEN_IMAGES]; /* programs of ours */
volatile __u32 images_dev[SEEN_IMAGES]; /* as the kernel numbers it */

volatile __u32 maps[SEEN_MAPS]; /* the numbers of those below, by which root can open them */

volatile __u32 proof; /* enum seen_proof that are asked for; each is taken out once told */

/* ---- read by lsawatch */

volatile __u64 lost; /* events for which there was no room */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} events SEC(".maps");

struct deed {
	__u32 actor, target;
	__u64 what;
};
struct told {
	__u64 at;
	__u32 more;
	__u32 pad_;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, struct deed);
	__type(value, struct told);
} deeds SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

/* ---- who is it */

static __always_inline __u32
my_process(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline int
is_target(__u32 process)
{
	if (process == 0)
		return 0;
	for (int i = 0; i < SEEN_TARGETS; i++) {
		if (targets[i] == process)
			return 1;
	}
	return 0;
}

/* The target that a task number belongs to; 0: none. */
static __always_inline __u32
target_of(__u32 task)
{
	if (is_target(task))
		return task;
	if (task == 0)
		return 0;
	for (int i = 0; i < SEEN_TASKS; i++) {
		if (tasks[i] == task)
			return tasks_of[i];
	}
	return 0;
}

static __always_inline int
is_map_of_ours(__u32 number)
{
	for (int i = 0; i < SEEN_MAPS; i++) {
		if (number != 0 && maps[i] == number)
			return 1;
	}
	return 0;
}

/* The verifier sees this bound, whatever the compiler makes of the one before. */
static __always_inline __u32
within(__u32 number)
{
	asm volatile("" : "+r"(number));
	return number & (SEEN_CALLS - 1);
}

/* ---- telling */

#define WHAT(kind, number) ((__u64)(kind) << 32 | (__u32)(number))

/* Who ends before lsawatch looks has a name nevertheless. */
static __always_inline void
take_exe(struct seen *se, struct task_struct *me)
{
	struct dentry *at = BPF_CORE_READ(me, mm, exe_file, f_path.dentry);

	for (int i = 0; i < SEEN_STEPS; i++) {
		struct dentry *above = BPF_CORE_READ(at, d_parent);

		se->exe[i][0] = '\0';
		if (at == NULL || at == above)
			continue; /* none, or a root */
		bpf_probe_read_kernel_str(se->exe[i], SEEN_STEP, BPF_CORE_READ(at, d_name.name));
		at = above;
	}
}

static __always_inline struct seen *
begin(enum seen_kind kind, __u32 target)
{
	struct seen *se = bpf_ringbuf_reserve(&events, sizeof(*se), 0);
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	if (se == NULL) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	se->kind = kind;
	se->pid = (__u32)(id >> 32);
	se->thread = (__u32)id;
	se->uid = (__u32)bpf_get_current_uid_gid();
	se->parent = BPF_CORE_READ(me, real_parent, tgid);
	se->target = target;
	se->number = 0;
	se->call = ~0U;
	se->mode = 0;
	se->result = 0;
	se->more = 0;
	bpf_get_current_comm(se->comm, sizeof(se->comm));
	take_exe(se, me);
	se->name[0] = '\0';
	return se;
}

static __always_inline void
tell(struct seen *se)
{
	bpf_ringbuf_submit(se, 0);
}

/* lsawatch itself did it: nothing to tell, but that it was seen, if it asks. */
static __always_inline void
prove(enum seen_proof which)
{
	struct seen *se;

	if (!(proof & which))
		return;
	se = begin(SEEN_PROOF, 0);
	if (se == NULL)
		return;
	proof &= ~(__u32)which;
	se->number = (__s32)which;
	tell(se);
}

/* Whether it is to be told again, and how many like it were not. */
static __always_inline int
may_tell(__u32 target, __u64 what, __u64 again, __u32 *more)
{
	struct deed key = { .actor = my_process(), .target = target, .what = what };
	struct told first = { .at = bpf_ktime_get_ns() }, *had;

	*more = 0;
	had = bpf_map_lookup_elem(&deeds, &key);
	if (had == NULL) {
		bpf_map_update_elem(&deeds, &key, &first, BPF_ANY);
		return 1;
	}
	if (first.at - had->at < again) {
		__sync_fetch_and_add(&had->more, 1);
		return 0;
	}
	*more = had->more;
	had->more = 0;
	had->at = first.at;
	return 1;
}

#endif
