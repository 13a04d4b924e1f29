/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row stability. An end is known by up to three ways (connector, pidfd, the
 * process table of lsainit), its sender by another one, in any order; so each
 * end and each signal is held until the others had time to come, and judged once.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lsass/loop.h"
#include "lsawatch/judge/judge.h"

#define HOLD_MS	 300  /* for the sender of a signal */
#define TABLE_MS 1000 /* for the word of lsainit; less than 2 s in all */
#define SENT_MS	 1000 /* a signal this much before an end is its cause */
#define AGAIN_MS 60000
#define AGAIN	 3 /* ends within AGAIN_MS */
#define QUICK_MS 50
#define SLOW_MS	 1000

#define SIGNALS 32
#define ENDS	8

struct sent {
	int64_t when; /* 0: free */
	pid_t target;
	enum watch_part part;
	int number, allowed;
	enum watch_layer layer;
	bool told; /* or need not be */
	struct watch_actor by;
};

struct end {
	int64_t when; /* 0: free */
	enum watch_part part;
	enum watch_layer layer;
	pid_t pid;
	int status; /* -1: not known */
	bool asked, table, judged;
};

static struct {
	struct lsawatch *w;
	struct sent sents[SIGNALS];
	struct end ends[ENDS];
	int64_t last_ends[PART_END][AGAIN]; /* ring, not asked for */
	uint32_t n_ends[PART_END];
	uint32_t ms; /* of the timer */
	bool started;
	int64_t orphaned; /* since then lsainit is gone; 0: it is not */
	int64_t stopped;  /* lsainit told then that we had been stopped; 0: judged */
} st;

static const char *
name_of(enum watch_part part)
{
	const char *name = part < PART_END ? st.w->targets[part].image.name : "lsawatch";

	return name[0] != '\0' ? name : "it";
}

static const char *
signal_name(int number)
{
	const char *name = sigabbrev_np(number);

	return name != NULL ? name : "?";
}

/* ---- ends */

static struct end *
find_end(pid_t pid)
{
	for (size_t i = 0; i < ENDS; i++) {
		if (st.ends[i].when != 0 && st.ends[i].pid == pid)
			return &st.ends[i];
	}
	return NULL;
}

static void tick(void *arg);

static void
pace(uint32_t ms)
{
	if (st.ms == ms)
		return;
	st.ms = ms;
	(void)loop_every(st.w->lo, ms, tick, st.w);
}

static struct end *
note_end(enum watch_part part, pid_t pid, enum watch_layer layer)
{
	struct end *en = find_end(pid);

	if (en != NULL)
		return en;
	en = &st.ends[0];
	for (size_t i = 0; i < ENDS; i++) {
		if (st.ends[i].when < en->when)
			en = &st.ends[i];
	}
	*en = (struct end){
		.when = watch_now_ms(), .part = part, .layer = layer, .pid = pid, .status = -1
	};
	pace(QUICK_MS);
	return en;
}

/* Who sent what ended it; NULL: was not seen. */
static struct sent *
sender(const struct end *en)
{
	struct sent *best = NULL;

	for (size_t i = 0; i < SIGNALS; i++) {
		struct sent *se = &st.sents[i];

		if (se->when == 0 || se->target != en->pid || se->number == 0 || se->allowed == 0 ||
		    se->when < en->when - SENT_MS ||
		    (en->status >= 0 && WIFSIGNALED(en->status) &&
		     se->number != WTERMSIG(en->status)))
			continue;
		if (best == NULL || se->when > best->when)
			best = se;
	}
	if (best != NULL)
		best->told = true;
	return best;
}

static bool
is_crash(int number)
{
	return number == SIGSEGV || number == SIGABRT || number == SIGBUS || number == SIGSYS ||
	       number == SIGILL || number == SIGFPE || number == SIGTRAP;
}

