/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl watch: is everything as it should be, and if not, who did what? */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "lsactl/watch.h"
#include "lsawatch/watch.h"

json_t *
watch_ask(const struct ctl *ct, const char *method, json_t *parameters)
{
	return call(ct, method, parameters);
}

enum colour
verdict_colour(const char *verdict)
{
	if (strcmp(verdict, "normal") == 0)
		return GREEN;
	if (strcmp(verdict, "abnormal") == 0)
		return RED;
	return strcmp(verdict, "learning") == 0 ? YELLOW : DIM;
}

const char *
verdict_word(const char *verdict)
{
	return strcmp(verdict, "abnormal") == 0 ? "ABNORMAL" : verdict;
}

enum colour
severity_colour(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return RED;
	return strcmp(severity, "medium") == 0 ? YELLOW : PLAIN;
}

size_t
count_verdicts(const json_t *status, const char *verdict)
{
	const json_t *one;
	size_t i, n = 0;

	json_array_foreach(json_object_get(status, "rows"), i, one)
	{
		if (strcmp(get_text(one, "verdict"), verdict) == 0)
			n++;
	}
	return n;
}

/* ---- the ten rows, once */

static void
add_row(struct table *ta, const json_t *one)
{
	const json_t *last = json_object_get(one, "last");
	const char *verdict = get_text(one, "verdict");
	char text[512], when[32], safe[400];

	table_cell(ta, PLAIN, get_text(one, "title"));
	table_cell(ta, verdict_colour(verdict), verdict_word(verdict));
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "findings"));
	table_cell(ta, PLAIN, text);
	table_cell(ta, PLAIN, last != NULL ? watch_time(get_number(last, "last"), when) : "-");
	table_cell(ta, PLAIN,
		   last != NULL ? watch_safe(get_text(last, "evidence"), safe, sizeof(safe)) : "-");
}

/* "word word word" of an array, broken at column. */
static void
print_words(const char *head, const json_t *list)
{
	const json_t *one;
	int column = printf("%-12s", head);
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *word = json_string_value(one);

		if (column + (int)strlen(word) + 1 > 79)
			column = printf("\n%-12s", "") - 1;
		column += printf(" %s", word);
	}
	(void)putchar('\n');
}

static json_t *
active(const json_t *sensors)
{
	json_t *list = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(sensors, i, one)
	{
		if (json_array_size(json_object_get(one, "shows")) > 0)
			(void)json_array_append_new(
			    list,
			    json_sprintf("%s/%s", get_text(one, "layer"), get_text(one, "name")));
	}
	return list;
}

static void
show_rows(const struct ctl *ct, const json_t *is)
{
	static const char *const heads[] = { "PROPERTY", "VERDICT", "FINDINGS", "LAST",
					     "EVIDENCE" };
	struct table *ta = table_new(heads, 5);
	json_t *list = active(json_object_get(is, "sensors"));
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(is, "rows"), i, one) add_row(ta, one);
	table_print(ta, ct);
	(void)putchar('\n');
	print_words("Sensors:", list);
	if (json_array_size(json_object_get(is, "blind")) > 0)
		print_words("Blind:", json_object_get(is, "blind"));
	if (get_number(is, "lost") > 0)
		(void)printf("Events were lost %lld times; each time everything was looked at "
			     "anew.\n",
			     get_number(is, "lost"));
	if (get_number(is, "untold") > 0)
		(void)printf("%lld findings were counted and not told: too many at once.\n",
			     get_number(is, "untold"));
	json_decref(list);
}

static int
watch_rows_once(struct ctl *ct)
{
	json_t *is = watch_ask(ct, "watch.Status", NULL);
	bool bad;

	if (is == NULL)
		return EXIT_UNKNOWN;
	if (ct->json)
		print_json(is);
	else
		show_rows(ct, is);
	bad = count_verdicts(is, "abnormal") > 0;
	json_decref(is);
	return bad ? EXIT_ABNORMAL : EXIT_DONE;
}

