/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard, kernel side: LSM hooks that refuse, for root too, what would
 * read, change or end the protected processes. docs/guard.md has the table.
 *
 * Marks are kept by the address of the task, from its allocation until it is
 * freed, and not in task storage: on kernels before 6.2 a lookup of task
 * storage fails when it meets another one on the same CPU, and a failed
 * lookup would be an unprotected process.
 *
 * Members are read through typed pointers only, never with
 * bpf_probe_read_kernel(): lockdown = confidentiality takes that away.
 *
 * No hook looks at the verdict of a hook before it: the kernel runs the next
 * program of a hook only when the one before allowed.
 */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/errno.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"
#include "shared.h"

#define MARKS_MAX 4096
#define FILES_MAX 256
#define OWN_MAX	  128

#define PTRACE_MODE_ATTACH  0x02 /* include/linux/ptrace.h */
#define PTRACE_MODE_NOAUDIT 0x04
#define FMODE_WRITE	    0x02 /* include/linux/fs.h */
#define TRACEFS_MAGIC	    0x74726163
#define DEBUGFS_MAGIC	    0x64626720
#define PROC_MAGIC	    0x9fa0 /* linux/magic.h */
#define SWITCH		    "ftrace_enabled"
#define PATH_OCTETS	    256

/* uapi/linux/perf_event.h, which clashes with kernel.h */
#define PERF_TYPE_TRACEPOINT  2
#define PERF_TYPE_BREAKPOINT  5
#define PERF_SAMPLE_CALLCHAIN (1U << 5)
/* Where and when, never what: IP TID TIME READ ID CPU PERIOD STREAM_ID IDENTIFIER CGROUP */
#define PERF_SAMPLE_HARMLESS                                                                       \
	((1ULL << 0) | (1ULL << 1) | (1ULL << 2) | (1ULL << 4) | (1ULL << 6) | (1ULL << 7) |       \
	 (1ULL << 8) | (1ULL << 9) | (1ULL << 16) | (1ULL << 21))

#define NR_BPF	    321 /* x86-64 */
#define NR_BPF_I386 357
#define X32_BIT	    0x40000000

#define BIT(n) (1ULL << (n))

/* Program types whose helpers look at packets, sockets and cgroups. */
#define PROG_TYPES                                                                                 \
	(BIT(BPF_PROG_TYPE_SOCKET_FILTER) | BIT(BPF_PROG_TYPE_SCHED_CLS) |                         \
	 BIT(BPF_PROG_TYPE_SCHED_ACT) | BIT(BPF_PROG_TYPE_XDP) | BIT(BPF_PROG_TYPE_CGROUP_SKB) |   \
	 BIT(BPF_PROG_TYPE_CGROUP_SOCK) | BIT(BPF_PROG_TYPE_LWT_IN) | BIT(BPF_PROG_TYPE_LWT_OUT) | \
	 BIT(BPF_PROG_TYPE_LWT_XMIT) | BIT(BPF_PROG_TYPE_SOCK_OPS) | BIT(BPF_PROG_TYPE_SK_SKB) |   \
	 BIT(BPF_PROG_TYPE_CGROUP_DEVICE) | BIT(BPF_PROG_TYPE_SK_MSG) |                            \
	 BIT(BPF_PROG_TYPE_CGROUP_SOCK_ADDR) | BIT(BPF_PROG_TYPE_LWT_SEG6LOCAL) |                  \
	 BIT(BPF_PROG_TYPE_LIRC_MODE2) | BIT(BPF_PROG_TYPE_SK_REUSEPORT) |                         \
	 BIT(BPF_PROG_TYPE_FLOW_DISSECTOR) | BIT(BPF_PROG_TYPE_CGROUP_SYSCTL) |                    \
	 BIT(BPF_PROG_TYPE_CGROUP_SOCKOPT) | BIT(BPF_PROG_TYPE_SK_LOOKUP) |                        \
	 BIT(32) /* netfilter, since 6.4 */)

/* Attach types of links likewise: all up to netkit (55) but those that trace. */
#define TRACE_ATTACH                                                                               \
	(BIT(BPF_TRACE_RAW_TP) | BIT(BPF_TRACE_FENTRY) | BIT(BPF_TRACE_FEXIT) |                    \
	 BIT(BPF_MODIFY_RETURN) | BIT(BPF_LSM_MAC) | BIT(BPF_TRACE_ITER) | BIT(BPF_PERF_EVENT) |   \
	 BIT(BPF_TRACE_KPROBE_MULTI) | BIT(BPF_LSM_CGROUP) | BIT(44) /* struct_ops */ |            \
	 BIT(48) /* uprobe_multi */)
