/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer audit: the audit system of the kernel, for kernels that take no BPF.
 * Rules of our own say what is of interest; the records are read beside the
 * audit daemon, whose place nobody takes. Only what no better sensor shows
 * gets rules.
 *
 * Numbers of processes in rules are those of our processes now, and of the
 * threads that were made soon after, so they are made anew when one restarts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/installed.h"
#include "lsawatch/sense/audit_event.h"
#include "lsawatch/sense/audit_rules.h"
#include "lsawatch/sense/sense.h"

#define BUFFER	(1 << 20)
#define BATCH	128
#define THREADS 64 /* numbers above that of the process that are taken for its threads */
#define PIDFDS	64
#define TAKE_MS 200
#define MEND_MS 1000	   /* others may be loading their rules */
#define FIXED	0	   /* group of rules that stay */
#define RATE	500	   /* events a second; more are lost, and that is said */
#define ALL	UINT32_MAX /* kill(-1): everybody */

#define SHOWS                                                                                      \
	(SEES(ATTACH) | SEES(ACCESS) | SEES(DENIED) | SEES(SIGNAL) | SEES(PERF) | SEES(KERNEL) |   \
	 SEES(FILE) | SEES(MOUNT))

static struct {
	int fd;
	struct watch *wa;
	struct audit_events events;
	uint32_t shows;
	pid_t pids[PART_END]; /* that rules were made for */
	int64_t second;
	unsigned int in_it;
	bool hurt; /* switched off, or rules of ours were taken away: to be mended */
	struct taken {
		pid_t actor, target;
		int64_t fd;
	} taken[PIDFDS]; /* pidfds of ours that somebody has, the latest of each slot */
} au = { .fd = -1 };

/* ---- rules */

static bool
add(unsigned int group)
{
	if (audit_rule_add(group) == 0)
		return true;
	/* Another rule of ours that says the same, or a process that is gone already. */
	return errno == EEXIST || errno == ENOENT || errno == ESRCH;
}

static bool
add_calls(const int *calls, uint32_t field, uint32_t from, uint32_t to, unsigned int group)
{
	audit_rule_begin();
	for (; *calls >= 0; calls++)
		audit_rule_call(*calls);
	if (from == to) {
		audit_rule_is(field, AUDIT_EQUAL, from);
	} else {
		audit_rule_is(field, AUDIT_GREATER_THAN_OR_EQUAL, from);
		audit_rule_is(field, AUDIT_LESS_THAN_OR_EQUAL, to);
	}
	return add(group);
}

#define CALLS(...) ((const int[]){ __VA_ARGS__, -1 })

static bool
add_any(const int *calls)
{
	audit_rule_begin();
	for (; *calls >= 0; calls++)
		audit_rule_call(*calls);
	return add(FIXED);
}

static bool
add_path(uint32_t field, const char *path, uint32_t permissions, unsigned int group)
{
	audit_rule_begin();
	audit_rule_all_calls();
	audit_rule_text(field, path);
	audit_rule_is(AUDIT_PERM, AUDIT_EQUAL, permissions);
	return add(group);
}

static bool
wants(uint32_t bits)
{
	return (au.shows & bits) != 0;
}

static bool
signals_of(uint32_t pid, unsigned int group)
{
	return add_calls(
	    CALLS(SYS_kill, SYS_tgkill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo),
	    AUDIT_ARG0, pid, pid, group);
}

static bool
rules_of_target(pid_t target, unsigned int group)
{
	uint32_t pid = (uint32_t)target, last = pid + THREADS;
	uint32_t permissions = AUDIT_PERM_READ | AUDIT_PERM_WRITE;
	char mem[32], task_mem[64];
	bool good = true;

	(void)snprintf(mem, sizeof(mem), "/proc/%d/mem", (int)target);
	(void)snprintf(task_mem, sizeof(task_mem), "/proc/%d/task/%d/mem", (int)target,
		       (int)target);
	if (wants(SEES(SIGNAL)))
		good &= signals_of(pid, group);
	if (wants(SEES(ATTACH) | SEES(ACCESS) | SEES(DENIED))) {
		good &= add_calls(CALLS(SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
					SYS_move_pages, SYS_pidfd_open),
				  AUDIT_ARG0, pid, last, group);
		good &= add_path(AUDIT_WATCH, mem, permissions, group);
		good &= add_path(AUDIT_WATCH, task_mem, permissions, group);
	}
	if (wants(SEES(ATTACH) | SEES(ACCESS) | SEES(DENIED) | SEES(PERF)))
		good &= add_calls(CALLS(SYS_perf_event_open, SYS_kcmp), AUDIT_ARG1, pid, last,
				  group);
	return good;
}

