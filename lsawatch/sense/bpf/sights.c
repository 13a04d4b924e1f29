/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an event of the kernel side means. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lsawatch/sense/bpf/ring.h"
#include "lsawatch/sense/bpf/shared.h"

#define CORE_DUMPED  0x80 /* in a wait status */
#define MODE_READ    0x01 /* PTRACE_MODE_READ of the kernel */
#define MODE_ATTACH  0x02
#define MODE_FSCREDS 0x08

static enum watch_way
way_of_call(uint32_t call)
{
	switch (call) {
	case SYS_ptrace:
		return WAY_ptrace;
	case SYS_process_vm_readv:
		return WAY_vm_readv;
	case SYS_process_vm_writev:
		return WAY_vm_writev;
	case SYS_move_pages:
		return WAY_move_pages;
	case SYS_pidfd_getfd:
		return WAY_pidfd_getfd;
	case SYS_process_madvise:
		return WAY_madvise;
	case SYS_kcmp:
		return WAY_kcmp;
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
		return WAY_kill;
	case SYS_get_robust_list:
	case SYS_readlink:
	case SYS_readlinkat:
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_stat:
	case SYS_newfstatat:
	case SYS_statx:
		return WAY_look;
	default:
		return WAY_unknown;
	}
}

/* These only look, or (by READ of the kernel's modes) do what ps does. */
static enum watch_see
see_of_way(enum watch_way way)
{
	if (way == WAY_kcmp || way == WAY_look || way == WAY_unknown)
		return SEE_LOOK;
	return way == WAY_ptrace ? SEE_ATTACH : SEE_ACCESS;
}

/* ---- layer trace */

static void
ended_call(struct lsawatch *w, struct watch_sight *si, const struct seen *se)
{
	int result = se->result;

	si->way = way_of_call(se->call);
	si->see = see_of_way(si->way);
	si->mode = si->see == SEE_LOOK || si->way == WAY_madvise || si->way == WAY_move_pages
		       ? MODE_READ
		       : MODE_ATTACH;
	si->allowed = 1;
	si->number = si->way == WAY_ptrace ? se->number : 0;
	if (result == -EPERM || result == -EACCES) {
		si->see = SEE_DENIED;
		si->allowed = 0;
		si->number = -result;
	} else if (si->way == WAY_kill || result == -ESRCH || result == -EINVAL ||
		   result == -ENOSYS) {
		/* Signals that are sent come as such; the others never got so far. */
		return;
	}
	watch_see(w, si);
}

/* ---- layer bpf */

static void
checked(struct lsawatch *w, struct watch_sight *si, const struct seen *se, bool refused)
{
	bool attach = (se->mode & MODE_ATTACH) != 0;

	si->mode = se->mode;
	si->way = way_of_call(se->call);
	/* Of these only files of /proc ask in that way; io_uring opens, too. */
	if (attach && (se->mode & MODE_FSCREDS) != 0)
		si->way = WAY_mem;
	if (refused)
		si->see = SEE_DENIED;
	else
		si->see = attach && si->way != WAY_ptrace ? SEE_ACCESS : see_of_way(si->way);
	si->allowed = refused ? 0 : 1;
	si->number = refused ? EPERM : 0;
	watch_see(w, si);
}

/* ---- files */

static void
opened_proc(struct lsawatch *w, struct watch_sight *si)
{
	if (strcmp(si->name, "mem") == 0) {
		si->see = SEE_ACCESS;
		si->way = WAY_mem;
		si->mode = MODE_ATTACH;
	} else {
		si->see = SEE_LOOK;
		si->way = WAY_look;
		si->mode = MODE_READ;
	}
	watch_see(w, si);
}