/* A terminal that can do more than print lines. */
static bool
is_live(const struct ctl *ct)
{
	const char *term = getenv("TERM");

	return !ct->json && isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

static int
watch_now(struct ctl *ct)
{
	return is_live(ct) ? watch_live(ct) : watch_rows_once(ct);
}

/* ---- sensors */

static void
add_sensor(struct table *ta, const json_t *one)
{
	const json_t *shows = json_object_get(one, "shows"), *word;
	bool on = json_array_size(shows) > 0;
	char text[512] = "";
	size_t i;

	json_array_foreach(shows, i, word)
	{
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
			       json_string_value(word));
	}
	table_cell(ta, PLAIN, get_text(one, "layer"));
	table_cell(ta, PLAIN, get_text(one, "name"));
	table_cell(ta, on ? GREEN : DIM, on ? "active" : "off");
	table_cell(ta, PLAIN, on ? text : get_text(one, "why"));
}

static int
watch_sensors(struct ctl *ct)
{
	static const char *const heads[] = { "LAYER", "SENSOR", "STATE", "SEES" };
	json_t *is = watch_ask(ct, "watch.Status", NULL);
	struct table *ta;
	const json_t *one;
	size_t i;

	if (is == NULL)
		return EXIT_UNKNOWN;
	if (ct->json) {
		json_t *part = json_pack(
		    "{s:O, s:O, s:O}", "sensors", json_object_get(is, "sensors"), "blind",
		    json_object_get(is, "blind"), "lost", json_object_get(is, "lost"));

		print_json(part);
		json_decref(part);
	} else {
		ta = table_new(heads, 4);
		json_array_foreach(json_object_get(is, "sensors"), i, one) add_sensor(ta, one);
		table_print(ta, ct);
		(void)putchar('\n');
		if (json_array_size(json_object_get(is, "blind")) > 0)
			print_words("Blind rules:", json_object_get(is, "blind"));
		else
			(void)puts("No rule is blind.");
	}
	json_decref(is);
	return EXIT_DONE;
}

/* ---- baseline */

static void
add_band(struct table *ta, const json_t *one)
{
	static const char *const values[] = { "now", "low", "high", "bound" };
	const char *measure = get_text(one, "measure");
	char text[48];

	table_cell(ta, PLAIN, get_text(one, "name"));
	table_cell(ta, PLAIN, watch_measure(measure));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		bool above = i == 0 && get_number(one, "now") > get_number(one, "high");

		table_cell(ta, above ? YELLOW : PLAIN,
			   watch_value(measure, get_number(one, values[i]), text));
	}
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "samples"));
	table_cell(ta, PLAIN, text);
}

static void
show_bands(const struct ctl *ct, const json_t *is)
{
	static const char *const heads[] = { "PROCESS", "MEASURE",     "NOW",  "LEAST",
					     "MOST",	"NEVER ABOVE", "LOOKS" };
	struct table *ta = table_new(heads, 7);
	const json_t *one;
	char when[32];
	size_t i;

	json_array_foreach(json_object_get(is, "bands"), i, one) add_band(ta, one);
	table_print(ta, ct);
	(void)printf("\nLearning began %s and %s.\n", show_time(get_number(is, "since"), when),
		     json_is_true(json_object_get(is, "learning")) ? "goes on" : "is over");
}

static int
watch_baseline(struct ctl *ct)
{
	json_t *is = watch_ask(ct, "watch.Baseline",
			       ct->watch.forget ? json_pack("{s:b}", "forget", 1) : NULL);

	if (is == NULL)
		return EXIT_UNKNOWN;
	if (ct->json)
		print_json(is);
	else
		show_bands(ct, is);
	json_decref(is);
	return EXIT_DONE;
}

