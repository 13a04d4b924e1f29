/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Outputs of findings: does every rule come out whole, can no text of an
 * attacker break a line, a field or a terminal, and do the files survive
 * rotation, deletion and a full disk?
 *
 * With an argument, ecs or ocsf, it prints a record of every rule, told in
 * every way, by actors of hostile names: tests/watch validates them.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsass/loop.h"
#include "lsawatch/out/http.h"
#include "lsawatch/out/journal.h"
#include "lsawatch/out/lines.h"
#include "lsawatch/out/out.h"

static struct lsawatch w;

static const char *const hostile[] = {
	"plain",
	"\"quo'ted\\",
	"two\nlines\r\n\ttab",
	"\033[2J\033]0;title\007",
	"\xff\xfe\x80 no UTF-8 \xc3",
	"\xc0\xaf over\xe0\x80\xaflong \xed\xa0\x80 half",
	("c1 \xc2\x9b"
	 "31m"),
	"\xe2\x80\xae turned \xe2\x81\xa6",
	"\xf0\x9f\x94\x92 fine \xc3\xa4",
	"PRIORITY=0\nMESSAGE=false",
	"} 1\nlsawatch_false{a=\"b\"} 2",
	"",
};
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static int
set_up(void **state)
{
	if (w.lo == NULL)
		w.lo = loop_new();
	if (w.lo == NULL || findings_open(&w) != 0)
		return -1;
	out_host_read();
	w.sees = SEES(EXIT) | SEES(ACCESS);
	w.targets[PART_LSASS].pid = 4711;
	(void)snprintf(w.targets[PART_LSASS].image.name, sizeof(w.targets[PART_LSASS].image.name),
		       "lsass");
	return 0;
}

static int
tear_down(void **state)
{
	findings_close(&w);
	return 0;
}

/* Of its rule, with texts of number i, as long as they may be if i says so. */
static struct watch_finding
make(enum watch_rule rule, size_t i)
{
	const char *text = hostile[i % HOSTILE];
	struct watch_finding fi = { .number = 7,
				    .uid = "0123456789abcdef-7",
				    .rule = rule,
				    .severity = watch_rules[rule].severity,
				    .first = 1796062421384,
				    .last = 1796062421999,
				    .count = (uint32_t)i + 1,
				    .part = i % 3 != 0 ? PART_LSASS : PART_NONE,
				    .subject_pid = i % 2 != 0 ? 4711 : 0,
				    .layer = (enum watch_layer)(i % LAYER_END),
				    .allowed = (int)(i % 3) - 1,
				    .response = "alert" };

	fi.by = (struct watch_actor){ .uid = UINT32_MAX, .login = UINT32_MAX };
	(void)snprintf(fi.evidence, sizeof(fi.evidence), "saw %s", text);
	(void)snprintf(fi.subject_exe, sizeof(fi.subject_exe), "%s", text);
	if (i % 4 == 3)
		return fi;
	fi.by = (struct watch_actor){
		.pid = 100, .thread = 101, .uid = 1000, .login = 1000, .parent = 1
	};
	(void)snprintf(fi.by.comm, sizeof(fi.by.comm), "%.15s", text);
	(void)snprintf(fi.by.exe, sizeof(fi.by.exe), "/tmp/%s", text);
	(void)snprintf(fi.by.parent_exe, sizeof(fi.by.parent_exe), "%s", text);
	for (size_t at = 0; text[0] != '\0' && at + strlen(text) < sizeof(fi.by.command);
	     at += strlen(text))
		memcpy(fi.by.command + at, text, strlen(text));
	return fi;
}

/* What no output may have in it: controls, and octets that are no UTF-8. */
static void
assert_clean(const char *text)
{
	static char again[65536];

	out_clean(again, sizeof(again), text);
	assert_string_equal(again, text);
}

/* ---- */

static void
test_clean(void **state)
{
	char text[64], small[4];

	out_clean(text, sizeof(text), "a\"b\\c \xc3\xa4 \xf0\x9f\x94\x92");
	assert_string_equal(text, "a\"b\\c \xc3\xa4 \xf0\x9f\x94\x92");
	out_clean(text, sizeof(text), "\033[m\n\x7f\xc2\x9b\xe2\x80\xae");
	assert_string_equal(text, "?[m????");
	out_clean(text, sizeof(text), "\xff\xc3_\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80");
	assert_string_equal(text, "?"
				  "?_"
				  "?"
				  "?"
				  "?"
				  "?"
				  "?"
				  "?"
				  "?"
				  "?"
				  "?");
	/* A character that does not fit whole is left out, also at the very end. */
	out_clean(small, sizeof(small), "ab\xc3\xa4");
	assert_string_equal(small, "ab");
	out_clean(small, sizeof(small), "abcd");
	assert_string_equal(small, "abc");
	out_clean(text, sizeof(text), "\xf0\x9f");
	assert_string_equal(text, "??");
}