#define ATTACH_TYPES ((BIT(56) - 1) & ~TRACE_ATTACH)

/* ---- set before loading, read-only afterwards */

const volatile __u8 locked;		/* not even pid 1 may end lsainit */
const volatile __u64 reasons;		/* enum lockdown_reason that are refused to everybody */
const volatile __u64 reasons_but_watch; /* ... to all but lsawatch */
const volatile __u32 type_kprobe = ~0U; /* of perf events, dynamic */
const volatile __u32 type_uprobe = ~0U;

/* ---- maps */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MARKS_MAX);
	__type(key, __u64); /* address of the task */
	__type(value, __u32);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILES_MAX);
	__type(key, struct guard_inode);
	__type(value, __u32);
} files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWN_MAX);
	__type(key, struct guard_own);
	__type(value, __u32);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_phase);
} phase SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GUARD_HOOK_END);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

/* ---- who is it */

static __always_inline __u32
role_at(__u64 task)
{
	__u32 *role = bpf_map_lookup_elem(&marks, &task);

	return role != NULL ? *role : GUARD_NONE;
}

static __always_inline __u32
role_of(const struct task_struct *task)
{
	return role_at((__u64)task);
}

static __always_inline __u32
my_role(void)
{
	return role_at(bpf_get_current_task());
}

static __always_inline __u32
my_process(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline struct guard_phase *
the_phase(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&phase, &zero);
}

/* lsainit while the guard goes up; lsawatch always. */
static __always_inline int
may_trace(void)
{
	__u32 role = my_role();
	struct guard_phase *ph;

	if (role == GUARD_WATCH)
		return 1;
	if (role != GUARD_INIT)
		return 0;
	ph = the_phase();
	return ph != NULL && !ph->sealed;
}

static __always_inline __u32
file_role(struct inode *inode)
{
	struct guard_inode key = { 0 };
	__u32 *role;

	if (inode == NULL)
		return GUARD_NONE;
	key.ino = inode->i_ino;
	key.dev = inode->i_sb->s_dev;
	role = bpf_map_lookup_elem(&files, &key);
	return role != NULL ? *role : GUARD_NONE;
}

/* Count it, tell lsainit, and say no. */
static __always_inline int
refuse(__u32 hook, __u32 target, __u32 detail)
{
	__u64 *count = bpf_map_lookup_elem(&counts, &hook);
	__u64 id = bpf_get_current_pid_tgid();
	struct guard_event *ev;

	if (count != NULL)
		__sync_fetch_and_add(count, 1);
	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (ev != NULL) {
		ev->hook = hook;
		ev->actor = (__u32)(id >> 32);
		ev->actor_thread = (__u32)id;
		ev->uid = (__u32)bpf_get_current_uid_gid();
		ev->target = target;
		ev->detail = detail;
		bpf_get_current_comm(ev->comm, sizeof(ev->comm));
		bpf_ringbuf_submit(ev, 0);
	}
	return -EPERM;
}

/* ---- marks go with forks, change or end at exec, end with the task */

SEC("lsm/task_alloc")
int
BPF_PROG(on_task_alloc, struct task_struct *task)
{
	__u64 key = (__u64)task;
	__u32 role = my_role();

	if (role == GUARD_NONE) {
		bpf_map_delete_elem(&marks, &key); /* there is none; be sure of it */
		return 0;
	}
	if (bpf_map_update_elem(&marks, &key, &role, BPF_ANY) == 0)
		return 0;
	return refuse(GUARD_HOOK_task_alloc, my_process(), 0);
}

SEC("lsm/task_free")
int
BPF_PROG(on_task_free, struct task_struct *task)
{
	__u64 key = (__u64)task;

	bpf_map_delete_elem(&marks, &key);
	return 0;
}

/*
 * Only lsainit starts what carries a role, and it starts nothing else: so a
 * binfmt_misc entry cannot put an interpreter in the place of lsaiso.
 */
SEC("lsm/bprm_check_security")
int
BPF_PROG(on_exec, struct linux_binprm *bprm)
{
	__u32 role = my_role(), is = file_role(bprm->file->f_inode);

	if (is == GUARD_FILE)
		is = GUARD_NONE;
	if (role == GUARD_INIT ? is != GUARD_NONE : is == GUARD_NONE || is == GUARD_SEAL)
		return 0;
	return refuse(GUARD_HOOK_bprm_check_security, 0, is);
}

