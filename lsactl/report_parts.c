/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timeline, actors, sensors and baseline of a report. */
#define _GNU_SOURCE
#include <string.h>

#include "lsactl/page.h"
#include "lsactl/report.h"

/* ---- the timeline */

#define LANE 30 /* pixels; report.css has the same */

static double
place(const struct report *re, long long ms)
{
	double whole = (double)(re->to - re->from), part = (double)(ms - re->from);

	if (whole <= 0 || part < 0)
		return 0;
	return part >= whole ? 100 : 100 * part / whole;
}

/* Times at the quarters; those between are left out where there is no room. */
static void
put_ticks(const struct report *re)
{
	static const char *const anchors[] = { "start", "middle", "middle", "middle", "end" };
	enum page_time shown = re->to - re->from < 86400000 ? TIME_OF_DAY : SHORT_DATE;
	char text[32];

	for (int i = 0; i <= 4; i++)
		(void)fprintf(
		    re->out,
		    "<g class=\"%s\"><line class=\"tick\" x1=\"%d%%\" x2=\"%d%%\" y1=\"4\" "
		    "y2=\"%d\"/><text x=\"%d%%\" y=\"%d\" text-anchor=\"%s\">%s</text></g>\n",
		    i == 1 || i == 3 ? "fine" : "", 25 * i, 25 * i, 5 * LANE + 2, 25 * i,
		    5 * LANE + 19, anchors[i],
		    page_clock(re->from + (re->to - re->from) * i / 4, shown, text));
}

static void
put_mark(const struct report *re, const json_t *one)
{
	enum watch_severity severity = severity_of(one);
	int y = (int)(CRITICAL - severity) * LANE + LANE / 2;
	double from = place(re, get_number(one, "first")), to = place(re, get_number(one, "last"));
	char when[32];

	(void)fprintf(re->out, "<a href=\"#f%lld\" class=\"%s\"><title>", get_number(one, "number"),
		      watch_severity_names[severity]);
	(void)fprintf(re->out, "%s, %s: ", watch_time(get_number(one, "first"), when),
		      watch_severity_names[severity]);
	page_plain(re->out, get_text(one, "evidence"));
	(void)fputs("</title>", re->out);
	if (to - from > 0.2)
		(void)fprintf(re->out,
			      "<line class=\"span\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" "
			      "y2=\"%d\"/>",
			      from, to, y, y);
	(void)fprintf(re->out, "<circle class=\"mark\" cx=\"%.2f%%\" cy=\"%d\" r=\"%d\"/></a>\n",
		      from, y, get_number(one, "count") > 1 ? 8 : 6);
}

void
report_timeline(struct report *re)
{
	const json_t *one;
	size_t i;

	put_section(re->out, "timeline", "Timeline",
		    "Each mark is a finding, and leads to it. Larger marks stand for more than "
		    "one event.");
	(void)fputs("<div class=\"line\"><ol class=\"lanes\">", re->out);
	for (int s = CRITICAL; s >= INFO; s--)
		(void)fprintf(re->out, "<li>%s</li>", watch_severity_names[s]);
	(void)fprintf(re->out, "</ol>\n<svg role=\"img\" aria-label=\"%zu findings over time\">\n",
		      json_array_size(re->findings));
	put_ticks(re);
	for (int s = 0; s < CRITICAL; s++)
		(void)fprintf(re->out,
			      "<line class=\"lane\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>\n",
			      s * LANE + LANE / 2, s * LANE + LANE / 2);
	json_array_foreach(re->findings, i, one) put_mark(re, one);
	(void)fputs("</svg></div>\n", re->out);
}

/* ---- actors */

#define ACTORS 40

/* One program of one user: all its processes. */
struct actor {
	const json_t *by; /* as its first finding has it */
	long long pid;	  /* of the last one */
	size_t processes, findings;
	enum watch_severity worst;
	long long first, last;
};

static struct actor *
find_actor(struct actor *list, size_t *n, const json_t *by)
{
	for (size_t i = 0; i < *n; i++) {
		const char *exe = get_text(by, "exe");

		if (get_number(list[i].by, "uid") == get_number(by, "uid") &&
		    strcmp(get_text(list[i].by, "exe"), exe) == 0 &&
		    (exe[0] == '/' ||
		     strcmp(get_text(list[i].by, "name"), get_text(by, "name")) == 0))
			return &list[i];
	}
	if (*n == ACTORS)
		return NULL;
	list[*n] = (struct actor){ .by = by };
	return &list[(*n)++];
}