static void
say_killed(struct lsawatch *w, const struct end *en, const struct sent *se)
{
	int number = WTERMSIG(en->status);
	bool self = se != NULL && se->by.pid == en->pid;
	struct watch_case ca = { .rule = RULE_stability_killed,
				 .layer = se != NULL ? se->layer : en->layer,
				 .by = se != NULL && !self ? &se->by : NULL,
				 .part = en->part,
				 .subject = en->pid,
				 .allowed = -1 };

	if (is_crash(number) && (se == NULL || self)) {
		ca.rule = RULE_stability_crashed;
		finding_raise(w, &ca, "%s (pid %d) crashed by SIG%s", name_of(en->part),
			      (int)en->pid, signal_name(number));
	} else if (ca.by != NULL) {
		finding_raise(w, &ca, "%s (pid %d) was ended by SIG%s from pid %d (%s)",
			      name_of(en->part), (int)en->pid, signal_name(number), (int)se->by.pid,
			      se->by.comm);
	} else {
		finding_raise(w, &ca, "%s (pid %d) was ended by SIG%s; who sent it was not seen",
			      name_of(en->part), (int)en->pid, signal_name(number));
	}
}

static void
say_ended(struct lsawatch *w, const struct end *en, const struct sent *se)
{
	struct watch_case ca = { .rule = RULE_stability_ended,
				 .layer = en->layer,
				 .by = se != NULL ? &se->by : NULL,
				 .part = en->part,
				 .subject = en->pid,
				 .allowed = -1 };
	char how[64] = "for a reason that was not seen";

	if (en->status >= 0)
		(void)snprintf(how, sizeof(how), "with status %d", WEXITSTATUS(en->status));
	if (se != NULL)
		finding_raise(w, &ca, "%s (pid %d) ended %s after SIG%s from pid %d (%s)",
			      name_of(en->part), (int)en->pid, how, signal_name(se->number),
			      (int)se->by.pid, se->by.comm);
	else
		finding_raise(w, &ca, "%s (pid %d) ended %s", name_of(en->part), (int)en->pid, how);
}

static void
count_end(struct lsawatch *w, const struct end *en)
{
	int64_t *ring = st.last_ends[en->part];
	uint32_t n = st.n_ends[en->part]++;
	int64_t first = ring[(n + 1) % AGAIN];
	struct watch_case ca = {
		.rule = RULE_stability_restarts, .layer = en->layer, .part = en->part, .allowed = -1
	};

	ring[n % AGAIN] = en->when;
	if (n + 1 >= AGAIN && en->when - first < AGAIN_MS)
		finding_raise(w, &ca, "%s ended %d times within %d s", name_of(en->part), AGAIN,
			      AGAIN_MS / 1000);
}

static void
judge_end(struct lsawatch *w, struct end *en)
{
	const struct sent *se = sender(en);
	struct watch_case ca = { .rule = RULE_stability_restarted,
				 .layer = en->layer,
				 .part = en->part,
				 .subject = en->pid,
				 .allowed = -1 };

	en->judged = true;
	/* All end with lsainit: that is one finding, its own. */
	if (w->stopping || w->table.stopping || st.orphaned != 0)
		return;
	if (en->asked) {
		finding_raise(w, &ca, "%s (pid %d) was ended by lsainit, as it was asked to",
			      name_of(en->part), (int)en->pid);
		return;
	}
	if (en->status >= 0 && WIFSIGNALED(en->status))
		say_killed(w, en, se);
	else
		say_ended(w, en, se);
	count_end(w, en);
}

/* ---- signals */

/* Of these nobody takes harm. */
static bool
is_harmless(int number)
{
	return number == 0 || number == SIGCHLD || number == SIGWINCH || number == SIGURG;
}

/* By these lsainit is stopped. */
static bool
stops(int number)
{
	return number == SIGTERM || number == SIGINT || number == SIGHUP;
}

