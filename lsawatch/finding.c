/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Findings: grouped, limited, kept. What one actor does to one part by one
 * rule within GROUP_MS is one finding with a count: told when it begins and,
 * if there was more, when it is over. More than TELL_MAX beginnings of one
 * severity in TELL_MS are counted and not told, so that nobody hides a theft
 * behind a flood of lesser things; watch_calm says how many. What is not told
 * is responded to all the same.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/watch.h"

#define GROUPS	 64    /* open at once; the oldest makes room */
#define KEPT	 512   /* findings that lsactl watch shows */
#define STATES	 128   /* lasting states at once */
#define GROUP_MS 10000 /* a group takes what comes within this of its first */
#define TELL_MS	 10000
#define TELL_MAX 30    /* of each severity */
#define RED_MS	 60000 /* a row is abnormal for so long after its last finding */

struct group {
	uint64_t number; /* of its finding; 0: free */
	enum watch_rule rule;
	enum watch_part part;
	enum watch_severity severity; /* one that grew worse is another */
	pid_t actor, subject;
	int64_t begun; /* CLOCK_MONOTONIC ms */
	uint32_t told; /* count that was told */
};

struct state {
	bool used;
	enum watch_rule rule;
	enum watch_part part;
	enum watch_severity severity;
	char key[128];
	uint64_t number; /* its finding */
};

struct watch_findings {
	struct watch_finding kept[KEPT]; /* ring */
	size_t n;			 /* ever put into it */
	struct group groups[GROUPS];
	struct state states[STATES];
	uint64_t counts[RULE_END];
	int64_t window;		     /* begin of the interval of the limit */
	uint32_t told[CRITICAL + 1]; /* in it */
	uint32_t untold;	     /* in it */
	enum watch_severity untold_worst;
	uint64_t untold_all;
	char boot[17]; /* of uids: random per start */
};

int64_t
watch_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
watch_time_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what is kept */

const struct watch_finding *
findings_kept(const struct lsawatch *w, size_t i)
{
	const struct watch_findings *fs = w->findings;
	size_t from = fs->n > KEPT ? fs->n - KEPT : 0;

	return from + i < fs->n ? &fs->kept[(from + i) % KEPT] : NULL;
}

uint64_t
findings_untold(const struct lsawatch *w)
{
	return w->findings->untold_all;
}

uint64_t
findings_count(const struct lsawatch *w, enum watch_rule rule)
{
	return w->findings->counts[rule];
}

/* The kept finding of a number; NULL: it made room. */
static struct watch_finding *
find_kept(struct watch_findings *fs, uint64_t number)
{
	struct watch_finding *fi = number == 0 ? NULL : &fs->kept[(number - 1) % KEPT];

	return fi != NULL && fi->number == number ? fi : NULL;
}

/* ---- rows */

static void
mark_row(struct lsawatch *w, const struct watch_finding *fi)
{
	enum watch_row row = watch_rules[fi->rule].row;

	if (row == ROW_none || fi->severity <= INFO)
		return;
	w->rows[row].findings++;
	w->rows[row].red_until = watch_now_ms() + RED_MS;
	w->rows[row].any = true;
	w->rows[row].last = *fi;
}

static bool
row_lasts(const struct lsawatch *w, enum watch_row row)
{
	for (size_t i = 0; i < STATES; i++) {
		const struct state *st = &w->findings->states[i];

		if (st->used && watch_rules[st->rule].row == row && st->severity > INFO)
			return true;
	}
	return false;
}

static uint32_t
needs(enum watch_row row)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < RULE_END; i++) {
		if (watch_rules[i].row == row)
			bits |= watch_rules[i].sees;
	}
	return bits;
}

enum watch_verdict
findings_verdict(const struct lsawatch *w, enum watch_row row)
{
	if (w->rows[row].red_until > watch_now_ms() || row_lasts(w, row))
		return VERDICT_ABNORMAL;
	if ((w->sees & needs(row)) == 0)
		return VERDICT_BLIND;
	if (row == ROW_resource_usage && baseline_learning(w))
		return VERDICT_LEARNING;
	return VERDICT_NORMAL;
}

/* ---- telling */

/* Whether one more may be told now. */
static bool
may_tell(struct watch_findings *fs, enum watch_severity severity)
{
	if (fs->told[severity] >= TELL_MAX) {
		fs->untold++;
		fs->untold_all++;
		fs->untold_worst = severity > fs->untold_worst ? severity : fs->untold_worst;
		return false;
	}
	fs->told[severity]++;
	return true;
}

