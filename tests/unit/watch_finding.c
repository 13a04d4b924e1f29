/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Findings: are they grouped, limited and kept as watch.h says, do rows turn
 * and turn back, do states begin and end once, and is what breaks a line or a
 * terminal taken out of their texts?
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lsass/loop.h"
#include "lsawatch/watch.h"

/* ---- what finding.c calls; time is ours (-Wl,--wrap) */

static int64_t now_ms;
static loop_timer *the_tick;
static void *the_arg;
static struct {
	enum watch_telling telling;
	struct watch_finding finding;
} told[256];
static size_t ntold, nasked;
static bool learning;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	ts->tv_sec = now_ms / 1000 + (clock == CLOCK_REALTIME ? 1000000 : 0);
	ts->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

int
loop_every(struct loop *lo, uint32_t ms, loop_timer *fn, void *arg)
{
	the_tick = fn;
	the_arg = arg;
	return 0;
}

void
outputs_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	if (ntold < sizeof(told) / sizeof(told[0])) {
		told[ntold].telling = telling;
		told[ntold].finding = *fi;
	}
	ntold++;
}

const char *
respond(struct lsawatch *w, const struct watch_finding *fi)
{
	nasked++;
	return "lock";
}

void
process_complete(struct lsawatch *w, struct watch_actor *by)
{
	if (by->exe[0] == '\0')
		(void)snprintf(by->exe, sizeof(by->exe), "/bin/of%d", (int)by->pid);
}

bool
baseline_learning(const struct lsawatch *w)
{
	return learning;
}

/* ---- the tests */

static struct lsawatch w;

static int
fresh(void **state)
{
	now_ms = 1000000;
	ntold = nasked = 0;
	learning = false;
	memset(&w, 0, sizeof(w));
	w.sees = ~0u;
	w.targets[PART_ISO].pid = 100;
	(void)snprintf(w.targets[PART_ISO].image.path, sizeof(w.targets[PART_ISO].image.path),
		       "/lib/lsaiso");
	return findings_open(&w);
}

static int
over(void **state)
{
	findings_close(&w);
	return 0;
}

static void
pass(int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 1000) {
		now_ms += 1000;
		the_tick(the_arg);
	}
}

static void
raise_by(pid_t pid, enum watch_rule rule)
{
	struct watch_actor by = { .pid = pid, .uid = 0, .login = UINT32_MAX };
	struct watch_case ca = { .rule = rule,
				 .layer = LAYER_TRACE,
				 .by = pid != 0 ? &by : NULL,
				 .part = PART_ISO,
				 .allowed = 1 };

	finding_raise(&w, &ca, "it was %s", "seen");
}

static size_t
kept(void)
{
	size_t n = 0;

	while (findings_kept(&w, n) != NULL)
		n++;
	return n;
}

static void
test_one(void **state)
{
	const struct watch_finding *fi;

	raise_by(7, RULE_memory_read);
	assert_int_equal(ntold, 1);
	assert_int_equal(nasked, 1);
	fi = &told[0].finding;
	assert_int_equal(told[0].telling, TELL_NEW);
	assert_int_equal(fi->severity, CRITICAL);
	assert_string_equal(fi->evidence, "it was seen");
	assert_string_equal(fi->by.exe, "/bin/of7");
	assert_int_equal(fi->subject_pid, 100);
	assert_string_equal(fi->subject_exe, "/lib/lsaiso");
	assert_string_equal(fi->response, "lock");
	assert_int_equal(fi->first, 1000000000 + now_ms);
	assert_int_equal(kept(), 1);
}

/* What the same actor does again within 10 s is told once more, with a count. */
static void
test_group(void **state)
{
	for (int i = 0; i < 50; i++)
		raise_by(7, RULE_memory_read);
	assert_int_equal(ntold, 1);
	pass(11000);
	assert_int_equal(ntold, 2);
	assert_int_equal(told[1].telling, TELL_MORE);
	assert_int_equal(told[1].finding.count, 50);
	assert_string_equal(told[1].finding.uid, told[0].finding.uid);
	assert_int_equal(nasked, 1); /* nobody is locked twice for one thing */
	assert_int_equal(findings_count(&w, RULE_memory_read), 50);
	pass(20000);
	assert_int_equal(ntold, 2);
	raise_by(7, RULE_memory_read);
	assert_int_equal(ntold, 3);
	assert_string_not_equal(told[2].finding.uid, told[0].finding.uid);
}