static void
judge_signal(struct lsawatch *w, struct sent *se)
{
	struct watch_case ca = { .rule = RULE_stability_signal,
				 .layer = se->layer,
				 .by = &se->by,
				 .part = se->part,
				 .subject = se->target,
				 .allowed = se->allowed };

	se->told = true;
	if (se->by.pid == se->target || se->by.pid == w->table.lsainit_pid || w->stopping)
		return;
	if (se->part == PART_NONE) {
		ca.rule = RULE_stability_watch;
		ca.subject = 0;
	}
	/* So is the service stopped and started again. */
	if (se->part == PART_INIT && stops(se->number) && se->by.uid == 0 && se->allowed != 0)
		ca.severity = INFO;
	else if (se->number == SIGCONT)
		ca.severity = LOW;
	finding_raise(w, &ca, "%s (pid %d) was sent SIG%s by pid %d (%s)%s", name_of(se->part),
		      (int)se->target, signal_name(se->number), (int)se->by.pid, se->by.comm,
		      se->allowed == 0 ? ", which was refused" : "");
}

static void
note_signal(struct lsawatch *w, const struct watch_sight *si)
{
	const struct watch_target *ta = watch_target_of(w, si->target);
	struct end *en = find_end(si->target);
	struct sent *se = &st.sents[0];
	bool us = si->target == getpid(); /* part PART_NONE */

	if ((ta == NULL && en == NULL && !us) || is_harmless(si->number) || si->by.pid == 0)
		return;
	for (size_t i = 0; i < SIGNALS; i++) {
		if (st.sents[i].when < se->when)
			se = &st.sents[i];
	}
	*se = (struct sent){ .when = watch_now_ms(),
			     .target = si->target,
			     .part = ta != NULL	  ? ta->part
				     : en != NULL ? en->part
						  : PART_NONE,
			     .number = si->number,
			     .allowed = si->allowed,
			     .layer = si->layer,
			     .by = si->by };
	process_complete(w, &se->by); /* kill(1) does not live long */
	if (se->part == PART_INIT && stops(se->number))
		judge_signal(w, se); /* else we may be ended before it is told */
	pace(QUICK_MS);
}

/* ---- lsainit is gone */

static void
say_orphaned(struct lsawatch *w)
{
	struct pollfd pf = { .fd = w->targets[PART_INIT].pidfd, .events = POLLIN };
	struct end en = {
		.when = watch_now_ms(), .part = PART_INIT, .pid = w->table.lsainit_pid, .status = -1
	};
	const struct sent *se = sender(&en);
	struct watch_case ca = { .rule = RULE_stability_supervisor,
				 .layer = se != NULL ? se->layer : LAYER_EVENTS,
				 .by = se != NULL ? &se->by : NULL,
				 .part = PART_INIT,
				 .subject = en.pid,
				 .allowed = -1 };

	if (poll(&pf, 1, 0) <= 0)
		return; /* it lives, and has closed the line */
	if (se != NULL)
		finding_raise(w, &ca,
			      "the line to lsainit (pid %d) ended without a word, after SIG%s from "
			      "pid %d (%s)",
			      (int)en.pid, signal_name(se->number), (int)se->by.pid, se->by.comm);
	else
		finding_raise(w, &ca, "the line to lsainit (pid %d) ended without a word",
			      (int)en.pid);
}

/* ---- time */

/* What the first table says of us. */
static void
look_at_us(struct lsawatch *w)
{
	struct watch_case ca = {
		.rule = RULE_stability_watch, .layer = LAYER_SWEEP, .part = PART_NONE, .allowed = -1
	};

	st.started = true;
	if (w->table.lsawatch_restarts > 0)
		finding_raise(w, &ca,
			      "lsawatch has ended %u times since lsainit started it first, %u of "
			      "them because nothing was heard of it; what happened meanwhile was "
			      "not seen",
			      w->table.lsawatch_restarts, w->table.lsawatch_silent);
}