static void
test_techniques(void **state)
{
	for (int i = 0; i < RULE_END; i++) {
		const char *list = watch_technique((enum watch_rule)i), *tactics;
		char id[16], word[16];

		while (attack_word(&list, id, sizeof(id))) {
			const struct attack_technique *te = attack_technique(id);

			assert_non_null(te);
			tactics = te->tactics;
			while (attack_word(&tactics, word, sizeof(word)))
				assert_non_null(attack_tactic(word));
		}
		assert_string_equal(list, "");
	}
}

static void
check_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	json_t *again;

	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	assert_clean(text);
	again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_equal(object, again));
	json_decref(again);
	json_decref(object);
	free(text);
}

static void
test_json(void **state)
{
	for (int rule = 0; rule < RULE_END; rule++) {
		for (size_t i = 0; i < HOSTILE; i++) {
			struct watch_finding fi = make((enum watch_rule)rule, i);

			for (int t = TELL_NEW; t <= TELL_OVER; t++) {
				check_json(ecs_of(&w, &fi, (enum watch_telling)t));
				check_json(ocsf_of(&w, &fi, (enum watch_telling)t));
			}
		}
	}
	check_json(navigator_of(&w));
}

/* ---- the journal's format, read as systemd describes it */

/* The next field; false at the end. */
static bool
next_field(const struct journal_entry *en, size_t *at, char *name, const uint8_t **value,
	   size_t *len)
{
	const uint8_t *from = en->octets + *at;
	size_t left = en->len - *at, n = 0;
	const uint8_t *end;
	uint64_t size;

	if (left == 0)
		return false;
	while (n < left && from[n] != '=' && from[n] != '\n')
		n++;
	assert_true(n > 0 && n < left && n < 64);
	memcpy(name, from, n);
	name[n] = '\0';
	if (from[n] == '=') {
		*value = from + n + 1;
		end = memchr(*value, '\n', left - n - 1);
		assert_non_null(end);
		*len = (size_t)(end - *value);
	} else {
		assert_true(left - n - 1 > sizeof(size));
		memcpy(&size, from + n + 1, sizeof(size));
		*value = from + n + 1 + sizeof(size);
		*len = le64toh(size);
		assert_true(n + 1 + sizeof(size) + *len < left);
		end = *value + *len;
	}
	assert_int_equal(*end, '\n');
	*at = (size_t)(end + 1 - en->octets);
	return true;
}

static void
test_journal(void **state)
{
	static struct journal_entry en;
	const uint8_t *value;
	char name[64];

	for (int rule = 0; rule < RULE_END; rule++) {
		for (size_t i = 0; i < HOSTILE; i++) {
			struct watch_finding fi = make((enum watch_rule)rule, i);
			size_t at = 0, len, messages = 0, priorities = 0, fields = 0;

			journal_entry(&w, &fi, TELL_MORE, &en);
			assert_false(en.full);
			for (; next_field(&en, &at, name, &value, &len); fields++) {
				assert_int_equal(
				    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"),
				    strlen(name));
				assert_int_not_equal(name[0], '_');
				messages += strcmp(name, "MESSAGE") == 0;
				priorities += strcmp(name, "PRIORITY") == 0;
			}
			assert_int_equal(messages, 1);
			assert_int_equal(priorities, 1);
			assert_in_range(fields, 12, 32);
		}
	}
}

static void
test_journal_newline(void **state)
{
	static struct journal_entry en;
	const uint8_t *value;
	size_t at = 0, len;
	char name[64];

	en = (struct journal_entry){ .len = 0 };
	journal_field(&en, "ONE", "a\nPRIORITY=0\n");
	journal_field(&en, "NONE", "");
	journal_field(&en, "TWO", "b=c");
	assert_true(next_field(&en, &at, name, &value, &len));
	assert_string_equal(name, "ONE");
	assert_int_equal(len, 13);
	assert_memory_equal(value, "a\nPRIORITY=0\n", 13);
	assert_true(next_field(&en, &at, name, &value, &len));
	assert_string_equal(name, "TWO");
	assert_memory_equal(value, "b=c", len);
	assert_false(next_field(&en, &at, name, &value, &len));
}