static void
close_group(struct lsawatch *w, struct group *gr)
{
	struct watch_finding *fi = find_kept(w->findings, gr->number);

	if (fi != NULL && gr->told != 0 && fi->count > gr->told)
		outputs_tell(w, fi, TELL_MORE);
	*gr = (struct group){ 0 };
}

static void
tick(void *arg)
{
	struct lsawatch *w = arg;
	struct watch_findings *fs = w->findings;
	int64_t now = watch_now_ms();

	for (size_t i = 0; i < GROUPS; i++) {
		if (fs->groups[i].number != 0 && now - fs->groups[i].begun >= GROUP_MS)
			close_group(w, &fs->groups[i]);
	}
	if (now - fs->window < TELL_MS)
		return;
	fs->window = now;
	memset(fs->told, 0, sizeof(fs->told));
	if (fs->untold != 0) {
		struct watch_case ca = { .rule = RULE_watch_calm,
					 .layer = LAYER_SWEEP,
					 .part = PART_NONE,
					 .allowed = -1 };
		uint32_t untold = fs->untold;

		/* Many instances on one machine are no alarm. */
		ca.severity = fs->untold_worst == INFO ? INFO : 0;
		fs->untold = 0;
		fs->untold_worst = 0;
		finding_raise(w, &ca, "%u findings within %d s were counted and not told", untold,
			      TELL_MS / 1000);
	}
}

int
findings_open(struct lsawatch *w)
{
	struct watch_findings *fs = calloc(1, sizeof(*fs));
	uint8_t random[8];

	w->findings = fs;
	if (fs == NULL || getrandom(random, sizeof(random), 0) != sizeof(random))
		return -1;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(fs->boot + 2 * i, 3, "%02x", random[i]);
	fs->window = watch_now_ms();
	return loop_every(w->lo, 1000, tick, w);
}

void
findings_close(struct lsawatch *w)
{
	if (w->findings == NULL)
		return;
	for (size_t i = 0; i < GROUPS; i++) {
		if (w->findings->groups[i].number != 0)
			close_group(w, &w->findings->groups[i]);
	}
	free(w->findings);
	w->findings = NULL;
}

/* ---- raising */

static enum watch_severity
severity_of(const struct watch_case *ca)
{
	enum watch_severity most = watch_rules[ca->rule].severity;

	return ca->severity != 0 && ca->severity < most ? ca->severity : most;
}

static struct group *
find_group(struct watch_findings *fs, const struct watch_case *ca)
{
	pid_t actor = ca->by != NULL ? ca->by->pid : 0;

	for (size_t i = 0; i < GROUPS; i++) {
		struct group *gr = &fs->groups[i];

		if (gr->number != 0 && gr->rule == ca->rule && gr->part == ca->part &&
		    gr->actor == actor && gr->subject == ca->subject &&
		    gr->severity == severity_of(ca))
			return gr;
	}
	return NULL;
}

static struct group *
new_group(struct lsawatch *w, const struct watch_case *ca)
{
	struct watch_findings *fs = w->findings;
	struct group *gr = &fs->groups[0];

	for (size_t i = 0; i < GROUPS && gr->number != 0; i++) {
		if (fs->groups[i].number == 0 || fs->groups[i].begun < gr->begun)
			gr = &fs->groups[i];
	}
	if (gr->number != 0)
		close_group(w, gr);
	*gr = (struct group){ .rule = ca->rule,
			      .part = ca->part,
			      .severity = severity_of(ca),
			      .actor = ca->by != NULL ? ca->by->pid : 0,
			      .subject = ca->subject,
			      .begun = watch_now_ms() };
	return gr;
}

