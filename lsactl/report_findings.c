/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The findings of a report, newest first: what, who, how it ended, what to do. */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>

#include "lsactl/page.h"
#include "lsactl/report.h"

static const char *
member(const json_t *from, const char *name)
{
	const char *text = json_string_value(json_object_get(from, name));

	return text != NULL ? text : "";
}

static void
put_capital(FILE *out, const char *text)
{
	if (*text >= 'a' && *text <= 'z')
		(void)fputc(toupper((unsigned char)*text++), out);
	page_text(out, text);
}

/* A row of the list, if there is something to say. */
static void
put_field(FILE *out, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	(void)fprintf(out, "<dt>%s</dt><dd>", name);
	page_text(out, text);
	(void)fputs("</dd>\n", out);
}

static void
put_code(FILE *out, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	(void)fprintf(out, "<dt>%s</dt><dd><code>", name);
	page_text(out, text);
	(void)fputs("</code></dd>\n", out);
}

static void
put_user(FILE *out, const json_t *by)
{
	const json_t *uid = json_object_get(by, "uid"), *login = json_object_get(by, "login");
	char name[64];

	if (uid == NULL)
		return;
	(void)fputs("<dt>User</dt><dd>", out);
	page_text(out, user_name(json_integer_value(uid), name));
	(void)fprintf(out, " (uid %lld)", json_integer_value(uid));
	if (login != NULL) {
		(void)fputs(", logged on as ", out);
		page_text(out, user_name(json_integer_value(login), name));
		(void)fprintf(out, " (uid %lld)", json_integer_value(login));
	}
	(void)fputs("</dd>\n", out);
}

static void
put_actor(FILE *out, const json_t *by)
{
	if (by == NULL) {
		put_field(out, "Actor", "not known");
		return;
	}
	(void)fputs("<dt>Actor</dt><dd><code>", out);
	page_text(out, member(by, "exe")[0] != '\0' ? member(by, "exe") : "program not known");
	(void)fprintf(out, "</code>, pid %lld", get_number(by, "pid"));
	if (strcmp(basename(member(by, "exe")), member(by, "name")) != 0) {
		(void)fputs(", called <code>", out);
		page_text(out, member(by, "name"));
		(void)fputs("</code>", out);
	}
	(void)fputs("</dd>\n", out);
	put_code(out, "Command", member(by, "command"));
	put_user(out, by);
	if (json_object_get(by, "parent") != NULL) {
		(void)fputs("<dt>Started by</dt><dd><code>", out);
		page_text(out, member(by, "parent_exe"));
		(void)fprintf(out, "</code>, pid %lld</dd>\n", get_number(by, "parent"));
	}
}

static void
put_subject(FILE *out, const json_t *one)
{
	const char *part = member(one, "part"), *exe = member(one, "subject_exe");

	if (part[0] == '\0' && json_object_get(one, "subject_pid") == NULL)
		return;
	(void)fputs("<dt>About</dt><dd>", out);
	page_text(out, part);
	if (exe[0] != '\0') {
		(void)fputs(part[0] != '\0' ? ", <code>" : "<code>", out);
		page_text(out, exe);
		(void)fputs("</code>", out);
	}
	if (json_object_get(one, "subject_pid") != NULL)
		(void)fprintf(out, "%spid %lld", part[0] != '\0' || exe[0] != '\0' ? ", " : "",
			      get_number(one, "subject_pid"));
	(void)fputs("</dd>\n", out);
}

static void
put_outcome(FILE *out, const json_t *one)
{
	const json_t *allowed = json_object_get(one, "allowed");
	const char *response = member(one, "response");

	if (allowed != NULL)
		put_field(out, "Outcome",
			  json_is_true(allowed) ? "It was let happen." : "It was refused.");
	(void)fputs("<dt>Seen by</dt><dd>layer ", out);
	page_text(out, member(one, "layer"));
	(void)fputs(", rule <code>", out);
	page_text(out, member(one, "rule"));
	(void)fputs("</code></dd>\n", out);
	if (strcmp(response, "lock") == 0)
		put_field(out, "Answer", "lock: every session was locked.");
	else if (strcmp(response, "wipe") == 0)
		put_field(out, "Answer", "wipe: lsaiso was ended and started anew.");
}