static void
test_other_actor_or_rule_is_another_group(void **state)
{
	raise_by(7, RULE_memory_read);
	raise_by(8, RULE_memory_read);
	raise_by(7, RULE_memory_descriptor);
	assert_int_equal(ntold, 3);
	assert_int_equal(kept(), 3);
}

/* More beginnings than 30 in 10 s are counted; one finding says how many. */
static void
test_limit(void **state)
{
	for (int i = 0; i < 500; i++)
		raise_by(1000 + i, RULE_memory_read);
	assert_int_equal(ntold, 30);
	assert_int_equal(findings_untold(&w), 470);
	assert_int_equal(nasked, 500); /* what is not told is responded to */
	assert_int_equal(findings_count(&w, RULE_memory_read), 500);
	pass(11000);
	assert_int_equal(ntold, 31);
	assert_int_equal(told[30].finding.rule, RULE_watch_calm);
	assert_int_equal(told[30].finding.severity, LOW);
	assert_non_null(strstr(told[30].finding.evidence, "470"));
	raise_by(5, RULE_memory_read);
	assert_int_equal(ntold, 32);
}

/* Nothing but what is no alarm was not told: then that is none either. */
static void
test_limit_of_infos(void **state)
{
	for (int i = 0; i < 40; i++)
		raise_by(1000 + i, RULE_memory_look);
	pass(11000);
	assert_int_equal(told[30].finding.rule, RULE_watch_calm);
	assert_int_equal(told[30].finding.severity, INFO);
}

/* A flood of one severity hides nothing of another. */
static void
test_flood(void **state)
{
	for (int i = 0; i < 500; i++)
		raise_by(1000 + i, RULE_memory_bpf); /* MEDIUM */
	assert_int_equal(ntold, 30);
	raise_by(7, RULE_memory_read); /* CRITICAL */
	assert_int_equal(ntold, 31);
	assert_int_equal(told[30].finding.rule, RULE_memory_read);
}

/* 512 are kept, the latest; what made room is not told of as another. */
static void
test_ring(void **state)
{
	for (int i = 0; i < 600; i++)
		raise_by(1000 + i, RULE_memory_read);
	assert_int_equal(kept(), 512);
	assert_int_equal(findings_kept(&w, 0)->number, 600 - 512 + 1);
	assert_int_equal(findings_kept(&w, 511)->number, 600);
	for (size_t i = 0; i < ntold; i++)
		assert_int_equal(told[i].telling, TELL_NEW);
}

static void
test_rows(void **state)
{
	assert_int_equal(findings_verdict(&w, ROW_memory_access), VERDICT_NORMAL);
	raise_by(7, RULE_memory_look); /* INFO */
	assert_int_equal(findings_verdict(&w, ROW_memory_access), VERDICT_NORMAL);
	raise_by(7, RULE_memory_read);
	assert_int_equal(findings_verdict(&w, ROW_memory_access), VERDICT_ABNORMAL);
	assert_int_equal(findings_verdict(&w, ROW_stability), VERDICT_NORMAL);
	pass(61000);
	assert_int_equal(findings_verdict(&w, ROW_memory_access), VERDICT_NORMAL);
	assert_int_equal(w.rows[ROW_memory_access].findings, 1);
	w.sees = 0;
	assert_int_equal(findings_verdict(&w, ROW_memory_access), VERDICT_BLIND);
	w.sees = SEES(USE);
	learning = true;
	assert_int_equal(findings_verdict(&w, ROW_resource_usage), VERDICT_LEARNING);
}

static void
hold(bool holds, const char *key)
{
	struct watch_case ca = {
		.rule = RULE_path_covered, .layer = LAYER_EVENTS, .part = PART_ISO, .allowed = -1
	};

	finding_holds(&w, &ca, holds, key, "a mount over %s", key);
}

static void
test_state(void **state)
{
	hold(false, "/a");
	assert_int_equal(ntold, 0);
	for (int i = 0; i < 3; i++)
		hold(true, "/a");
	assert_int_equal(ntold, 1);
	pass(120000); /* as long as it lasts */
	assert_int_equal(findings_verdict(&w, ROW_image_path), VERDICT_ABNORMAL);
	hold(true, "/b");
	assert_int_equal(ntold, 2);
	hold(false, "/a");
	assert_int_equal(ntold, 3);
	assert_int_equal(told[2].telling, TELL_OVER);
	assert_string_equal(told[2].finding.uid, told[0].finding.uid);
	hold(false, "/b");
	pass(61000);
	assert_int_equal(findings_verdict(&w, ROW_image_path), VERDICT_NORMAL);
	hold(true, "/a");
	assert_int_equal(told[ntold - 1].telling, TELL_NEW);
}