SEC("lsm/bprm_committed_creds")
int
BPF_PROG(on_executed, struct linux_binprm *bprm)
{
	__u64 key = bpf_get_current_task();
	__u32 role = role_at(key), is;

	if (role == GUARD_NONE)
		return 0;
	is = file_role(bprm->file->f_inode);
	if (role == GUARD_INIT && is != GUARD_NONE && is != GUARD_FILE)
		bpf_map_update_elem(&marks, &key, &is, BPF_ANY);
	else
		bpf_map_delete_elem(&marks, &key);
	return 0;
}

/* ---- tracing and reading */

SEC("lsm/ptrace_access_check")
int
BPF_PROG(on_access, struct task_struct *child, unsigned int mode)
{
	__u32 role;

	if (role_of(child) == GUARD_NONE)
		return 0;
	role = my_role();
	if (!(mode & PTRACE_MODE_ATTACH) && (role == GUARD_INIT || role == GUARD_WATCH))
		return 0;
	if (mode & PTRACE_MODE_NOAUDIT) /* ps and top try, and do without */
		return -EPERM;
	return refuse(GUARD_HOOK_ptrace_access_check, child->tgid, mode);
}

SEC("lsm/ptrace_traceme")
int
BPF_PROG(on_traceme, struct task_struct *parent)
{
	if (my_role() == GUARD_NONE)
		return 0;
	return refuse(GUARD_HOOK_ptrace_traceme, my_process(), 0);
}

/* ---- signals, limits, memory */

/*
 * Is an argument of a hook NULL? Newer verifiers take arguments for never NULL
 * and drop the comparison, so it is one of numbers: the difference of two
 * pointers is one, and the current task is known as pointer and as number.
 */
static __always_inline int
is_null(const void *argument)
{
	__u64 difference = (__u64)argument;

	asm volatile("%0 -= %1" : "+r"(difference) : "r"(bpf_get_current_task_btf()));
	return difference + bpf_get_current_task() == 0;
}

SEC("lsm/task_kill")
int
BPF_PROG(on_kill, struct task_struct *p, void *info, int sig, void *cred)
{
	__u32 me = my_process();
	int of_task;

	if (sig == 0 || role_of(p) == GUARD_NONE)
		return 0;
	/* Signals of the kernel do not come here; with cred it is a USB device's. */
	of_task = is_null(cred);
	if (of_task && ((__u32)p->tgid == me || my_role() == GUARD_INIT))
		return 0;
	if (of_task && me == 1 && !locked)
		return 0;
	return refuse(GUARD_HOOK_task_kill, p->tgid, sig);
}

SEC("lsm/file_send_sigiotask")
int
BPF_PROG(on_sigio, struct task_struct *tsk, void *fown, int sig)
{
	if (role_of(tsk) == GUARD_NONE)
		return 0;
	return refuse(GUARD_HOOK_file_send_sigiotask, tsk->tgid, sig);
}

SEC("lsm/task_setrlimit")
int
BPF_PROG(on_setrlimit, struct task_struct *p, unsigned int resource)
{
	if (role_of(p) == GUARD_NONE || (__u32)p->tgid == my_process() || my_role() == GUARD_INIT)
		return 0;
	return refuse(GUARD_HOOK_task_setrlimit, p->tgid, resource);
}

SEC("lsm/task_movememory")
int
BPF_PROG(on_movememory, struct task_struct *p)
{
	if (role_of(p) == GUARD_NONE || (__u32)p->tgid == my_process())
		return 0;
	return refuse(GUARD_HOOK_task_movememory, p->tgid, 0);
}

/* ---- perf */

/* Before a probe is put into a program; kernels up to 6.17 tell us what it will be. */
SEC("?lsm/perf_event_open")
int
BPF_PROG(on_perf_open, struct perf_event_attr *attr, int type)
{
	__u32 is = attr->type;

	if ((is != type_uprobe && is != type_kprobe) || may_trace())
		return 0;
	return refuse(GUARD_HOOK_perf_event_open, 0, is);
}

/* An event on all processes of a CPU: it may count, and say where and when. */
static __always_inline int
reaches_all(struct perf_event *event)
{
	__u32 type = event->attr.type;
	__u64 sample = event->attr.sample_type & ~PERF_SAMPLE_HARMLESS;

	if ((sample & PERF_SAMPLE_CALLCHAIN) &&
	    BPF_CORE_READ_BITFIELD(event, attr.exclude_callchain_user))
		sample &= ~(__u64)PERF_SAMPLE_CALLCHAIN;
	return sample != 0 || type == PERF_TYPE_TRACEPOINT || type == PERF_TYPE_BREAKPOINT ||
	       event->pmu->setup_aux != NULL;
}