static size_t
gather_actors(const struct report *re, struct actor *list, size_t *left)
{
	const json_t *one;
	size_t i, n = 0;

	*left = 0;
	json_array_foreach(re->findings, i, one)
	{
		const json_t *by = severity_of(one) > INFO ? json_object_get(one, "actor") : NULL;
		struct actor *ac = by != NULL ? find_actor(list, &n, by) : NULL;

		if (by != NULL && ac == NULL)
			(*left)++;
		if (ac == NULL)
			continue;
		if (ac->findings++ == 0)
			ac->first = get_number(one, "first");
		ac->last = get_number(one, "last");
		if (ac->processes == 0 || ac->pid != get_number(by, "pid"))
			ac->processes++;
		ac->pid = get_number(by, "pid");
		if (severity_of(one) > ac->worst)
			ac->worst = severity_of(one);
	}
	return n;
}

static void
put_actor(FILE *out, const struct actor *ac)
{
	const json_t *uid = json_object_get(ac->by, "uid");
	const char *exe = json_string_value(json_object_get(ac->by, "exe"));
	char user[64] = "-";

	(void)fputs("<tr><td class=\"break\" data-head=\"Program\"><span><code>", out);
	page_text(out, exe != NULL ? exe : get_text(ac->by, "name"));
	(void)fputs("</code></span></td><td class=\"whole\" data-head=\"Process\">", out);
	if (ac->processes == 1)
		(void)fprintf(out, "%lld</td>", ac->pid);
	else
		(void)fprintf(out, "%lld and %zu more</td>", get_number(ac->by, "pid"),
			      ac->processes - 1);
	(void)fputs("<td data-head=\"User\"><span>", out);
	page_text(out, uid != NULL ? user_name(json_integer_value(uid), user) : user);
	(void)fprintf(out,
		      "</span></td><td class=\"num\" data-head=\"Findings\">%zu</td>"
		      "<td data-head=\"Worst\"><span><span class=\"badge %s\">%s</span></span></td>"
		      "<td data-head=\"From\">",
		      ac->findings, severity_class(watch_severity_names[ac->worst]),
		      watch_severity_names[ac->worst]);
	page_time(out, ac->first, DATE_AND_TIME);
	(void)fputs("</td><td data-head=\"Until\">", out);
	page_time(out, ac->last, DATE_AND_TIME);
	(void)fputs("</td></tr>\n", out);
}

void
report_actors(struct report *re)
{
	struct actor list[ACTORS];
	size_t left, n = gather_actors(re, list, &left);

	if (n == 0)
		return;
	put_section(re->out, "actors", "Who did it",
		    "Programs that findings above info name, in the order "
		    "in which they appeared.");
	(void)fputs("<div class=\"wide\"><table><thead><tr><th>Program</th><th>Process"
		    "</th><th>User</th><th class=\"num\">Findings</th><th>Worst</th><th>From</th>"
		    "<th>Until</th></tr></thead><tbody>\n",
		    re->out);
	for (size_t i = 0; i < n; i++)
		put_actor(re->out, &list[i]);
	(void)fputs("</tbody></table></div>\n", re->out);
	if (left > 0)
		(void)fprintf(re->out, "<p class=\"soft\">%zu findings name further ones.</p>\n",
			      left);
}

/* ---- sensors, and what is blind */

/* For people; its name, if it is none of ours. */
static const char *
see_text(const char *name)
{
	for (int i = 0; i < SEE_END; i++) {
		if (strcmp(watch_see_names[i], name) == 0)
			return watch_see_texts[i];
	}
	return name;
}