/* More than there is room for: told as they are seen, and each is over alone. */
static void
test_states_full(void **state)
{
	char key[16];

	for (int i = 0; i < 128; i++) {
		(void)snprintf(key, sizeof(key), "/%d", i);
		hold(true, key);
		pass(20000);
	}
	ntold = 0;
	hold(true, "/more");
	assert_int_equal(ntold, 1);
	assert_int_equal(told[0].telling, TELL_NEW);
	pass(20000);
	hold(true, "/more");
	assert_int_equal(ntold, 2);
	hold(false, "/more");
	assert_int_equal(ntold, 2);
	hold(false, "/0");
	assert_int_equal(told[2].telling, TELL_OVER);
	pass(20000);
	hold(true, "/more");
	assert_int_equal(told[3].telling, TELL_NEW);
	for (int i = 0; i < 3; i++)
		hold(true, "/more");
	assert_int_equal(ntold, 4);
}

static void
test_severity(void **state)
{
	struct watch_case ca = { .rule = RULE_memory_perf, .part = PART_NONE, .allowed = 0 };

	ca.severity = CRITICAL; /* above that of the rule */
	finding_raise(&w, &ca, "a");
	assert_int_equal(told[0].finding.severity, HIGH);
	ca.severity = INFO;
	ca.subject = 55;
	finding_raise(&w, &ca, "b");
	assert_int_equal(told[1].finding.severity, INFO);
	assert_string_equal(told[1].finding.subject_exe, "/bin/of55");
}

static void
test_clean(void **state)
{
	struct watch_actor by = { .pid = 9, .comm = "a\nb\033[2J", .command = "x\ty" };
	struct watch_case ca = { .rule = RULE_memory_read, .by = &by, .part = PART_ISO };
	char most[1000];

	memset(most, 'x', sizeof(most) - 1);
	most[sizeof(most) - 1] = '\0';
	finding_raise(&w, &ca, "one\ntwo\033%s", most);
	assert_string_equal(told[0].finding.by.comm, "a?b?[2J");
	assert_string_equal(told[0].finding.by.command, "x?y");
	assert_int_equal(strncmp(told[0].finding.evidence, "one?two?xxx", 11), 0);
	assert_int_equal(strlen(told[0].finding.evidence), sizeof(told[0].finding.evidence) - 1);
}

/* At the end what was counted in open groups is told. */
static void
test_end(void **state)
{
	raise_by(7, RULE_memory_read);
	raise_by(7, RULE_memory_read);
	findings_close(&w);
	assert_int_equal(ntold, 2);
	assert_int_equal(told[1].telling, TELL_MORE);
	assert_int_equal(findings_open(&w), 0);
}

/* Tables: every rule has a row, a technique and a kind of sight; names are unlike. */
static void
test_tables(void **state)
{
	char name[WATCH_NAME], other[WATCH_NAME];

	for (int i = 0; i < RULE_END; i++) {
		watch_rule_name((enum watch_rule)i, name);
		assert_null(strchr(name, '_'));
		assert_true(strlen(watch_rules[i].name) < WATCH_NAME);
		assert_int_not_equal(watch_rules[i].sees, 0);
		if (watch_rules[i].row != ROW_none)
			assert_int_equal(watch_technique((enum watch_rule)i)[0], 'T');
		for (int k = 0; k < i; k++) {
			watch_rule_name((enum watch_rule)k, other);
			assert_string_not_equal(name, other);
		}
	}
	assert_string_equal(watch_technique(RULE_stability_killed), "T1489 T1499.004 T1685");
	assert_string_equal(watch_technique18(RULE_stability_killed), "T1489 T1499.004 T1562.001");
	assert_string_equal(watch_technique18(RULE_memory_read), "T1003.007");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, over)
	const struct CMUnitTest tests[] = {
		TEST(test_one),
		TEST(test_group),
		TEST(test_other_actor_or_rule_is_another_group),
		TEST(test_limit),
		TEST(test_limit_of_infos),
		TEST(test_flood),
		TEST(test_ring),
		TEST(test_rows),
		TEST(test_state),
		TEST(test_states_full),
		TEST(test_severity),
		TEST(test_clean),
		TEST(test_end),
		TEST(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