static void
test_journal_full(void **state)
{
	static struct journal_entry en;
	static char large[sizeof(en.octets)];
	const uint8_t *value;
	size_t at = 0, len;
	char name[64];

	memset(large, 'x', sizeof(large) - 1);
	en = (struct journal_entry){ .len = 0 };
	journal_field(&en, "ONE", "1");
	journal_field(&en, "LARGE", large);
	assert_true(en.full);
	assert_true(next_field(&en, &at, name, &value, &len));
	assert_false(next_field(&en, &at, name, &value, &len));
}

/* ---- files */

static char folder[] = "/tmp/watch-out-XXXXXX";
static struct lines lines;

static int
file_set_up(void **state)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/watch-out-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	w.cf.watch_directory = folder;
	w.cf.watch_octets = 1000;
	lines = (struct lines){ .name = "findings.json" };
	lines_open(&lines, &w);
	return 0;
}

static int
file_tear_down(void **state)
{
	char command[64];

	lines_close(&lines);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	w.cf.watch_directory = NULL;
	return system(command);
}

static int
add(int number)
{
	char why[256] = "";
	int got = lines_add(&lines, &w, json_pack("{s:i, s:s}", "n", number, "text", "some text"),
			    why, sizeof(why));

	assert_int_equal(got != 0, why[0] != '\0');
	return got;
}

/* Number of whole lines in NAME below the folder, the first and last number; -1: no file. */
static int
count(const char *name, int *first, int *last)
{
	char path[256], line[256];
	int n = 0;
	FILE *in;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	*first = *last = 0;
	in = fopen(path, "r");
	if (in == NULL)
		return -1;
	for (; fgets(line, sizeof(line), in) != NULL; n++) {
		json_t *one = json_loads(line, 0, NULL);

		assert_non_null(one);
		assert_non_null(strchr(line, '\n'));
		*last = (int)json_integer_value(json_object_get(one, "n"));
		*first = n == 0 ? *last : *first;
		json_decref(one);
	}
	(void)fclose(in);
	return n;
}

static void
test_rotation(void **state)
{
	int first, last, kept;
	struct stat sb;
	char path[64];

	for (int i = 1; i <= 100; i++)
		assert_int_equal(add(i), 0);
	assert_in_range(count("findings.json", &first, &last), 1, 1000 / 20);
	assert_int_equal(last, 100);
	kept = first;
	assert_in_range(count("findings.json.1", &first, &last), 1000 / 60, 1000 / 20);
	assert_int_equal(last, kept - 1);
	(void)snprintf(path, sizeof(path), "%s/findings.json.1", folder);
	assert_int_equal(stat(path, &sb), 0);
	assert_in_range(sb.st_size, 1, 1000);
	assert_int_equal(sb.st_mode & 07777, 0640);
}

static void
test_others_move_it(void **state)
{
	char from[64], to[64];
	int first, last;

	(void)snprintf(from, sizeof(from), "%s/findings.json", folder);
	(void)snprintf(to, sizeof(to), "%s/moved", folder);
	assert_int_equal(add(1), 0);
	assert_int_equal(rename(from, to), 0); /* logrotate */
	assert_int_equal(add(2), 0);
	assert_int_equal(count("findings.json", &first, &last), 1);
	assert_int_equal(last, 2);
	assert_int_equal(count("moved", &first, &last), 1);
	assert_int_equal(unlink(from), 0);
	assert_int_equal(add(3), 0);
	assert_int_equal(truncate(from, 0), 0); /* copytruncate */
	assert_int_equal(add(4), 0);
	assert_int_equal(count("findings.json", &first, &last), 1);
	assert_int_equal(last, 4);
}

