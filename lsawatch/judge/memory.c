/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row memory access: who traces our processes, reads their memory or takes
 * their descriptors, who could by way of the kernel, and who was refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bpf.h"
#include "lsainit/guard/shared.h"
#include "lsawatch/judge/judge.h"

#define MODE_ATTACH 0x02 /* PTRACE_MODE_ATTACH of the kernel */

/* ---- whom it is about, and by whom */

static enum watch_part
part_of(struct lsawatch *w, pid_t pid)
{
	const struct watch_target *ta = watch_target_of(w, pid);

	return ta != NULL ? ta->part : PART_NONE;
}

static const char *
part_name(const struct lsawatch *w, enum watch_part part)
{
	return part < PART_END ? w->targets[part].image.name : "all processes";
}

/* We read their /proc folders, and so does lsainit. */
static bool
is_normal(const struct lsawatch *w, const struct watch_sight *si)
{
	if (si->by.pid != 0 && (si->by.pid == getpid() || si->by.pid == si->target))
		return true;
	return si->by.pid != 0 && si->by.pid == w->targets[PART_INIT].pid &&
	       (si->see == SEE_LOOK || si->see == SEE_LIMITS);
}

static const char *
doer(const struct watch_sight *si)
{
	return si->by.comm[0] != '\0' ? si->by.comm : "somebody";
}

static const char *
came_of_it(const struct watch_sight *si)
{
	return si->allowed > 0	  ? "it was let"
	       : si->allowed == 0 ? "it was refused"
				  : "what came of it is not seen";
}

static struct watch_case
case_of(struct lsawatch *w, const struct watch_sight *si, enum watch_rule rule)
{
	return (struct watch_case){ .rule = rule,
				    .layer = si->layer,
				    .by = si->by.pid != 0 ? &si->by : NULL,
				    .part = part_of(w, si->target),
				    .allowed = si->allowed };
}

/* ---- on one of ours */

static enum watch_rule
rule_of_access(const struct watch_sight *si)
{
	switch (si->way) {
	case WAY_vm_readv:
	case WAY_mem:
	case WAY_madvise:
	case WAY_move_pages:
		return RULE_memory_read;
	case WAY_pidfd_getfd:
	case WAY_fd_reopen:
		return RULE_memory_descriptor;
	case WAY_setrlimit:
		return RULE_memory_limits;
	case WAY_unknown:
	case WAY_ptrace:
	case WAY_vm_writev:
	case WAY_kcmp:
	case WAY_look:
	case WAY_perf_open:
	case WAY_uprobe:
	case WAY_kprobe:
	case WAY_bpf_load:
	case WAY_bpf_map:
	case WAY_bpf_switch:
	case WAY_kcore:
	case WAY_dev_mem:
	case WAY_module:
	case WAY_lockdown:
	case WAY_kill:
	case WAY_END:
		break;
	}
	return RULE_memory_attach;
}

static void
judge_look(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_look);

	if (ca.part == PART_NONE)
		return;
	finding_raise(w, &ca, "%s (pid %d) looked at %s (pid %d) by %s%s%s: %s", doer(si),
		      (int)si->by.pid, part_name(w, ca.part), (int)si->target,
		      watch_way_texts[si->way], si->name[0] != '\0' ? ", " : "", si->name,
		      came_of_it(si));
}

static void
judge_access(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, rule_of_access(si));

	/* Not every sensor tells which of them only compare or look. */
	if (si->way == WAY_kcmp || si->way == WAY_look) {
		judge_look(w, si);
		return;
	}
	if (ca.part == PART_NONE)
		return;
	/* These move pages about, and show none. */
	if (si->way == WAY_madvise || si->way == WAY_move_pages)
		ca.severity = MEDIUM;
	finding_raise(w, &ca, "%s (pid %d) used %s on %s (pid %d): %s", doer(si), (int)si->by.pid,
		      watch_way_texts[si->way], part_name(w, ca.part), (int)si->target,
		      came_of_it(si));
}

/* Refused looks are those of ps and lsof of an ordinary user. */
static void
judge_denied(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_refused);
	bool look = si->way == WAY_kcmp || si->way == WAY_look || si->way == WAY_unknown;

	if (ca.part == PART_NONE)
		return;
	ca.allowed = 0;
	if (si->way == WAY_kill)
		ca.rule = RULE_stability_signal;
	else if (si->way == WAY_setrlimit)
		ca.rule = RULE_memory_limits;
	else if (look && (si->mode & MODE_ATTACH) == 0)
		ca.rule = RULE_memory_look;
	finding_raise(w, &ca, "%s (pid %d) tried %s on %s (pid %d): %s", doer(si), (int)si->by.pid,
		      watch_way_texts[si->way], part_name(w, ca.part), (int)si->target,
		      strerror(si->number > 0 ? si->number : EPERM));
}