static void
take_one(void *arg)
{
	struct lsawatch *w = arg;

	if (!audit_rules_take_one())
		(void)loop_every(w->lo, 0, take_one, w);
}

/* Those of what has ended stay until there is another: they cost nothing. */
static void
rules_of_part(struct lsawatch *w, size_t part)
{
	pid_t pid = w->targets[part].pid;

	if (pid == 0 || pid == au.pids[part])
		return;
	audit_rules_forget((unsigned int)part + 1);
	(void)loop_every(w->lo, TAKE_MS, take_one, w);
	au.pids[part] = pid;
	if (!rules_of_target(pid, (unsigned int)part + 1))
		log_warn("audit takes no rule for pid %d: %s", (int)pid, strerror(errno));
}

static bool
rules_of_files(void)
{
	size_t n;
	const struct installed *in = installed_all(&n);
	bool good = false;

	for (size_t i = 0; i < n; i++)
		good |= add_path(in[i].suffix != NULL ? AUDIT_DIR : AUDIT_WATCH, in[i].path,
				 AUDIT_PERM_WRITE | AUDIT_PERM_ATTR, FIXED);
	return good;
}

/* Those that do not change. What cannot be had is not shown. */
static void
rules_of_all(void)
{
	if (wants(SEES(ATTACH) | SEES(ACCESS) | SEES(DENIED)) &&
	    (!add_calls(CALLS(SYS_ptrace), AUDIT_ARG0, PTRACE_ATTACH, PTRACE_ATTACH, FIXED) ||
	     !add_calls(CALLS(SYS_ptrace), AUDIT_ARG0, PTRACE_SEIZE, PTRACE_SEIZE, FIXED) ||
	     !add_any(CALLS(SYS_pidfd_getfd, SYS_process_madvise))))
		au.shows &= ~(SEES(ATTACH) | SEES(ACCESS) | SEES(DENIED));
	if (wants(SEES(SIGNAL)))
		(void)signals_of((uint32_t)getpid(), FIXED);
	if (wants(SEES(SIGNAL)) && (!add_calls(CALLS(SYS_kill), AUDIT_ARG0, ALL, ALL, FIXED) ||
				    !add_any(CALLS(SYS_pidfd_send_signal))))
		au.shows &= ~SEES(SIGNAL);
	if (wants(SEES(KERNEL))) {
		bool core = add_path(AUDIT_WATCH, "/proc/kcore", AUDIT_PERM_READ, FIXED);
		bool mem = add_path(AUDIT_WATCH, "/dev/mem", AUDIT_PERM_READ | AUDIT_PERM_WRITE,
				    false);

		if (!core && !mem)
			au.shows &= ~SEES(KERNEL);
	}
	if (wants(SEES(FILE)) && !rules_of_files())
		au.shows &= ~SEES(FILE);
	if (!add_any(CALLS(SYS_mount, SYS_move_mount, SYS_umount2)))
		au.shows &= ~SEES(MOUNT);
}

/* ---- what an event shows */

struct seen {
	struct lsawatch *w;
	const struct audit_event *ev;
	struct watch_sight si;
};

static void
fill(struct seen *se)
{
	const struct audit_event *ev = se->ev;
	struct watch_actor *by = &se->si.by;

	se->si.layer = LAYER_AUDIT;
	se->si.allowed = ev->success;
	by->pid = ev->pid;
	by->uid = ev->uid;
	by->login = ev->login;
	by->parent = ev->ppid;
	(void)snprintf(by->comm, sizeof(by->comm), "%s", ev->comm);
	(void)snprintf(by->exe, sizeof(by->exe), "%s", ev->exe);
}

/* The process of ours that has this thread; 0: none. */
static pid_t
process_of(const struct lsawatch *w, uint64_t thread)
{
	for (size_t i = 0; i < PART_END; i++) {
		pid_t pid = w->targets[i].pid;
		char path[64];

		if (pid == 0 || thread > INT32_MAX)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)thread);
		if (thread == (uint64_t)pid || access(path, F_OK) == 0)
			return pid;
	}
	return 0;
}