/* A link that somebody lays in the way is not followed, a pipe is not waited for. */
static void
test_no_file(void **state)
{
	char path[64], victim[64];
	struct stat sb;

	(void)snprintf(path, sizeof(path), "%s/findings.json", folder);
	(void)snprintf(victim, sizeof(victim), "%s/victim", folder);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(add(1), -1);
	assert_int_equal(lstat(victim, &sb), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(add(2), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(add(3), 0);
}

/* A write that gets no further than half a line leaves none of it. */
static void
test_full(void **state)
{
	struct rlimit before, limit;
	int first, last;

	assert_int_equal(add(1), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	limit = (struct rlimit){ .rlim_cur = 50, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(add(2), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(add(3), 0);
	assert_int_equal(count("findings.json", &first, &last), 2);
	assert_int_equal(last, 3);
}

/* ---- Prometheus */

static void
test_http(void **state)
{
	static const struct {
		const char *text;
		enum http_ask ask;
	} cases[] = {
		{ "", HTTP_MORE },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n", HTTP_MORE },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_GET },
		{ "GET /metrics HTTP/1.0\n\n", HTTP_GET },
		{ "GET /metrics?a=b HTTP/1.1\r\n\r\n", HTTP_GET },
		{ "HEAD /metrics HTTP/1.1\r\n\r\n", HTTP_HEAD },
		{ "POST /metrics HTTP/1.1\r\n\r\n", HTTP_NOT_ALLOWED },
		{ "GET / HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND },
		{ "GET /metricsx HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND },
		{ "GET /metrics/../etc HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND },
		{ "GET /metrics HTTP/2\r\n\r\n", HTTP_BAD },
		{ "GET /metrics\r\n\r\n", HTTP_BAD },
		{ "GET  /metrics HTTP/1.1\r\n\r\n", HTTP_BAD },
		{ "GET metrics HTTP/1.1\r\n\r\n", HTTP_BAD },
		{ " /metrics HTTP/1.1\r\n\r\n", HTTP_BAD },
		{ "\r\n\r\n", HTTP_BAD },
		{ "\x16\x03\x01\n\n", HTTP_BAD },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(http_ask_of(cases[i].text, strlen(cases[i].text)), cases[i].ask);
	assert_int_equal(http_ask_of("GET /met\0rics HTTP/1.1\r\n\r\n", 26), HTTP_BAD);
}

static void
test_http_answers(void **state)
{
	size_t len;
	char *text = http_answer(HTTP_GET, "body\n", 5, &len);

	assert_non_null(memmem(text, len, "Content-Length: 5\r\n", 19));
	assert_memory_equal(text + len - 9, "\r\n\r\nbody\n", 9);
	free(text);
	text = http_answer(HTTP_HEAD, "body\n", 5, &len);
	assert_non_null(memmem(text, len, "Content-Length: 5\r\n", 19));
	assert_memory_equal(text + len - 4, "\r\n\r\n", 4);
	free(text);
	text = http_answer(HTTP_NOT_ALLOWED, "", 0, &len);
	assert_non_null(memmem(text, len, "405 Method Not Allowed\r\nAllow: GET, HEAD\r\n", 41));
	free(text);
}

static void
test_prometheus(void **state)
{
	size_t len = 0;
	char *text = prometheus_text(&w, &len);

	assert_non_null(text);
	assert_int_equal(len, strlen(text));
	assert_non_null(
	    strstr(text, "lsawatch_row_state{row=\"stability\",verdict=\"normal\"} 1\n"));
	assert_non_null(
	    strstr(text, "lsawatch_row_state{row=\"instances\",verdict=\"blind\"} 1\n"));
	assert_non_null(strstr(text,
			       "lsawatch_findings_total{rule=\"memory-read\",row=\"memory_access\","
			       "severity=\"critical\"} 0\n"));
	free(text);
}

static int
print_all(const char *kind)
{
	bool ecs = strcmp(kind, "ecs") == 0;

	if (set_up(NULL) != 0)
		return 1;
	for (int rule = 0; rule < RULE_END; rule++) {
		for (size_t i = 0; i < 3 * HOSTILE; i++) {
			struct watch_finding fi = make((enum watch_rule)rule, i);
			enum watch_telling t = (enum watch_telling)(i % 3);
			json_t *one = ecs ? ecs_of(&w, &fi, t) : ocsf_of(&w, &fi, t);

			(void)json_dumpf(one, stdout, JSON_COMPACT);
			(void)putchar('\n');
			json_decref(one);
		}
	}
	return tear_down(NULL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_techniques),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_journal_newline),
		cmocka_unit_test(test_journal_full),
		cmocka_unit_test_setup_teardown(test_rotation, file_set_up, file_tear_down),
		cmocka_unit_test_setup_teardown(test_others_move_it, file_set_up, file_tear_down),
		cmocka_unit_test_setup_teardown(test_no_file, file_set_up, file_tear_down),
		cmocka_unit_test_setup_teardown(test_full, file_set_up, file_tear_down),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_answers),
		cmocka_unit_test(test_prometheus),
	};

	if (argc == 2)
		return print_all(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