/* ---- on all */

static void
judge_perf(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_perf);

	finding_raise(w, &ca, "%s (pid %d) opened a perf event on %s: %s", doer(si),
		      (int)si->by.pid, part_name(w, ca.part), came_of_it(si));
}

/* A probe in a program that is none of ours reaches us by a library at most. */
static void
judge_probe(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_probe);
	bool of_file = si->way == WAY_uprobe && si->name[0] == '/';
	bool in_tracefs = strstr(si->name, "_events") != NULL, ours = false;

	for (size_t i = 0; i < PART_END; i++)
		ours |= strcmp(si->name, w->targets[i].image.path) == 0;
	if (of_file && !ours && strstr(si->name, ".so") == NULL)
		ca.severity = LOW;
	finding_raise(w, &ca, "%s (pid %d) %s%s%s: %s", doer(si), (int)si->by.pid,
		      in_tracefs	      ? "opened, to write to it, the tracing file system's "
		      : si->way == WAY_uprobe ? "set a uprobe in "
					      : "set a kprobe ",
		      si->name, in_tracefs || si->name[0] != '\0' ? "" : "by perf", came_of_it(si));
}

/* lsainit, whether as it runs or another of that file, loads its guard when it starts. */
static bool
is_lsainit(const struct lsawatch *w, pid_t pid)
{
	const struct watch_image *im = &w->targets[PART_INIT].image;
	char link[32];
	struct stat sb;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	return im->fd >= 0 && stat(link, &sb) == 0 && sb.st_dev == im->dev && sb.st_ino == im->ino;
}

static void
judge_bpf(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_bpf);
	const char *type = bpf_tracing_type((uint32_t)si->number);

	if (si->way == WAY_bpf_map || si->way == WAY_bpf_switch) {
		ca.rule = RULE_watch_touched;
		ca.severity = si->way == WAY_bpf_map ? INFO : HIGH; /* bpftool lists them, too */
		finding_raise(w, &ca, "%s (pid %d) opened %s", doer(si), (int)si->by.pid,
			      si->way == WAY_bpf_map
				  ? "a map of lsawatch's BPF programs"
				  : "kernel.ftrace_enabled, to write to it: with it off the kernel "
				    "calls neither the guard nor the layer bpf");
		return;
	}
	/* Who executes it only afterwards had another name at the time, or is an impostor. */
	if (strcmp(si->by.comm, "lsainit") == 0 && is_lsainit(w, si->by.pid))
		ca.severity = INFO;
	finding_raise(w, &ca, "%s (pid %d) loaded a BPF program of type %s: %s", doer(si),
		      (int)si->by.pid, type != NULL ? type : "other", came_of_it(si));
}

static void
judge_kernel(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_kernel);

	/* Every machine loads some; those that its distribution did not sign are few. */
	if (si->way == WAY_module) {
		ca.severity = si->number != 0 ? LOW : INFO;
		finding_raise(w, &ca, "%s (pid %d) loaded the kernel module %s%s", doer(si),
			      (int)si->by.pid, si->name,
			      si->number != 0 ? ", which is not signed" : "");
		return;
	}
	/* Registers of a processor, another kernel: ways that have uses of their own. */
	if (si->way == WAY_lockdown)
		ca.severity = LOW;
	finding_raise(w, &ca, "%s (pid %d) used %s: %s", doer(si), (int)si->by.pid,
		      watch_way_texts[si->way], came_of_it(si));
}

static void
judge_core(struct lsawatch *w, const struct watch_sight *si)
{
	struct watch_case ca = case_of(w, si, RULE_memory_core);

	if (ca.part == PART_NONE)
		return;
	finding_raise(w, &ca, "%s (pid %d) ended with a core dump", part_name(w, ca.part),
		      (int)si->target);
}

void
judge_memory(struct lsawatch *w, const struct watch_sight *si)
{
	if (is_normal(w, si))
		return;
	switch ((int)si->see) {
	case SEE_ATTACH:
	case SEE_ACCESS:
	case SEE_LIMITS:
		judge_access(w, si);
		break;
	case SEE_LOOK:
		judge_look(w, si);
		break;
	case SEE_DENIED:
		judge_denied(w, si);
		break;
	case SEE_PERF:
		judge_perf(w, si);
		break;
	case SEE_PROBE:
		judge_probe(w, si);
		break;
	case SEE_BPF:
		judge_bpf(w, si);
		break;
	case SEE_KERNEL:
		judge_kernel(w, si);
		break;
	case SEE_CORE:
		judge_core(w, si);
		break;
	default:
		break;
	}
}