static struct taken *
slot(pid_t actor, int64_t fd)
{
	return &au.taken[((uint32_t)actor * 31 + (uint32_t)fd) % PIDFDS];
}

static void
note_pidfd(const struct lsawatch *w, const struct audit_event *ev)
{
	pid_t target = process_of(w, ev->args[0]);

	if (ev->success && target != 0)
		*slot(ev->pid, ev->exit) = (struct taken){ .actor = ev->pid,
							   .target = target,
							   .fd = ev->exit };
}

/* Of whom the actor's pidfd is: seen when it was opened, or while the actor lives; 0: not known. */
static pid_t
process_of_pidfd(const struct lsawatch *w, pid_t actor, uint64_t fd)
{
	char file[48], text[512];
	const char *at;
	const struct taken *ta = slot(actor, (int64_t)fd);

	if (ta->actor == actor && ta->fd == (int64_t)fd)
		return ta->target;
	(void)snprintf(file, sizeof(file), "fdinfo/%d", (int)(fd & INT32_MAX));
	if (process_read(actor, file, text, sizeof(text)) <= 0)
		return 0;
	at = strstr(text, "\nPid:\t");
	return at != NULL ? process_of(w, strtoul(at + 6, NULL, 10)) : 0;
}

static void
see_access(struct seen *se, enum watch_way way, pid_t target)
{
	/* It was let, and only then found nothing at that address, or no such descriptor. */
	bool let = se->ev->success || se->ev->exit == -EFAULT || se->ev->exit == -EBADF;

	if (target == 0 || watch_target_of(se->w, target) == NULL)
		return;
	se->si.way = way;
	se->si.target = target;
	se->si.see = !let ? SEE_DENIED : way == WAY_ptrace ? SEE_ATTACH : SEE_ACCESS;
	se->si.allowed = let;
	if (let) {
		watch_see(se->w, &se->si);
	} else if (se->ev->exit == -EPERM || se->ev->exit == -EACCES) {
		se->si.number = (int)-se->ev->exit;
		watch_see(se->w, &se->si);
	}
}

static void
see_signal(struct seen *se, uint64_t number)
{
	const struct audit_event *ev = se->ev;

	if (!ev->success && ev->exit != -EPERM)
		return;
	se->si.see = SEE_SIGNAL;
	se->si.way = WAY_kill;
	se->si.number = (int)(number & 0x7f);
	for (size_t i = 0; i < ev->n_pids; i++) {
		se->si.target = ev->pids[i];
		watch_see(se->w, &se->si);
	}
	/* Refused before the kernel had noted whom. */
	if (ev->n_pids == 0 && ev->syscall != SYS_pidfd_send_signal &&
	    process_of(se->w, ev->args[0]) != 0) {
		se->si.target = process_of(se->w, ev->args[0]);
		watch_see(se->w, &se->si);
	}
}

/* Those on all processes cannot be told from such that only count, and are not shown. */
static void
see_perf(struct seen *se)
{
	se->si.see = SEE_PERF;
	se->si.way = WAY_perf_open;
	se->si.target = process_of(se->w, se->ev->args[1]);
	if (se->si.target != 0)
		watch_see(se->w, &se->si);
}

static void
see_mount(struct seen *se)
{
	if (!se->ev->success)
		return;
	se->si.see = SEE_MOUNT;
	se->si.name[0] = '\0';
	for (size_t i = 0; i < se->ev->n_paths; i++) {
		if (se->ev->paths[i][0] == '/')
			(void)snprintf(se->si.name, sizeof(se->si.name), "%s", se->ev->paths[i]);
	}
	watch_see(se->w, &se->si);
}

/* ---- paths */

/* Which of what is installed: by its path, or by its name in whatever folder that is. */
static const struct installed *
installed_as(const struct audit_event *ev, const char *path)
{
	size_t n;
	const struct installed *in = installed_all(&n);
	const char *name = strrchr(path, '/');
	char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s/%s", ev->cwd, path);
	if (installed_at(path[0] == '/' ? path : whole) != NULL)
		return installed_at(path[0] == '/' ? path : whole);
	name = name != NULL ? name + 1 : path;
	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(in[i].path, '/');

		if (in[i].suffix == NULL && slash != NULL && strcmp(slash + 1, name) == 0)
			return &in[i];
	}
	return NULL;
}

