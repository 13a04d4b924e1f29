/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is counted, in the text format of Prometheus, version 0.0.4. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lsawatch/out/out.h"

struct text {
	char *at;
	size_t len, room;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void
put(struct text *te, const char *format, ...)
{
	va_list ap;
	int got;

	for (;;) {
		char *more;

		va_start(ap, format);
		got = vsnprintf(te->at + te->len, te->room - te->len, format, ap);
		va_end(ap);
		if (got < 0 || te->failed)
			return;
		if ((size_t)got < te->room - te->len)
			break;
		more = realloc(te->at, te->room * 2 + (size_t)got);
		if (more == NULL) {
			te->failed = true;
			return;
		}
		te->at = more;
		te->room = te->room * 2 + (size_t)got;
	}
	te->len += (size_t)got;
}

static void
head(struct text *te, const char *name, const char *type, const char *help)
{
	put(te, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* All label values are words of our own tables, or pass here. */
static void
put_label(struct text *te, const char *name, const char *value)
{
	char clean[128];

	out_clean(clean, sizeof(clean), value);
	put(te, "%s=\"", name);
	for (const char *at = clean; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			put(te, "\\");
		put(te, "%c", *at);
	}
	put(te, "\"");
}

/* ---- what is found */

static void
put_rows(struct text *te, const struct lsawatch *w)
{
	static const char *const names[] = { [VERDICT_NORMAL] = "normal",
					     [VERDICT_LEARNING] = "learning",
					     [VERDICT_ABNORMAL] = "abnormal",
					     [VERDICT_BLIND] = "blind" };

	head(te, "lsawatch_row_state", "gauge", "Whether a row of the table has this verdict now.");
	for (int row = 0; row < ROW_END; row++) {
		enum watch_verdict is = findings_verdict(w, (enum watch_row)row);

		for (int v = VERDICT_NORMAL; v <= VERDICT_BLIND; v++)
			put(te, "lsawatch_row_state{row=\"%s\",verdict=\"%s\"} %d\n",
			    watch_rows[row].name, names[v], (int)is == v);
	}
}

static void
put_findings(struct text *te, const struct lsawatch *w)
{
	char name[WATCH_NAME];

	head(te, "lsawatch_findings_total", "counter",
	     "Findings since the start, one by one; severity is that of the rule.");
	for (int i = 0; i < RULE_END; i++) {
		enum watch_rule rule = (enum watch_rule)i;

		watch_rule_name(rule, name);
		put(te, "lsawatch_findings_total{rule=\"%s\",row=\"%s\",severity=\"%s\"} %llu\n",
		    name, out_row(rule), watch_severity_names[watch_rules[i].severity],
		    (unsigned long long)findings_count(w, rule));
	}
	head(te, "lsawatch_findings_untold_total", "counter",
	     "Findings that were counted and not told, because there were too many.");
	put(te, "lsawatch_findings_untold_total %llu\n", (unsigned long long)findings_untold(w));
}

/* ---- what can be seen */

static void
put_sensors(struct text *te, const struct lsawatch *w)
{
	size_t n = 0;
	const struct watch_sensor_state *st = w->sensors != NULL ? sensors_state(w, &n) : NULL;
	int blind = 0;

	head(te, "lsawatch_sensor_up", "gauge", "Whether a sensor is open and shows something.");
	for (size_t i = 0; i < n; i++) {
		put(te, "lsawatch_sensor_up{");
		put_label(te, "sensor", st[i].sensor->name);
		put(te, ",layer=\"%s\"} %d\n", watch_layer_names[st[i].sensor->layer],
		    st[i].shows != 0);
	}
	for (int i = 0; i < RULE_END; i++)
		blind += (w->sees & watch_rules[i].sees) == 0;
	head(te, "lsawatch_blind_rules", "gauge", "Rules that no open sensor can show.");
	put(te, "lsawatch_blind_rules %d\n", blind);
	head(te, "lsawatch_events_total", "counter", "Events that the sensors of a layer brought.");
	for (int i = 0; i < LAYER_END; i++)
		put(te, "lsawatch_events_total{layer=\"%s\"} %llu\n", watch_layer_names[i],
		    (unsigned long long)w->sights[i]);
	head(te, "lsawatch_events_lost_total", "counter",
	     "Times that the kernel lost events; everything was looked at anew.");
	put(te, "lsawatch_events_lost_total %llu\n", (unsigned long long)w->lost);
}

/* ---- who is watched */

static void
put_parts(struct text *te, const struct lsawatch *w)
{
	const struct control_table *table = &w->table;
	const uint32_t restarts[PART_END] = {
		[PART_ISO] = table->lsaiso_restarts,
		[PART_LSASS] = table->lsass_restarts,
	};
	static const char *const names[PART_END] = { "lsainit", "lsaiso", "lsass" };

	head(te, "lsawatch_process_up", "gauge", "Whether a watched process runs.");
	for (int i = 0; i < PART_END; i++)
		put(te, "lsawatch_process_up{process=\"%s\"} %d\n", names[i],
		    w->targets[i].pid != 0);
	head(te, "lsawatch_process_restarts_total", "counter",
	     "Times that lsainit started a watched process again.");
	for (int i = PART_ISO; i < PART_END; i++)
		put(te, "lsawatch_process_restarts_total{process=\"%s\"} %u\n", names[i],
		    (unsigned int)restarts[i]);
}

/* ---- ourselves */

static void
put_self(struct text *te)
{
	struct timespec cpu = { 0 };
	char text[128] = "";
	unsigned long long resident = 0;
	const char *second;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	if (process_read(getpid(), "statm", text, sizeof(text)) > 0 &&
	    (second = strchr(text, ' ')) != NULL)
		resident = strtoull(second, NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE);
	head(te, "process_cpu_seconds_total", "counter", "Processor time that lsawatch has used.");
	put(te, "process_cpu_seconds_total %lld.%06ld\n", (long long)cpu.tv_sec,
	    cpu.tv_nsec / 1000);
	head(te, "process_resident_memory_bytes", "gauge", "Resident memory of lsawatch.");
	put(te, "process_resident_memory_bytes %llu\n", resident);
	head(te, "lsawatch_build_info", "gauge", "Always 1; the version is a label.");
	put(te, "lsawatch_build_info{");
	put_label(te, "version", lib_version);
	put(te, "} 1\n");
}

char *
prometheus_text(const struct lsawatch *w, size_t *len)
{
	struct text te = { .at = malloc(16384), .room = 16384 };

	if (te.at == NULL)
		return NULL;
	put_rows(&te, w);
	put_findings(&te, w);
	put_sensors(&te, w);
	put_parts(&te, w);
	put_self(&te);
	if (te.failed) {
		free(te.at);
		return NULL;
	}
	*len = te.len;
	return te.at;
}