/* Nothing in it breaks a line or a terminal. */
static void
clean(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

static void
set_subject(struct lsawatch *w, struct watch_finding *fi, const struct watch_case *ca)
{
	const struct watch_target *ta = ca->part < PART_END ? &w->targets[ca->part] : NULL;
	struct watch_actor is = { .pid = ca->subject, .uid = UINT32_MAX };

	fi->subject_pid = ca->subject;
	if (ta != NULL && ca->subject == 0)
		fi->subject_pid = ta->pid;
	if (fi->subject_pid != 0 && (ta == NULL || fi->subject_pid != ta->pid))
		process_complete(w, &is);
	if (is.exe[0] == '\0' && ta != NULL) /* one that has ended, and another runs already */
		(void)snprintf(is.exe, sizeof(is.exe), "%.255s", ta->image.path);
	(void)snprintf(fi->subject_exe, sizeof(fi->subject_exe), "%s", is.exe);
}

static struct watch_finding *
new_finding(struct lsawatch *w, const struct watch_case *ca, const char *evidence)
{
	struct watch_findings *fs = w->findings;
	struct watch_finding *fi = &fs->kept[fs->n % KEPT];

	*fi = (struct watch_finding){ .number = ++fs->n,
				      .rule = ca->rule,
				      .severity = severity_of(ca),
				      .first = watch_time_ms(),
				      .count = 1,
				      .part = ca->part,
				      .layer = ca->layer,
				      .allowed = ca->allowed,
				      .response = "alert" };
	fi->last = fi->first;
	(void)snprintf(fi->uid, sizeof(fi->uid), "%s-%llu", fs->boot,
		       (unsigned long long)fi->number);
	(void)snprintf(fi->evidence, sizeof(fi->evidence), "%s", evidence);
	clean(fi->evidence);
	fi->by = (struct watch_actor){ .uid = UINT32_MAX, .login = UINT32_MAX };
	if (ca->by != NULL) {
		fi->by = *ca->by;
		process_complete(w, &fi->by);
		clean(fi->by.comm);
		clean(fi->by.exe);
		clean(fi->by.parent_exe);
		clean(fi->by.command);
	}
	set_subject(w, fi, ca);
	clean(fi->subject_exe);
	return fi;
}

static uint64_t
raise_text(struct lsawatch *w, const struct watch_case *ca, const char *evidence)
{
	struct watch_findings *fs = w->findings;
	struct group *gr = find_group(fs, ca);
	struct watch_finding *fi = gr != NULL ? find_kept(fs, gr->number) : NULL;

	fs->counts[ca->rule]++;
	if (fi != NULL && watch_now_ms() - gr->begun < GROUP_MS) {
		fi->count++;
		fi->last = watch_time_ms();
		mark_row(w, fi);
		return fi->number;
	}
	if (gr != NULL)
		close_group(w, gr);
	gr = new_group(w, ca);
	fi = new_finding(w, ca, evidence);
	gr->number = fi->number;
	mark_row(w, fi);
	fi->response = respond(w, fi);
	if (ca->rule == RULE_watch_calm || may_tell(fs, fi->severity)) {
		gr->told = 1;
		outputs_tell(w, fi, TELL_NEW);
	}
	return fi->number;
}

void
finding_raise(struct lsawatch *w, const struct watch_case *ca, const char *format, ...)
{
	char text[sizeof(((struct watch_finding *)0)->evidence)];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)raise_text(w, ca, text);
}

/* ---- states that last */

static struct state *
find_state(struct watch_findings *fs, const struct watch_case *ca, const char *key)
{
	struct state *free_one = NULL;

	for (size_t i = 0; i < STATES; i++) {
		struct state *st = &fs->states[i];

		if (!st->used)
			free_one = free_one == NULL ? st : free_one;
		else if (st->rule == ca->rule && st->part == ca->part &&
			 strncmp(st->key, key, sizeof(st->key) - 1) == 0)
			return st;
	}
	return free_one;
}

static void
end_state(struct lsawatch *w, struct state *st)
{
	struct watch_finding *fi = find_kept(w->findings, st->number);

	*st = (struct state){ 0 };
	if (fi == NULL)
		return;
	fi->last = watch_time_ms();
	outputs_tell(w, fi, TELL_OVER);
}

void
findings_end(struct lsawatch *w, enum watch_rule rule, enum watch_part part)
{
	for (size_t i = 0; i < STATES; i++) {
		struct state *st = &w->findings->states[i];

		if (st->used && st->rule == rule && st->part == part)
			end_state(w, st);
	}
}

void
finding_holds(struct lsawatch *w, const struct watch_case *ca, bool holds, const char *key,
	      const char *format, ...)
{
	struct state *st = find_state(w->findings, ca, key);
	char text[sizeof(((struct watch_finding *)0)->evidence)];
	va_list ap;

	/* Without room for a state it is told like any other finding, again and again. */
	if (st != NULL ? st->used == holds : !holds)
		return;
	if (!holds) {
		end_state(w, st);
		return;
	}
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (st == NULL) {
		(void)raise_text(w, ca, text);
		return;
	}
	*st = (struct state){
		.used = true, .rule = ca->rule, .part = ca->part, .severity = severity_of(ca)
	};
	(void)snprintf(st->key, sizeof(st->key), "%s", key);
	st->number = raise_text(w, ca, text);
}