/* By whom, a sensor may have told. */
static void
look_at_stop(struct lsawatch *w)
{
	struct watch_case ca = {
		.rule = RULE_stability_watch, .layer = LAYER_SWEEP, .part = PART_NONE, .allowed = -1
	};

	for (size_t i = 0; i < SIGNALS; i++) {
		const struct sent *se = &st.sents[i];

		if (se->when >= st.stopped - SENT_MS && se->part == PART_NONE &&
		    se->by.pid != w->table.lsainit_pid)
			return;
	}
	finding_raise(
	    w, &ca,
	    "lsawatch was stopped by a signal, and lsainit made it go on; who sent it was "
	    "not seen");
}

static bool
judge_due(struct lsawatch *w, int64_t now)
{
	bool wait = false;

	for (size_t i = 0; i < ENDS; i++) {
		struct end *en = &st.ends[i];

		if (en->when == 0 || en->judged)
			continue;
		if (now - en->when >= (en->table ? HOLD_MS : TABLE_MS))
			judge_end(w, en);
		else
			wait = true;
	}
	for (size_t i = 0; i < SIGNALS; i++) {
		struct sent *se = &st.sents[i];

		if (se->when == 0 || se->told)
			continue;
		/* Its end first, which may name it. */
		if (now - se->when >= TABLE_MS + 2 * QUICK_MS)
			judge_signal(w, se);
		else
			wait = true;
	}
	return wait;
}

static void
tick(void *arg)
{
	struct lsawatch *w = arg;
	int64_t now = watch_now_ms();

	pace(judge_due(w, now) || st.orphaned != 0 ? QUICK_MS : SLOW_MS);
	/* Who did it may have been on its way from a sensor. */
	if (st.orphaned != 0 && now - st.orphaned >= HOLD_MS) {
		say_orphaned(w);
		st.orphaned = INT64_MAX;
	}
	if (w->told && !st.started)
		look_at_us(w);
	if (st.stopped != 0 && now - st.stopped >= HOLD_MS) {
		look_at_stop(w);
		st.stopped = 0;
	}
}

/* ---- what comes */

int
stability_open(struct lsawatch *w)
{
	memset(&st, 0, sizeof(st));
	st.w = w;
	st.ms = 200;
	return loop_every(w->lo, st.ms, tick, w);
}

static void
note_exit(struct lsawatch *w, const struct watch_sight *si)
{
	const struct watch_target *ta = watch_target_of(w, si->target);
	struct end *en = find_end(si->target);

	if (ta != NULL && ta->part == PART_INIT)
		return; /* its line ends, too: judges_orphaned */
	if (en == NULL && ta != NULL)
		en = note_end(ta->part, si->target, si->layer);
	if (en != NULL && en->status < 0)
		en->status = si->number & 0xffff;
}

void
judge_stability(struct lsawatch *w, const struct watch_sight *si)
{
	if (si->see == SEE_SIGNAL)
		note_signal(w, si);
	else if (si->see == SEE_EXIT)
		note_exit(w, si);
}

static void
table_end(enum watch_part part, pid_t before, pid_t now, int status, bool asked)
{
	struct end *en;

	if (before == 0 || before == now)
		return;
	en = note_end(part, before, LAYER_SWEEP);
	en->table = true;
	en->asked |= asked;
	if (en->status < 0)
		en->status = status & 0xffff;
}

void
judge_table(struct lsawatch *w, const struct control_table *before)
{
	const struct control_table *now = &w->table;

	if (now->lsawatch_stops != before->lsawatch_stops)
		st.stopped = watch_now_ms();
	table_end(PART_ISO, before->lsaiso_pid, now->lsaiso_pid, now->lsaiso_last_exit,
		  now->lsaiso_ended != before->lsaiso_ended);
	table_end(PART_LSASS, before->lsass_pid, now->lsass_pid, now->lsass_last_exit,
		  now->lsass_ended != before->lsass_ended);
}

void
judges_orphaned(struct lsawatch *w)
{
	st.orphaned = watch_now_ms();
	st.w = w;
	pace(QUICK_MS);
}