/* Whose memory that is; 0: it is something else. */
static pid_t
process_of_mem(const char *path)
{
	char *after;
	long pid;
	size_t len = strlen(path);

	if (strncmp(path, "/proc/", 6) != 0 || strcmp(path + len - 4, "/mem") != 0)
		return 0;
	pid = strtol(path + 6, &after, 10);
	return pid > 0 && pid <= INT32_MAX && *after == '/' ? (pid_t)pid : 0;
}

static void
see_path(struct seen *se, const char *path)
{
	const struct installed *in;

	if (process_of_mem(path) != 0) {
		see_access(se, WAY_mem, process_of_mem(path));
	} else if (strcmp(path, "/proc/kcore") == 0 || strcmp(path, "/dev/mem") == 0) {
		se->si.see = SEE_KERNEL;
		se->si.way = path[1] == 'p' ? WAY_kcore : WAY_dev_mem;
		(void)snprintf(se->si.name, sizeof(se->si.name), "%s", path);
		if (se->ev->success)
			watch_see(se->w, &se->si);
	} else if (se->ev->success && (in = installed_as(se->ev, path)) != NULL) {
		se->si.see = SEE_FILE;
		(void)snprintf(se->si.name, sizeof(se->si.name), "%.255s", in->path);
		watch_see(se->w, &se->si);
	}
}

static void
see_paths(struct seen *se)
{
	if (strncmp(se->ev->key, AUDIT_KEY, strlen(AUDIT_KEY)) != 0)
		return; /* of the administrator's rules */
	for (size_t i = 0; i < se->ev->n_paths; i++)
		see_path(se, se->ev->paths[i]);
}

/* ---- events */

static pid_t
traced(const struct lsawatch *w, const struct audit_event *ev)
{
	return ev->n_pids != 0 ? ev->pids[0] : process_of(w, ev->args[1]);
}

static void
see(struct lsawatch *w, const struct audit_event *ev)
{
	struct seen se = { .w = w, .ev = ev };
	pid_t target = process_of(w, ev->args[0]);

	if (ev->arch != AUDIT_ARCH_X86_64 || ev->pid == getpid())
		return;
	fill(&se);
	switch (ev->syscall) {
	case SYS_ptrace:
		if (ev->args[0] == PTRACE_ATTACH || ev->args[0] == PTRACE_SEIZE)
			see_access(&se, WAY_ptrace, traced(w, ev));
		break;
	case SYS_process_vm_readv:
		see_access(&se, WAY_vm_readv, target);
		break;
	case SYS_process_vm_writev:
		see_access(&se, WAY_vm_writev, target);
		break;
	case SYS_move_pages:
		see_access(&se, WAY_move_pages, target);
		break;
	case SYS_kcmp:
		see_access(&se, WAY_kcmp, target != 0 ? target : process_of(w, ev->args[1]));
		break;
	case SYS_pidfd_open:
		note_pidfd(w, ev);
		break;
	case SYS_process_madvise:
		see_access(&se, WAY_madvise, process_of_pidfd(w, ev->pid, ev->args[0]));
		break;
	case SYS_pidfd_getfd:
		see_access(&se, WAY_pidfd_getfd, process_of_pidfd(w, ev->pid, ev->args[0]));
		break;
	case SYS_kill:
	case SYS_tkill:
	case SYS_rt_sigqueueinfo:
	case SYS_pidfd_send_signal:
		see_signal(&se, ev->args[1]);
		break;
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		see_signal(&se, ev->args[2]);
		break;
	case SYS_perf_event_open:
		see_perf(&se);
		break;
	case SYS_mount:
	case SYS_move_mount:
	case SYS_umount2:
		see_mount(&se);
		break;
	default:
		see_paths(&se);
	}
}

/* False: too many. Told once, and then answered by looking at everything. */
static bool
within_rate(struct lsawatch *w)
{
	int64_t second = watch_now_ms() / 1000;

	if (second != au.second) {
		au.second = second;
		au.in_it = 0;
	}
	if (++au.in_it == RATE + 1)
		sensors_lost(w, LAYER_AUDIT, "more audit events than are looked at in a second");
	return au.in_it <= RATE;
}