/* ---- what the guard refused */

static const struct {
	const char *hook;
	enum watch_rule rule;
	const char *what;
} refusals[] = {
	{ "ptrace_access_check", RULE_memory_refused, "to trace it or to read its memory" },
	{ "ptrace_traceme", RULE_memory_refused, "to have it traced" },
	{ "task_movememory", RULE_memory_refused, "to move its memory" },
	{ "task_kill", RULE_stability_signal, "to send it a signal" },
	{ "file_send_sigiotask", RULE_stability_signal, "to send it a signal by way of a file" },
	{ "task_setrlimit", RULE_memory_limits, "to change its resource limits" },
	{ "perf_event_open", RULE_memory_probe, "to set a probe" },
	{ "perf_event_alloc", RULE_memory_perf, "to open a perf event that reaches it" },
	{ "bpf", RULE_memory_bpf, "to trace by BPF" },
	{ "bpf_map", RULE_memory_bpf, "to get at a map of the guard" },
	{ "bpf_prog", RULE_memory_bpf, "to get at a program of the guard" },
	{ "capable", RULE_memory_bpf, "to load a BPF program that reads memory" },
	{ "locked_down", RULE_memory_kernel, "a way into the kernel's memory" },
	{ "bprm_check_security", RULE_parent_foreign, "to start our program" },
	{ "file_open", RULE_integrity_changed, "to write to an installed file or to set a probe" },
	{ "inode_setattr", RULE_integrity_attributes, "to change an installed file" },
	{ "inode_rename", RULE_integrity_changed, "to rename or replace an installed file" },
	{ "inode_unlink", RULE_integrity_changed, "to remove an installed file" },
	{ "inode_setxattr", RULE_integrity_attributes, "to set an attribute of an installed file" },
	{ "inode_removexattr", RULE_integrity_attributes,
	  "to remove an attribute of an installed file" },
	{ "inode_set_acl", RULE_integrity_attributes, "to set the ACL of an installed file" },
	{ "inode_remove_acl", RULE_integrity_attributes, "to remove the ACL of an installed file" },
	{ "sb_mount", RULE_path_covered, "to mount over an installed file" },
	{ "move_mount", RULE_path_covered, "to move a mount over an installed file" },
};

void
judge_refusal(struct lsawatch *w, const struct control_refusal *re)
{
	struct watch_actor by = { .pid = (pid_t)re->actor,
				  .thread = (pid_t)re->actor_thread,
				  .uid = re->uid,
				  .login = UINT32_MAX };
	struct watch_case ca = { .rule = RULE_memory_refused,
				 .layer = LAYER_GUARD,
				 .by = &by,
				 .part = part_of(w, (pid_t)re->target) };
	const char *what = re->hook;

	(void)snprintf(by.comm, sizeof(by.comm), "%.15s", re->comm);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strcmp(refusals[i].hook, re->hook) != 0)
			continue;
		ca.rule = refusals[i].rule;
		what = refusals[i].what;
	}
	if (strcmp(re->hook, "file_open") == 0 && re->detail == GUARD_DETAIL_SWITCH) {
		ca.rule = RULE_watch_touched;
		what = "to switch off kernel.ftrace_enabled, and all BPF hooks with it";
	}
	/* Looking is what ps and lsof do; the guard refuses that, too. */
	if (ca.rule == RULE_memory_refused && strcmp(re->hook, "ptrace_access_check") == 0 &&
	    (re->detail & MODE_ATTACH) == 0)
		ca.rule = RULE_memory_look;
	finding_raise(w, &ca, "the guard refused %s (pid %d) %s%s%s: %s %u", by.comm, (int)by.pid,
		      what, ca.part != PART_NONE ? ", of " : "",
		      ca.part != PART_NONE ? part_name(w, ca.part) : "", re->hook, re->detail);
}

void
judge_guard(struct lsawatch *w, const struct control_table *before)
{
	const struct control_guard *was = &before->guard, *is = &w->table.guard;
	struct watch_case ca = { .rule = RULE_memory_unguarded,
				 .layer = LAYER_GUARD,
				 .part = PART_INIT,
				 .subject = w->table.lsainit_pid,
				 .allowed = -1 };

	if (was->state != is->state)
		finding_holds(w, &ca, is->state == CONTROL_GUARD_MISSING, "", "%.*s",
			      (int)sizeof(is->why), is->why);
}
