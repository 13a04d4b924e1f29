/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsactl watch report --html FILE: one page with everything, to be kept with
 * an incident or printed. It needs nothing but itself: no script, no network.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lsactl/page.h"
#include "lsactl/report.h"

static const char style[] =
#include "lsactl/report.css.h"
    ;

enum watch_severity
severity_of(const json_t *finding)
{
	const char *word = get_text(finding, "severity");

	for (int i = INFO; i <= CRITICAL; i++) {
		if (strcmp(word, watch_severity_names[i]) == 0)
			return (enum watch_severity)i;
	}
	return INFO;
}

const char *
severity_class(const char *severity)
{
	if (strcmp(severity, "critical") == 0)
		return "red";
	if (strcmp(severity, "high") == 0)
		return "outline";
	return strcmp(severity, "medium") == 0 ? "amber" : "";
}

void
put_count(FILE *out, size_t n, const char *one, const char *more)
{
	static const char *const words[] = { "No",  "One",   "Two",   "Three", "Four", "Five",
					     "Six", "Seven", "Eight", "Nine",  "Ten" };

	if (n < sizeof(words) / sizeof(words[0]))
		(void)fprintf(out, "%s %s", words[n], n == 1 ? one : more);
	else
		(void)fprintf(out, "%zu %s", n, more);
}

void
put_section(FILE *out, const char *id, const char *title, const char *sentence)
{
	(void)fprintf(out, "<h2 id=\"%s\">%s</h2>\n<p>%s</p>\n", id, title, sentence);
}

/* ---- the head */

/* Findings above info: what somebody should look at. */
static size_t
serious(const struct report *re)
{
	size_t n = 0;

	for (int i = LOW; i <= CRITICAL; i++)
		n += re->count[i];
	return n;
}

static const char *
banner_class(const struct report *re)
{
	if (count_verdicts(re->status, "abnormal") > 0 || re->count[CRITICAL] > 0 ||
	    re->count[HIGH] > 0)
		return "red";
	if (serious(re) > 0 || count_verdicts(re->status, "blind") > 0)
		return "amber";
	return "green";
}

/* "memory access, stability": the rows of a verdict. */
static void
put_rows_of(struct report *re, const char *verdict)
{
	const json_t *one;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(re->status, "rows"), i, one)
	{
		if (strcmp(get_text(one, "verdict"), verdict) != 0)
			continue;
		(void)fputs(any ? ", " : "", re->out);
		page_text(re->out, get_text(one, "title"));
		any = true;
	}
}

static void
put_headline(struct report *re)
{
	size_t bad = count_verdicts(re->status, "abnormal");
	size_t blind = count_verdicts(re->status, "blind"), n = serious(re);
	FILE *out = re->out;

	if (bad > 0) {
		(void)fputs("<h1>Abnormal</h1>\n<p class=\"lead\">", out);
		put_count(out, bad, "of ten properties is", "of ten properties are");
		(void)fputs(" abnormal at this moment: ", out);
		put_rows_of(re, "abnormal");
		(void)fputs(".", out);
	} else if (n > 0) {
		(void)fputs("<h1>Normal now, but not all the time</h1>\n<p class=\"lead\">", out);
		put_count(out, n, "thing was", "things were");
		(void)fputs(" found that should not happen.", out);
	} else if (blind > 0) {
		(void)fputs("<h1>Normal, as far as it is seen</h1>\n<p class=\"lead\">"
			    "Nothing was found. Not watched: ",
			    out);
		put_rows_of(re, "blind");
		(void)fputs(".", out);
	} else {
		(void)fputs("<h1>Normal</h1>\n<p class=\"lead\">All ten properties are as they "
			    "should be, and nothing was found.",
			    out);
	}
	if (bad > 0 && n > 0) {
		(void)fputs(" ", out);
		put_count(out, n, "finding", "findings");
		(void)fputs(" above info in all", out);
		if (re->count[CRITICAL] > 0)
			(void)fprintf(out, ", %zu of them critical", re->count[CRITICAL]);
		(void)fputs(".", out);
	}
	(void)fputs("</p>\n", out);
}

static void
put_fact(FILE *out, const char *name, const char *text)
{
	(void)fprintf(out, "<div><dt>%s</dt><dd>", name);
	page_text(out, text);
	(void)fputs("</dd></div>\n", out);
}

/* "2 critical, 1 high"; "none". */
static const char *
severities(const struct report *re, char *text, size_t n)
{
	size_t len = 0;

	(void)snprintf(text, n, "none");
	for (int i = CRITICAL; i >= INFO; i--) {
		if (re->count[i] == 0)
			continue;
		(void)snprintf(text + len, n - len, "%s%zu %s", len > 0 ? ", " : "", re->count[i],
			       watch_severity_names[i]);
		len = strlen(text);
	}
	return text;
}