/* An administrator who loads his rules anew takes ours away, too. */
static void
mend_rules(void *arg)
{
	struct lsawatch *w = arg;
	struct watch_case ca = { .rule = RULE_watch_blind,
				 .severity = INFO,
				 .layer = LAYER_AUDIT,
				 .part = PART_NONE,
				 .allowed = -1 };
	char why[160];
	int missing = audit_rules_mend(true, why, sizeof(why));

	(void)loop_every(w->lo, 0, mend_rules, w);
	au.hurt = missing < 0;
	if (missing > 0)
		finding_raise(w, &ca, "%d audit rules of ours were taken away; they are set again",
			      missing);
}

static enum watch_health
audit_health(struct lsawatch *w, char *why, size_t n)
{
	int missing = audit_rules_mend(au.hurt, why, n);

	(void)w;
	au.hurt = missing < 0;
	return missing < 0 ? HEALTH_BAD : HEALTH_GOOD;
}

static bool
read_one(struct lsawatch *w)
{
	static union {
		struct nlmsghdr head;
		char octets[NLMSG_HDRLEN + 9000];
	} msg;
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t got = recvfrom(au.fd, &msg, sizeof(msg), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &size);
	const struct audit_event *ev;

	if (got < 0 && errno == ENOBUFS) {
		sensors_lost(w, LAYER_AUDIT, "audit events were not read in time");
		return true;
	}
	if (got < 0)
		return errno == EINTR;
	if (got < NLMSG_HDRLEN || from.nl_pid != 0)
		return true; /* nobody but the kernel */
	if (msg.head.nlmsg_type == AUDIT_CONFIG_CHANGE &&
	    audit_rules_changed(msg.octets + NLMSG_HDRLEN, (size_t)got - NLMSG_HDRLEN)) {
		au.hurt = true;
		(void)loop_every(w->lo, MEND_MS, mend_rules, w);
	}
	/* Kernels differ in what they count to the length in the header. */
	ev = audit_record(&au.events, msg.head.nlmsg_type, msg.octets + NLMSG_HDRLEN,
			  (size_t)got - NLMSG_HDRLEN);
	if (ev != NULL && within_rate(w))
		see(w, ev);
	return true;
}

static void
ready(void *arg, uint32_t events)
{
	(void)events;
	for (int i = 0; i < BATCH && read_one(arg); i++)
		;
}

/* ---- open and close */

static void
audit_close(struct lsawatch *w)
{
	(void)w;
	loop_unwatch(au.wa);
	au.wa = NULL;
	audit_rules_close();
	if (au.fd >= 0)
		(void)close(au.fd);
	au.fd = -1;
}

static int
join(struct lsawatch *w)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK,
				    .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1) };
	int size = BUFFER;

	au.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
	if (au.fd < 0)
		return -1;
	(void)setsockopt(au.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(au.fd, (const struct sockaddr *)&self, sizeof(self)) != 0)
		return -1;
	au.wa = loop_watch(w->lo, au.fd, EPOLLIN, ready, w);
	return au.wa != NULL ? 0 : -1;
}

static uint32_t
audit_open(struct lsawatch *w, char *why, size_t n)
{
	memset(&au.events, 0, sizeof(au.events));
	au.shows = SHOWS & ~w->sees;
	if (join(w) != 0) {
		(void)snprintf(why, n, "audit: %s (CAP_AUDIT_READ is needed)", strerror(errno));
		audit_close(w);
		return 0;
	}
	if (audit_rules_open(why, n) != 0) {
		audit_close(w);
		return 0;
	}
	rules_of_all();
	if (au.shows == 0)
		audit_close(w);
	return au.shows;
}

static void
audit_targets(struct lsawatch *w)
{
	for (size_t i = 0; i < PART_END; i++)
		rules_of_part(w, i);
}

const struct watch_sensor sense_audit = {
	.name = "audit",
	.layer = LAYER_AUDIT,
	.sees = SHOWS,
	.keeps = 1ULL << CAP_AUDIT_CONTROL,
	.open = audit_open,
	.targets = audit_targets,
	.health = audit_health,
	.close = audit_close,
};
