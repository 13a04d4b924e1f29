/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as the names, paths and arguments of an actor, and as a request
 * to the socket of metrics: each record stays one object on one line of valid
 * UTF-8 without controls, each entry of the journal keeps its fields.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsawatch/out/http.h"
#include "lsawatch/out/journal.h"
#include "lsawatch/out/lines.h"
#include "lsawatch/out/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int64_t
watch_time_ms(void)
{
	return 1796062421384;
}

/* The files are tests/unit/watch_out.c's. */
void
lines_open(struct lines *li, const struct lsawatch *w)
{
}

int
lines_add(struct lines *li, const struct lsawatch *w, json_t *object, char *why, size_t n)
{
	return 0;
}

void
lines_close(struct lines *li)
{
}

static void
take(const uint8_t **data, size_t *size, char *to, size_t n)
{
	size_t len = *size < n - 1 ? *size : n - 1;

	memcpy(to, *data, len);
	to[len] = '\0';
	*data += len;
	*size -= len;
}

static void
check_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	static char clean[65536];
	json_t *again;

	if (text == NULL || strlen(text) >= sizeof(clean))
		abort();
	out_clean(clean, sizeof(clean), text);
	if (strcmp(text, clean) != 0)
		abort();
	again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (again == NULL || !json_equal(object, again))
		abort();
	json_decref(again);
	json_decref(object);
	free(text);
}

/* No value may begin a field of its own: each line begins with a name of ours. */
static void
check_journal(const struct lsawatch *w, const struct watch_finding *fi)
{
	static struct journal_entry en;
	size_t at = 0, messages = 0;

	journal_entry(w, fi, TELL_NEW, &en);
	if (en.full)
		abort();
	while (at < en.len) {
		const uint8_t *end = memchr(en.octets + at, '\n', en.len - at);

		if (end == NULL)
			abort();
		messages += memcmp(en.octets + at, "MESSAGE=", 8) == 0;
		if (memcmp(en.octets + at, "MESSAGE", 7) != 0 &&
		    memcmp(en.octets + at, "PRIORITY=", 9) != 0 &&
		    memcmp(en.octets + at, "SYSLOG_", 7) != 0 &&
		    memcmp(en.octets + at, "LSAWATCH_", 9) != 0)
			abort();
		at = (size_t)(end + 1 - en.octets);
	}
	if (messages != 1)
		abort();
}

static void
check_http(const uint8_t *data, size_t size)
{
	char *ask = malloc(size + 1), *answer;
	size_t len;

	if (ask == NULL)
		return;
	memcpy(ask, data, size);
	answer = http_answer(http_ask_of(ask, size), "", 0, &len);
	if (answer == NULL || memcmp(answer, "HTTP/1.1 ", 9) != 0)
		abort();
	free(answer);
	free(ask);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lsawatch w;
	struct watch_finding fi = { .uid = "0-1", .response = "alert", .count = 1 };

	check_http(data, size);
	if (size < 3)
		return 0;
	fi.rule = (enum watch_rule)(data[0] % RULE_END);
	fi.severity = watch_rules[fi.rule].severity;
	fi.part = PART_NONE;
	fi.allowed = data[1] % 3 - 1;
	fi.by.pid = data[2];
	data += 3;
	size -= 3;
	take(&data, &size, fi.by.comm, sizeof(fi.by.comm));
	take(&data, &size, fi.by.exe, sizeof(fi.by.exe));
	take(&data, &size, fi.by.parent_exe, sizeof(fi.by.parent_exe));
	take(&data, &size, fi.by.command, sizeof(fi.by.command));
	take(&data, &size, fi.subject_exe, sizeof(fi.subject_exe));
	take(&data, &size, fi.evidence, sizeof(fi.evidence));
	check_json(ecs_of(&w, &fi, TELL_NEW));
	check_json(ocsf_of(&w, &fi, TELL_OVER));
	check_journal(&w, &fi);
	return 0;
}