static void
put_facts(struct report *re)
{
	char host[256] = "", text[512], span[32], zone[32] = "";
	time_t now = (time_t)(re->to / 1000);
	struct utsname uts = { 0 };
	struct tm tm;

	(void)gethostname(host, sizeof(host) - 1);
	(void)uname(&uts);
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(zone, sizeof(zone), "%Z (UTC%z)", &tm);
	(void)fputs("<dl class=\"facts\">\n", re->out);
	put_fact(re->out, "Host", host);
	put_fact(re->out, "Instance", get_text(re->status, "instance"));
	put_fact(re->out, "Isolation level", get_text(re->status, "level"));
	(void)fputs("<div><dt>Watched from</dt><dd>", re->out);
	page_time(re->out, re->from, DATE_AND_TIME);
	(void)fputs("</dd></div>\n<div><dt>Until this report</dt><dd>", re->out);
	page_time(re->out, re->to, DATE_AND_TIME);
	(void)snprintf(text, sizeof(text), "%s, times are %s",
		       show_span((re->to - re->from) / 1000, span), zone);
	(void)fputs("</dd></div>\n", re->out);
	put_fact(re->out, "Time span", text);
	put_fact(re->out, "Findings", severities(re, text, sizeof(text)));
	(void)snprintf(text, sizeof(text), "lsaiso %s, %s %s", get_text(re->status, "version"),
		       uts.sysname, uts.release);
	put_fact(re->out, "Software", text);
	(void)fputs("</dl>\n", re->out);
}

static void
report_head(struct report *re)
{
	(void)fprintf(re->out,
		      "<div class=\"banner %s\"><header class=\"head\">\n"
		      "<p class=\"kicker\">lsawatch report</p>\n",
		      banner_class(re));
	put_headline(re);
	put_facts(re);
	(void)fputs("</header></div>\n<main>\n", re->out);
}

/* ---- the ten properties */

static const struct watch_row_text *
row_text(const char *name)
{
	for (int i = 0; i < ROW_END; i++) {
		if (strcmp(watch_rows[i].name, name) == 0)
			return &watch_rows[i];
	}
	return NULL;
}

static const char *
verdict_class(const char *verdict)
{
	if (strcmp(verdict, "abnormal") == 0)
		return "red";
	if (strcmp(verdict, "normal") == 0)
		return "green";
	return strcmp(verdict, "learning") == 0 ? "amber" : "";
}

static void
put_last(FILE *out, const json_t *last, long long findings)
{
	const char *severity = get_text(last, "severity");

	(void)fprintf(out, "<p class=\"last\"><span class=\"badge %s\">", severity_class(severity));
	page_text(out, severity);
	(void)fputs("</span> ", out);
	page_text(out, get_text(last, "evidence"));
	(void)fprintf(out, " <span class=\"soft\">%lld in all, the last at ", findings);
	page_time(out, get_number(last, "last"), DATE_AND_TIME);
	(void)fprintf(out, ", <a href=\"#f%lld\">#%lld</a></span></p>\n",
		      get_number(last, "number"), get_number(last, "number"));
}

static void
put_row(FILE *out, size_t i, const json_t *one)
{
	const struct watch_row_text *text = row_text(get_text(one, "name"));
	const json_t *last = json_object_get(one, "last"), *word;
	const json_t *blind = json_object_get(one, "blind");
	const char *verdict = get_text(one, "verdict"), *respond = get_text(one, "respond");
	size_t k;

	(void)fprintf(out, "<li class=\"row %s\"><header><h3><span class=\"n\">%zu</span>",
		      verdict_class(verdict), i + 1);
	page_text(out, get_text(one, "title"));
	(void)fprintf(out, "</h3><span class=\"badge %s\">", verdict_class(verdict));
	page_text(out, verdict);
	(void)fputs("</span></header>\n", out);
	if (text != NULL) {
		(void)fputs("<p class=\"normal\">Normal: ", out);
		page_text(out, text->normal);
		(void)fputs(".</p>\n", out);
	}
	if (last != NULL)
		put_last(out, last, get_number(one, "findings"));
	if (json_array_size(blind) > 0) {
		(void)fputs("<p class=\"blind\">Not seen on this machine:", out);
		json_array_foreach(blind, k, word)
		{
			(void)fputs(k > 0 ? ", <code>" : " <code>", out);
			page_text(out, json_string_value(word));
			(void)fputs("</code>", out);
		}
		(void)fputs("</p>\n", out);
	}
	if (strcmp(respond, "alert") != 0) {
		(void)fputs("<p class=\"blind\">Answer to a high or critical finding: ", out);
		page_text(out, respond);
		(void)fputs("</p>\n", out);
	}
	(void)fputs("</li>\n", out);
}

static void
report_rows(struct report *re)
{
	const json_t *one;
	size_t i;

	put_section(re->out, "properties", "The ten properties",
		    "What tells a normal lsaiso from an abnormal one. A property is abnormal as "
		    "long as what was found lasts, and for a minute after it.");
	(void)fputs("<ol class=\"rows\">\n", re->out);
	json_array_foreach(json_object_get(re->status, "rows"), i, one) put_row(re->out, i, one);
	(void)fputs("</ol>\n", re->out);
}