static void
put_attack(FILE *out, const json_t *one)
{
	const char *now = member(one, "technique"), *before = member(one, "technique18");

	if (now[0] == '\0')
		return;
	(void)fputs("<dt>ATT&amp;CK</dt><dd>", out);
	page_techniques(out, now);
	if (strcmp(now, before) != 0 && before[0] != '\0') {
		(void)fputs(" (v19.1), ", out);
		page_techniques(out, before);
		(void)fputs(" (v18.1)", out);
	} else {
		(void)fputs(" (v19.1 and v18.1)", out);
	}
	(void)fputs("</dd>\n", out);
}

static const char *
todo_of(const char *row)
{
	for (int i = 0; i < ROW_END; i++) {
		if (strcmp(watch_rows[i].name, row) == 0)
			return watch_rows[i].todo;
	}
	return "";
}

static void
put_todo(FILE *out, const json_t *one)
{
	const char *todo = severity_of(one) > INFO ? todo_of(member(one, "row")) : "";

	if (todo[0] == '\0')
		return;
	(void)fputs("<dt>What to do</dt><dd>", out);
	if (strncmp(todo, "lsactl ", 7) != 0)
		put_capital(out, todo);
	else
		page_text(out, todo);
	(void)fputs(".</dd>\n", out);
}

static void
put_times(FILE *out, const json_t *one)
{
	(void)fputs("<span class=\"soft\">", out);
	page_time(out, get_number(one, "first"), DATE_AND_TIME);
	if (get_number(one, "count") > 1) {
		(void)fprintf(out, ", %lld times until ", get_number(one, "count"));
		page_time(out, get_number(one, "last"), TIME_OF_DAY);
	}
	(void)fprintf(out, " <a href=\"#f%lld\">#%lld</a></span>", get_number(one, "number"),
		      get_number(one, "number"));
}

static void
put_finding(FILE *out, const json_t *one)
{
	const char *severity = watch_severity_names[severity_of(one)];

	(void)fprintf(out,
		      "<li class=\"finding %s\" id=\"f%lld\"><div><span class=\"badge %s\">%s"
		      "</span></div>\n<article><header><h3>",
		      severity, get_number(one, "number"), severity_class(severity), severity);
	if (member(one, "part")[0] != '\0') {
		page_text(out, member(one, "part"));
		(void)fputs(": ", out);
		page_text(out, member(one, "title"));
	} else {
		put_capital(out, member(one, "title"));
	}
	(void)fputs("</h3>", out);
	put_times(out, one);
	(void)fputs("</header>\n<p class=\"evidence\">", out);
	page_text(out, member(one, "evidence"));
	(void)fputs("</p>\n<dl>\n", out);
	put_subject(out, one);
	put_actor(out, json_object_get(one, "actor"));
	put_outcome(out, one);
	put_attack(out, one);
	put_todo(out, one);
	(void)fputs("</dl></article></li>\n", out);
}

static void
put_picker(const struct report *re)
{
	size_t high = re->count[CRITICAL] + re->count[HIGH], medium = high + re->count[MEDIUM];

	(void)fprintf(re->out,
		      "<input class=\"pick\" type=\"radio\" name=\"pick\" id=\"pick-all\" checked>"
		      "<input class=\"pick\" type=\"radio\" name=\"pick\" id=\"pick-medium\">"
		      "<input class=\"pick\" type=\"radio\" name=\"pick\" id=\"pick-high\">\n"
		      "<div class=\"picker\"><label for=\"pick-all\">All %zu</label>"
		      "<label for=\"pick-medium\">Medium and above: %zu</label>"
		      "<label for=\"pick-high\">High and critical: %zu</label></div>\n",
		      json_array_size(re->findings), medium, high);
}

void
report_findings(struct report *re)
{
	size_t n = json_array_size(re->findings);

	put_section(re->out, "findings", "Findings",
		    "Newest first. What one actor did to one "
		    "process within ten seconds is one finding.");
	if (n == 0) {
		(void)fputs("<p class=\"none\">Nothing was found.</p>\n", re->out);
		return;
	}
	put_picker(re);
	(void)fputs("<ol class=\"findings\">\n", re->out);
	while (n > 0)
		put_finding(re->out, json_array_get(re->findings, --n));
	(void)fputs("</ol>\n", re->out);
}