static void
put_sensor(FILE *out, const json_t *one)
{
	const json_t *shows = json_object_get(one, "shows"), *word;
	bool on = json_array_size(shows) > 0;
	size_t i;

	(void)fputs("<tr><td data-head=\"Layer\"><span>", out);
	page_text(out, get_text(one, "layer"));
	(void)fputs("</span></td><td data-head=\"Sensor\"><span>", out);
	page_text(out, get_text(one, "name"));
	(void)fprintf(out,
		      "</span></td><td data-head=\"State\"><span><span class=\"badge %s\">%s</span>"
		      "</span></td><td class=\"break\" data-head=\"Sees\"><span>",
		      on ? "green" : "", on ? "active" : "off");
	if (!on)
		page_text(out, get_text(one, "why"));
	json_array_foreach(shows, i, word)
	{
		(void)fputs(i > 0 ? "; " : "", out);
		page_text(out, see_text(json_string_value(word)));
	}
	(void)fputs("</span></td></tr>\n", out);
}

static const struct watch_rule_row *
rule_named(const char *name)
{
	char its[WATCH_NAME];

	for (int i = 0; i < RULE_END; i++) {
		watch_rule_name((enum watch_rule)i, its);
		if (strcmp(its, name) == 0)
			return &watch_rules[i];
	}
	return NULL;
}

static void
put_blind(FILE *out, const json_t *list)
{
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0) {
		(void)fputs("<p class=\"none\">No rule is blind.</p>\n", out);
		return;
	}
	(void)fputs("<h3 class=\"below\">What would not be seen</h3>\n<div class=\"columns\"><ul "
		    "class=\"list\">\n",
		    out);
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(one);
		const struct watch_rule_row *rule = rule_named(name);

		if (i > 0 && i == (json_array_size(list) + 1) / 2)
			(void)fputs("</ul><ul class=\"list\">\n", out);
		(void)fputs("<li><code>", out);
		page_text(out, name);
		(void)fputs("</code> <span class=\"soft\">", out);
		page_text(out, rule != NULL ? rule->title : "");
		(void)fputs("</span></li>\n", out);
	}
	(void)fputs("</ul></div>\n", out);
}

void
report_sensors(struct report *re)
{
	const json_t *one;
	size_t i;

	put_section(re->out, "sensors", "What was watched, and what was not",
		    "Sensors in layers, best first; one is active if it shows something that no "
		    "better one does.");
	(void)fputs("<div class=\"wide\"><table><thead><tr><th>Layer</th><th>Sensor</th>"
		    "<th>State</th><th>What it sees, or why it is off</th></tr></thead><tbody>\n",
		    re->out);
	json_array_foreach(json_object_get(re->status, "sensors"), i, one) put_sensor(re->out, one);
	(void)fputs("</tbody></table></div>\n", re->out);
	put_blind(re->out, json_object_get(re->status, "blind"));
}

/* ---- baseline */

static void
put_value(FILE *out, const char *head, const char *measure, long long value)
{
	char text[48];

	(void)fprintf(out, "<td class=\"num\" data-head=\"%s\">%s</td>", head,
		      watch_value(measure, value, text));
}

static void
put_band(FILE *out, const json_t *one)
{
	const char *measure = get_text(one, "measure");

	(void)fputs("<tr><td data-head=\"Process\"><span>", out);
	page_text(out, get_text(one, "name"));
	(void)fputs("</span></td><td data-head=\"Measure\"><span>", out);
	page_text(out, watch_measure(measure));
	(void)fputs("</span></td>", out);
	put_value(out, "Now", measure, get_number(one, "now"));
	put_value(out, "Least", measure, get_number(one, "low"));
	put_value(out, "Most", measure, get_number(one, "high"));
	put_value(out, "Never above", measure, get_number(one, "bound"));
	(void)fprintf(out, "<td class=\"num\" data-head=\"Looks\">%lld</td></tr>\n",
		      get_number(one, "samples"));
}

void
report_baseline(struct report *re)
{
	const json_t *list = json_object_get(re->baseline, "bands"), *one;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	put_section(re->out, "baseline", "What is usual",
		    json_is_true(json_object_get(re->baseline, "learning"))
			? "lsawatch is still learning this."
			: "What lsawatch learned of use; more than that is told.");
	(void)fputs(
	    "<div class=\"wide\"><table><thead><tr><th>Process</th><th>Measure</th>"
	    "<th class=\"num\">Now</th><th class=\"num\">Least</th><th class=\"num\">Most"
	    "</th><th class=\"num\">Never above</th><th class=\"num\">Looks</th></tr></thead>"
	    "<tbody>\n",
	    re->out);
	json_array_foreach(list, i, one) put_band(re->out, one);
	(void)fputs("</tbody></table></div>\n", re->out);
}