SEC("lsm/perf_event_alloc")
int
BPF_PROG(on_perf, struct perf_event *event)
{
	struct task_struct *target = event->hw.target;
	__u32 type = event->attr.type;

	if (type == type_uprobe || type == type_kprobe) {
		if (may_trace())
			return 0;
	} else if (target != NULL) {
		if (role_of(target) == GUARD_NONE || may_trace())
			return 0;
	} else if (!reaches_all(event) || may_trace()) {
		return 0;
	}
	return refuse(GUARD_HOOK_perf_event_alloc, target != NULL ? target->tgid : 0, type);
}

/* ---- BPF */

static __always_inline int
is_own(__u32 kind, __u32 id)
{
	struct guard_own key = { .kind = kind, .id = id };

	return bpf_map_lookup_elem(&own, &key) != NULL;
}

/* lsainit says who it is; once, and only with the number that it has set. */
static __always_inline void
claim(union bpf_attr *attr, unsigned int size)
{
	__u64 key = bpf_get_current_task(), said;
	struct guard_phase *ph = the_phase();
	__u32 role = GUARD_INIT;

	if (ph == NULL || ph->claimed || ph->nonce == 0 || size < sizeof(said))
		return;
	/* Two reads: the verifier lets one member be read, not two at once. */
	said = (__u64) * (volatile __u32 *)&attr->key_size << 32;
	said |= *(volatile __u32 *)&attr->map_type;
	if (said != ph->nonce)
		return;
	if (bpf_map_update_elem(&marks, &key, &role, BPF_ANY) == 0)
		ph->claimed = 1;
}

static __always_inline int
in_mask(__u32 n, __u64 mask)
{
	return n < 64 && (mask >> (n & 63) & 1);
}

SEC("lsm/bpf")
int
BPF_PROG(on_bpf, int cmd, union bpf_attr *attr, unsigned int size)
{
	switch ((__u32)cmd) {
	case GUARD_CLAIM:
		claim(attr, size);
		return 0;
	case BPF_PROG_LOAD:
		if (in_mask(attr->prog_type, PROG_TYPES) || may_trace())
			return 0;
		break;
	case BPF_LINK_CREATE:
		if (in_mask(attr->link_create.attach_type, ATTACH_TYPES) || may_trace())
			return 0;
		break;
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_ITER_CREATE:
		if (may_trace())
			return 0;
		break;
	case BPF_LINK_GET_FD_BY_ID:
		if (!is_own(GUARD_OWN_LINK, attr->link_id))
			return 0;
		break;
	default:
		return 0;
	}
	return refuse(GUARD_HOOK_bpf, 0, cmd);
}

SEC("lsm/bpf_map")
int
BPF_PROG(on_bpf_map, struct bpf_map *map)
{
	if (!is_own(GUARD_OWN_MAP, map->id))
		return 0;
	return refuse(GUARD_HOOK_bpf_map, 0, map->id);
}

SEC("lsm/bpf_prog")
int
BPF_PROG(on_bpf_prog, struct bpf_prog *prog)
{
	__u32 id = prog->aux->id;

	if (!is_own(GUARD_OWN_PROG, id))
		return 0;
	return refuse(GUARD_HOOK_bpf_prog, 0, id);
}

/*
 * Who may trace gets helpers that read the memory of whatever process runs,
 * in programs of every type: a packet filter, too, interrupts lsaiso. So
 * programs are loaded as by somebody without CAP_PERFMON (and without
 * CAP_SYS_ADMIN, which stands in for it). What system call this is stands in
 * the caller's saved registers, which nothing changes during the call.
 */
SEC("lsm/capable")
int
BPF_PROG(on_capable, void *cred, void *ns, int cap)
{
	struct pt_regs *regs;
	__u32 nr;

	if (cap != CAP_PERFMON && cap != CAP_SYS_ADMIN)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	nr = (__u32)regs->orig_ax & ~X32_BIT;
	if (!(nr == NR_BPF && (__u32)regs->di == BPF_PROG_LOAD) &&
	    !(nr == NR_BPF_I386 && (__u32)regs->bx == BPF_PROG_LOAD))
		return 0;
	return may_trace() ? 0 : -EPERM;
}