static int
watch_navigator(struct ctl *ct)
{
	json_t *is = watch_ask(ct, "watch.Navigator", NULL);

	if (is == NULL)
		return EXIT_UNKNOWN;
	print_json(is);
	json_decref(is);
	return EXIT_DONE;
}

/* ---- rules: the table, without lsawatch */

static json_t *
rule_json(enum watch_rule rule)
{
	const struct watch_rule_row *ru = &watch_rules[rule];
	json_t *sees = json_array();
	char name[WATCH_NAME];

	watch_rule_name(rule, name);
	for (int i = 0; i < SEE_END; i++) {
		if ((ru->sees >> i & 1) != 0)
			(void)json_array_append_new(sees, json_string(watch_see_names[i]));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "rule", name, "row",
			 ru->row == ROW_none ? "watch" : watch_rows[ru->row].name, "severity",
			 watch_severity_names[ru->severity], "technique", watch_technique(rule),
			 "technique18", watch_technique18(rule), "title", ru->title, "sees", sees);
}

static void
rules_json(void)
{
	json_t *list = json_array();

	for (int i = 0; i < RULE_END; i++)
		(void)json_array_append_new(list, rule_json((enum watch_rule)i));
	print_json(list);
	json_decref(list);
}

static int
watch_rules_table(struct ctl *ct)
{
	static const char *const heads[] = { "RULE", "SEVERITY", "ATT&CK", "WHAT IT TELLS" };
	struct table *ta;

	if (ct->json) {
		rules_json();
		return EXIT_DONE;
	}
	ta = table_new(heads, 4);
	for (int i = 0; i < RULE_END; i++) {
		char name[WATCH_NAME];

		watch_rule_name((enum watch_rule)i, name);
		table_cell(ta, PLAIN, name);
		table_cell(ta, severity_colour(watch_severity_names[watch_rules[i].severity]),
			   watch_severity_names[watch_rules[i].severity]);
		table_cell(ta, PLAIN, watch_technique((enum watch_rule)i));
		table_cell(ta, PLAIN, watch_rules[i].title);
	}
	table_print(ta, ct);
	return EXIT_DONE;
}

/* ---- verbs */

static const struct {
	const char *name;
	int (*run)(struct ctl *ct);
	bool follow, forget, html, offline;
} verbs[] = {
	{ "now", watch_now, false, false, false, false },
	{ "findings", watch_findings, true, false, false, false },
	{ "sensors", watch_sensors, false, false, false, false },
	{ "baseline", watch_baseline, false, true, false, false },
	{ "navigator", watch_navigator, false, false, false, false },
	{ "report", watch_report, false, false, true, false },
	{ "rules", watch_rules_table, false, false, false, true },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static int
wrong(const char *what, const char *which)
{
	(void)fprintf(stderr, "lsactl: %s%s; see lsactl help watch\n", what, which);
	return EXIT_USAGE;
}

static int
run_verb(struct ctl *ct, size_t i)
{
	char error[1024];
	int code;

	if (verbs[i].offline)
		return verbs[i].run(ct);
	if (config_read(&ct->cf, ct->config_path, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return EXIT_UNKNOWN;
	}
	if (ct->socket == NULL)
		ct->socket = ct->cf.watch_socket;
	code = verbs[i].run(ct);
	config_free(&ct->cf);
	return code;
}

int
cmd_watch(struct ctl *ct, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "now";
	size_t i = 0;

	while (i < NVERBS && strcmp(verbs[i].name, name) != 0)
		i++;
	if (i == NVERBS)
		return wrong("watch has no verb ", name);
	if (ct->watch.follow && !verbs[i].follow)
		return wrong("--follow belongs to findings, not to ", name);
	if (ct->watch.forget && !verbs[i].forget)
		return wrong("--forget belongs to baseline, not to ", name);
	if (ct->watch.html != NULL && !verbs[i].html)
		return wrong("--html belongs to report, not to ", name);
	return run_verb(ct, i);
}
