/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processes that are watched are themselves: program, parent, state, tracer, or none. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsawatch/judge/judge.h"

#define MISSING_MS 4000 /* lsainit starts it again sooner */

static int64_t missing[PART_END]; /* CLOCK_MONOTONIC ms: since then; 0: it runs */

bool
judge_target_runs(const struct watch_target *ta)
{
	struct pollfd pf = { .fd = ta->pidfd, .events = POLLIN };

	/* One that has ended keeps its number until lsainit has waited for it. */
	return ta->pid != 0 && process_start(ta->pid) == ta->start && poll(&pf, 1, 0) <= 0;
}

static void
judge_path(struct lsawatch *w, const struct watch_target *ta, uint64_t dev, uint64_t ino,
	   const char *exe, enum watch_layer layer)
{
	struct watch_case ca = { .rule = RULE_path_foreign,
				 .layer = layer,
				 .part = ta->part,
				 .subject = ta->pid,
				 .allowed = -1 };

	if (ta->image.fd < 0 || ino == 0)
		return;
	finding_holds(w, &ca, ino != ta->image.ino || dev != ta->image.dev, "",
		      "pid %d runs %.160s, not the %s that lsainit started, %.128s", (int)ta->pid,
		      exe, ta->image.name, ta->image.path);
}

static void
judge_parent(struct lsawatch *w, const struct watch_target *ta, pid_t parent)
{
	struct watch_case ca = { .rule = RULE_parent_lost,
				 .layer = LAYER_SWEEP,
				 .part = ta->part,
				 .subject = ta->pid,
				 .allowed = -1 };
	const struct watch_target *init = &w->targets[PART_INIT];

	/* lsainit itself may end first: that is another finding. */
	if (ta->part == PART_INIT || !judge_target_runs(init))
		return;
	finding_holds(w, &ca, parent != init->pid, "",
		      "the parent of %s (pid %d) is pid %d, not "
		      "lsainit (pid %d)",
		      ta->image.name, (int)ta->pid, (int)parent, (int)init->pid);
}

/* Children of one thread: numbers with blanks. */
static void
judge_children(struct lsawatch *w, const struct watch_target *ta, int dir)
{
	char name[64];
	const char *text;
	char *end;

	(void)snprintf(name, sizeof(name), "task/%d/children", (int)ta->pid);
	text = look_file(dir, name, NULL);
	for (long pid; text != NULL && (pid = strtol(text, &end, 10)) > 0; text = end)
		judge_process_one(w, (pid_t)pid, LAYER_SWEEP);
}

/*
 * With its cgroup: cgroup v2 lets it sleep where signals are taken, v1 on its way out of
 * the kernel. Its cgroup itself may be where no mount shows it.
 */
static bool
is_frozen(int dir, char state)
{
	const char *where;

	if (state != 'S' && state != 'D')
		return false;
	where = look_file(dir, "wchan", NULL);
	return where != NULL &&
	       (strcmp(where, "get_signal") == 0 || strcmp(where, "do_freezer_trap") == 0 ||
		strcmp(where, "__refrigerator") == 0 ||
		(state == 'D' && strcmp(where, "do_syscall_64") == 0));
}

static void
judge_stopped(struct lsawatch *w, const struct watch_target *ta, int dir,
	      const struct watch_look *lo)
{
	struct watch_case ca = { .rule = RULE_stability_stopped,
				 .layer = LAYER_SWEEP,
				 .part = ta->part,
				 .subject = ta->pid,
				 .allowed = -1 };

	finding_holds(w, &ca, lo->state == 'T', "",
		      "%s (pid %d) is stopped by a signal; it goes on "
		      "with kill -CONT %d",
		      ta->image.name, (int)ta->pid, (int)ta->pid);
	finding_holds(w, &ca, is_frozen(dir, lo->state), "frozen",
		      "%s (pid %d) is frozen with its cgroup (cat /proc/%d/cgroup): it goes on "
		      "with 0 in cgroup.freeze there, or THAWED in freezer.state",
		      ta->image.name, (int)ta->pid, (int)ta->pid);
}

static void
judge_tracer(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_actor by = { .pid = lo->tracer, .uid = UINT32_MAX, .login = UINT32_MAX };
	struct watch_case ca = { .rule = RULE_memory_attach,
				 .layer = LAYER_SWEEP,
				 .by = lo->tracer != 0 ? &by : NULL,
				 .part = ta->part,
				 .allowed = 1 };

	finding_holds(w, &ca, lo->tracer != 0, "", "pid %d traces %s (pid %d)", (int)lo->tracer,
		      ta->image.name, (int)ta->pid);
}

void
judge_process_look(struct lsawatch *w, const struct watch_target *ta, int dir,
		   const struct watch_look *lo)
{
	if ((lo->seen & LOOK_EXE) != 0)
		judge_path(w, ta, lo->dev, lo->ino, lo->exe, LAYER_SWEEP);
	judge_stopped(w, ta, dir, lo);
	if ((lo->seen & LOOK_STATUS) == 0)
		return;
	judge_parent(w, ta, lo->parent);
	judge_tracer(w, ta, lo);
	if (ta->part != PART_INIT)
		judge_children(w, ta, dir);
}

void
judge_process_missing(struct lsawatch *w)
{
	int64_t now = watch_now_ms();

	judge_process_ended(w);

	for (int part = PART_ISO; part < PART_END; part++) {
		const struct watch_target *ta = &w->targets[part];
		struct watch_case ca = { .rule = RULE_instances_missing,
					 .layer = LAYER_SWEEP,
					 .part = (enum watch_part)part,
					 .allowed = -1 };
		bool runs = !w->told || w->table.stopping || judge_target_runs(ta);

		if (runs)
			missing[part] = 0;
		else if (missing[part] == 0)
			missing[part] = now;
		finding_holds(w, &ca, !runs && now - missing[part] >= MISSING_MS, "",
			      "no %s runs since %lld s", ta->image.name,
			      (long long)(now - missing[part]) / 1000);
	}
}

void
judge_target_exec(struct lsawatch *w, const struct watch_target *ta, enum watch_layer layer)
{
	struct watch_look lo = { 0 };
	int dir = look_open(ta->pid);

	if (dir >= 0 && look_at(dir, &lo) == 0 && (lo.seen & LOOK_EXE) != 0)
		judge_path(w, ta, lo.dev, lo.ino, lo.exe, layer);
	look_free(&lo);
	if (dir >= 0)
		(void)close(dir);
}