/* ---- the kernel's memory */

SEC("lsm/locked_down")
int
BPF_PROG(on_locked_down, int what)
{
	if (!in_mask(what, reasons) && (!in_mask(what, reasons_but_watch) || may_trace()))
		return 0;
	return refuse(GUARD_HOOK_locked_down, 0, what);
}

/* ---- files */

static __always_inline void
enroll(struct inode *inode)
{
	struct guard_phase *ph = the_phase();
	struct guard_inode key = { 0 };
	__u32 role;

	if (ph == NULL || ph->sealed || my_role() != GUARD_INIT)
		return;
	role = ph->enroll;
	if (role == GUARD_NONE)
		return;
	key.ino = inode->i_ino;
	key.dev = inode->i_sb->s_dev;
	bpf_map_update_elem(&files, &key, &role, BPF_ANY);
}

/*
 * The sysctl with which root keeps the kernel from calling any program that is
 * attached to a function of it, these here too. By its name, because each
 * mount of procfs has inodes of its own. A path that is too long may be one.
 */
static __always_inline int
is_switch(struct file *file)
{
	const char name[] = "/" SWITCH;
	char path[PATH_OCTETS];
	long len = bpf_d_path(&file->f_path, path, sizeof(path));

	if (len < (long)sizeof(name) || len > (long)sizeof(path))
		return len < 0;
	for (__u32 i = 0; i < sizeof(name); i++) {
		__u32 at = (__u32)len - sizeof(name) + i;

		if (path[at & (PATH_OCTETS - 1)] != name[i])
			return 0;
	}
	return 1;
}

SEC("lsm/file_open")
int
BPF_PROG(on_open, struct file *file)
{
	unsigned long magic;

	if (!(file->f_mode & FMODE_WRITE)) {
		enroll(file->f_inode);
		return 0;
	}
	magic = file->f_inode->i_sb->s_magic;
	if (magic == TRACEFS_MAGIC || magic == DEBUGFS_MAGIC) {
		if (may_trace())
			return 0;
	} else if (magic == PROC_MAGIC) {
		if (!is_switch(file))
			return 0;
		if (my_role() == GUARD_INIT) /* guard_look */
			return -EPERM;
		return refuse(GUARD_HOOK_file_open, 0, GUARD_DETAIL_SWITCH);
	} else if (file_role(file->f_inode) == GUARD_NONE) {
		return 0;
	}
	return refuse(GUARD_HOOK_file_open, 0, file_role(file->f_inode));
}

static __always_inline int
keep(struct dentry *dentry, __u32 hook)
{
	__u32 role;

	if (dentry == NULL)
		return 0;
	role = file_role(dentry->d_inode);
	return role == GUARD_NONE ? 0 : refuse(hook, 0, role);
}

/* Its arguments changed; lsainit loads the one that this kernel calls. */
SEC("?lsm/inode_setattr")
int
BPF_PROG(on_setattr_old, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_setattr);
}

SEC("?lsm/inode_setattr")
int
BPF_PROG(on_setattr, void *idmap, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_setattr);
}

SEC("lsm/inode_rename")
int
BPF_PROG(on_rename, void *old_dir, struct dentry *from, void *new_dir, struct dentry *to)
{
	int no = keep(from, GUARD_HOOK_inode_rename);

	return no != 0 ? no : keep(to, GUARD_HOOK_inode_rename);
}

SEC("lsm/inode_unlink")
int
BPF_PROG(on_unlink, void *dir, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_unlink);
}

SEC("lsm/inode_setxattr")
int
BPF_PROG(on_setxattr, void *idmap, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_setxattr);
}

SEC("lsm/inode_removexattr")
int
BPF_PROG(on_removexattr, void *idmap, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_removexattr);
}

SEC("?lsm/inode_set_acl")
int
BPF_PROG(on_set_acl, void *idmap, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_set_acl);
}

SEC("?lsm/inode_remove_acl")
int
BPF_PROG(on_remove_acl, void *idmap, struct dentry *dentry)
{
	return keep(dentry, GUARD_HOOK_inode_remove_acl);
}

SEC("lsm/sb_mount")
int
BPF_PROG(on_mount, void *name, struct path *path)
{
	return keep(path->dentry, GUARD_HOOK_sb_mount);
}

SEC("lsm/move_mount")
int
BPF_PROG(on_move_mount, void *from, struct path *to)
{
	return keep(to->dentry, GUARD_HOOK_move_mount);
}