/* ---- the foot */

static void
report_foot(struct report *re)
{
	long long untold = get_number(re->status, "untold");
	long long lost = get_number(re->status, "lost");

	(void)fputs("</main>\n<footer class=\"foot\">\n<p>", re->out);
	(void)fprintf(re->out,
		      "Made by <code>lsactl watch report</code>, lsaiso %s. lsawatch keeps its "
		      "latest 512 findings since it started; older ones are in the journal and in "
		      "the folder of [watch] directory. Of what happened while it did not run it "
		      "knows nothing, and somebody who is root can end it or change what it says: "
		      "what has left this host is better evidence.",
		      lib_version);
	if (untold > 0)
		(void)fprintf(re->out,
			      " %lld findings came too fast to be told one by one, and were "
			      "counted only.",
			      untold);
	if (lost > 0)
		(void)fprintf(re->out,
			      " Events were lost %lld times; each time everything was looked at "
			      "anew.",
			      lost);
	(void)fputs("</p>\n<p>What is not ASCII in a name is marked like <span "
		    "class=\"odd\">this</span>: letters that only look like others, and "
		    "characters that cannot be seen.</p>\n</footer>\n</body>\n</html>\n",
		    re->out);
}

/* ---- all of it */

static int
gather(struct report *re)
{
	char error[512] = "";
	long long since = 0;
	const json_t *one;
	size_t i;

	re->status = watch_ask(re->ct, "watch.Status", NULL);
	if (re->status == NULL)
		return -1;
	re->findings = findings_after(re->ct, 0, &since, error, sizeof(error));
	if (re->findings == NULL) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return -1;
	}
	re->baseline = try_call(re->ct, "watch.Baseline", NULL, error, sizeof(error));
	re->from = get_number(re->status, "since");
	re->to = (long long)time(NULL) * 1000;
	json_array_foreach(re->findings, i, one)
	{
		re->count[severity_of(one)]++;
		if (get_number(one, "last") > re->to)
			re->to = get_number(one, "last");
	}
	return 0;
}

static void
write_page(struct report *re)
{
	char host[200] = "", title[256];

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(title, sizeof(title), "lsawatch report of %s", host);
	page_begin(re->out, title, style);
	report_head(re);
	report_rows(re);
	report_timeline(re);
	report_actors(re);
	report_findings(re);
	report_sensors(re);
	report_baseline(re);
	report_foot(re);
}

/* Where the page goes: a new file beside its place, or what is there as it is. */
struct target {
	const char *path;
	char made[PATH_MAX]; /* the new file; "": none */
};

/*
 * Command lines are in it: a file that somebody else has put there would be his
 * to read, so a new one takes its place. No link is followed, no device replaced.
 */
static FILE *
open_page(struct target *to)
{
	struct stat sb;
	bool there;
	int fd = -1;

	if (strcmp(to->path, "-") == 0)
		return stdout;
	there = lstat(to->path, &sb) == 0;
	if (there && S_ISLNK(sb.st_mode))
		errno = ELOOP;
	else if (there && !S_ISREG(sb.st_mode))
		fd = open(to->path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	else if (snprintf(to->made, sizeof(to->made), "%s.XXXXXX", to->path) <
		 (int)sizeof(to->made))
		fd = mkostemp(to->made, O_CLOEXEC);
	if (fd < 0)
		to->made[0] = '\0';
	return fd >= 0 ? fdopen(fd, "w") : NULL;
}

/* 0, or -1 with errno. */
static int
close_page(struct target *to, FILE *out)
{
	bool bad = fflush(out) != 0 || ferror(out);

	if (out != stdout && fclose(out) != 0)
		bad = true;
	if (to->made[0] != '\0' && (bad || rename(to->made, to->path) != 0)) {
		int why = errno;

		(void)unlink(to->made);
		errno = why;
		return -1;
	}
	return bad ? -1 : 0;
}

int
watch_report(struct ctl *ct)
{
	struct report re = { .ct = ct };
	struct target to = { .path = ct->watch.html };
	int code = EXIT_UNKNOWN;

	if (to.path == NULL) {
		(void)fputs("lsactl: report takes --html FILE, or - for standard output\n", stderr);
		return EXIT_USAGE;
	}
	if (gather(&re) == 0) {
		code = EXIT_DONE;
		re.out = open_page(&to);
		if (re.out != NULL)
			write_page(&re);
		if (re.out == NULL || close_page(&to, re.out) != 0) {
			(void)fprintf(stderr, "lsactl: %s: %s\n", to.path, strerror(errno));
			code = EXIT_FAILED;
		}
	}
	json_decref(re.status);
	json_decref(re.findings);
	json_decref(re.baseline);
	return code;
}