static void
opened_path(struct lsawatch *w, struct watch_sight *si)
{
	if (strstr(si->name, "/fd/") == NULL && strstr(si->name, "/map_files/") == NULL)
		return;
	si->see = SEE_ACCESS;
	si->way = WAY_fd_reopen;
	si->mode = MODE_READ;
	watch_see(w, si);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* The process of a path that ends with PID/mem. */
static pid_t
pid_of_mem(const char *path)
{
	size_t at = strlen(path) - strlen("/mem"), end = at;

	while (at > 0 && path[at - 1] >= '0' && path[at - 1] <= '9')
		at--;
	return at < end ? (pid_t)strtol(path + at, NULL, 10) : 0;
}

static void
tried_path(struct lsawatch *w, struct watch_sight *si, enum watch_see see)
{
	if (ends_with(si->name, "kcore") || strcmp(si->name, "/dev/mem") == 0) {
		si->see = SEE_KERNEL;
		si->way = ends_with(si->name, "kcore") ? WAY_kcore : WAY_dev_mem;
	} else if (ends_with(si->name, "/mem")) {
		si->see = see;
		si->way = WAY_mem;
		si->mode = MODE_ATTACH;
		si->target = pid_of_mem(si->name);
		if (watch_target_of(w, si->target) == NULL)
			return;
	} else {
		return;
	}
	watch_see(w, si);
}

static void
opened_tracefs(struct lsawatch *w, struct watch_sight *si)
{
	si->see = SEE_PROBE;
	if (strcmp(si->name, "uprobe_events") == 0)
		si->way = WAY_uprobe;
	else if (strcmp(si->name, "kprobe_events") == 0 || strcmp(si->name, "dynamic_events") == 0)
		si->way = WAY_kprobe;
	else
		return;
	watch_see(w, si);
}

/* ---- the others */

static void
ended_process(struct lsawatch *w, struct watch_sight *si)
{
	si->by = (struct watch_actor){ .uid = UINT32_MAX, .login = UINT32_MAX };
	si->allowed = -1;
	si->see = SEE_EXIT;
	watch_see(w, si);
	if ((si->number & CORE_DUMPED) == 0)
		return;
	si->see = SEE_CORE;
	watch_see(w, si);
}

static void
sent_signal(struct lsawatch *w, struct watch_sight *si, bool of_kernel)
{
	si->see = SEE_SIGNAL;
	si->way = WAY_kill;
	if (of_kernel) {
		si->by = (struct watch_actor){ .uid = UINT32_MAX, .login = UINT32_MAX };
		(void)snprintf(si->name, sizeof(si->name), "kernel");
	}
	watch_see(w, si);
}

static void
asked_perf(struct lsawatch *w, struct watch_sight *si, uint32_t probe)
{
	si->see = probe != 0 ? SEE_PROBE : SEE_PERF;
	si->way = probe == 0 ? WAY_perf_open : probe == 1 ? WAY_kprobe : WAY_uprobe;
	watch_see(w, si);
}

static void
changed_limits(struct lsawatch *w, struct watch_sight *si, int result)
{
	si->see = result < 0 ? SEE_DENIED : SEE_LIMITS;
	si->way = WAY_setrlimit;
	if (result < 0)
		si->number = -result;
	watch_see(w, si);
}

static void
plain(struct lsawatch *w, struct watch_sight *si, enum watch_see see, enum watch_way way,
      int allowed)
{
	si->see = see;
	si->way = way;
	si->allowed = allowed;
	watch_see(w, si);
}

/* The actor's program: as /proc has it, or, if it has ended, as the kernel did. */
static void
name_actor(struct watch_actor *by, const struct seen *se)
{
	size_t at = 0;

	if (by->pid == 0 || process_exe(by->pid, by->exe, sizeof(by->exe)) == 0)
		return;
	for (int i = SEEN_STEPS - 1; i >= 0; i--) {
		if (se->exe[i][0] != '\0' && at < sizeof(by->exe))
			at += (size_t)snprintf(by->exe + at, sizeof(by->exe) - at, "/%.*s",
					       SEEN_STEP - 1, se->exe[i]);
	}
}

void
ring_sight(struct lsawatch *w, enum watch_layer layer, const struct seen *se)
{
	struct watch_sight si = { .layer = layer,
				  .target = (pid_t)se->target,
				  .number = se->number,
				  .more = se->more,
				  .allowed = se->result < 0 ? 0 : 1,
				  .by = { .pid = (pid_t)se->pid,
					  .thread = (pid_t)se->thread,
					  .uid = se->uid,
					  .parent = (pid_t)se->parent,
					  .login = UINT32_MAX } };

	(void)snprintf(si.by.comm, sizeof(si.by.comm), "%.15s", se->comm);
	(void)snprintf(si.name, sizeof(si.name), "%.*s", SEEN_NAME, se->name);
	if (se->kind == SEEN_EXEC || se->kind == SEEN_NAMED) { /* it is read about, if it lives */
		plain(w, &si, SEE_EXEC, WAY_unknown, -1);
		return;
	}
	name_actor(&si.by, se);
	switch ((enum seen_kind)se->kind) {
	case SEEN_EXEC:
	case SEEN_NAMED:
	case SEEN_PROOF:
		break;
	case SEEN_FORK:
		plain(w, &si, SEE_FORK, WAY_unknown, -1);
		break;
	case SEEN_CREDS:
		plain(w, &si, SEE_CREDS, WAY_unknown, 1);
		break;
	case SEEN_EXIT:
		ended_process(w, &si);
		break;
	case SEEN_SIGNAL:
		sent_signal(w, &si, se->result != 0);
		break;
	case SEEN_CALL:
		ended_call(w, &si, se);
		break;
	case SEEN_ACCESS:
	case SEEN_REFUSED:
		checked(w, &si, se, se->kind == SEEN_REFUSED);
		break;
	case SEEN_PROC:
		/* Here the check of the open told it. */
		if (layer != LAYER_BPF)
			opened_proc(w, &si);
		break;
	case SEEN_PATH:
		opened_path(w, &si);
		break;
	case SEEN_DENIED:
		tried_path(w, &si, SEE_DENIED);
		break;
	case SEEN_SUBMITTED:
		si.allowed = -1;
		tried_path(w, &si, SEE_ACCESS);
		break;
	case SEEN_KERNEL:
		plain(w, &si, SEE_KERNEL, strcmp(si.name, "kcore") == 0 ? WAY_kcore : WAY_dev_mem,
		      1);
		break;
	case SEEN_LOCKDOWN:
		plain(w, &si, SEE_KERNEL, WAY_lockdown, si.allowed);
		break;
	case SEEN_MODULE:
		plain(w, &si, SEE_KERNEL, WAY_module, 1);
		break;
	case SEEN_TRACEFS:
		opened_tracefs(w, &si);
		break;
	case SEEN_PERF:
		asked_perf(w, &si, se->call);
		break;
	case SEEN_SWITCH:
		plain(w, &si, SEE_BPF, WAY_bpf_switch, 1);
		break;
	case SEEN_MAP:
		plain(w, &si, SEE_BPF, WAY_bpf_map, 1);
		break;
	case SEEN_BPF:
		plain(w, &si, SEE_BPF, WAY_bpf_load, si.allowed);
		break;
	case SEEN_LIMITS:
		changed_limits(w, &si, se->result);
		break;
	}
}
