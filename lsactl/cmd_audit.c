/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl audit: the uses of keys that lsaiso has recorded. */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lsactl/audit.h"

#define CHUNK 512
#define LINES 1000 /* --lines: the latest so many */

/* What is to be shown, and what of it there is so far. */
struct show {
	struct ctl *ct;
	long long since_us, session, generation; /* -1: any */
	long lines;				 /* 0: all */
	json_t *list;
	unsigned long long more; /* that were pushed out at the front */
};

static int
wrong(const char *what, const char *which)
{
	(void)fprintf(stderr, "lsactl: %s%s; see lsactl help audit\n", what, which);
	return EXIT_USAGE;
}

/* ---- filters */

/* "2h", or a local time. 0, or -1. */
static int
parse_since(const char *text, long long *us)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	static const char units[] = "smhd";
	static const long long seconds[] = { 1, 60, 3600, 86400 };
	char *end = NULL;
	long long n = strtoll(text, &end, 10);

	if (end != text && *end != '\0' && end[1] == '\0' && strchr(units, *end) != NULL &&
	    n >= 0 && n < 1000000000) {
		*us = ((long long)time(NULL) - n * seconds[strchr(units, *end) - units]) * 1000000;
		return 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *rest = strptime(text, forms[i], &tm);

		if (rest != NULL && *rest == '\0') {
			*us = (long long)mktime(&tm) * 1000000;
			return 0;
		}
	}
	return -1;
}

/* "7" or, as lsactl sessions shows it, "7.2". */
static int
parse_session(const char *text, struct show *sh)
{
	char *end = NULL;

	sh->session = strtoll(text, &end, 10);
	if (end != text && *end == '.') {
		text = end + 1;
		sh->generation = strtoll(text, &end, 10);
	}
	return end == text || *end != '\0' || sh->session < 0 ? -1 : 0;
}

static int
parse(struct show *sh)
{
	const struct ctl *ct = sh->ct;
	const char *boot = ct->audit.boot;
	char *end = NULL;

	if (ct->audit.session != NULL && parse_session(ct->audit.session, sh) != 0)
		return wrong("--session takes a number as lsactl sessions shows it, not ",
			     ct->audit.session);
	if (ct->audit.since != NULL && parse_since(ct->audit.since, &sh->since_us) != 0)
		return wrong("--since takes 30m, 2h, 1d, or a time such as \"2026-11-24 06:30\", "
			     "not ",
			     ct->audit.since);
	if (ct->audit.lines != NULL) {
		sh->lines = strtol(ct->audit.lines, &end, 10);
		if (end == ct->audit.lines || *end != '\0' || sh->lines < 0)
			return wrong("--lines takes a number, not ", ct->audit.lines);
	}
	if (boot != NULL && (*boot == '\0' || strlen(boot) >= USELOG_BOOT ||
			     strspn(boot, "0123456789abcdef") != strlen(boot)))
		return wrong("--boot takes the beginning of a boot id, not ", boot);
	return EXIT_DONE;
}

static bool
is_shown(const struct show *sh, const json_t *one)
{
	const struct ctl *ct = sh->ct;
	const char *target = get_text(one, "target");

	if (ct->uid >= 0 && get_number(one, "uid") != ct->uid)
		return false;
	if (sh->session >= 0 && get_number(one, "session") != sh->session)
		return false;
	if (sh->generation >= 0 && get_number(one, "generation") != sh->generation)
		return false;
	if (ct->audit.op != NULL && fnmatch(ct->audit.op, get_text(one, "op"), 0) != 0)
		return false;
	if (ct->audit.target != NULL && strstr(target, ct->audit.target) == NULL &&
	    fnmatch(ct->audit.target, target, 0) != 0)
		return false;
	if (ct->audit.refused && get_number(one, "status") == 0)
		return false;
	return get_number(one, "time_us") >= sh->since_us;
}

/* one is consumed */
static void
add(struct show *sh, const char *boot, json_t *one)
{
	if (!is_shown(sh, one)) {
		json_decref(one);
		return;
	}
	(void)json_object_set_new(one, "boot", json_string(boot));
	(void)json_array_append_new(sh->list, one);
	/* The front is cut off in large pieces: removing one moves all. */
	if (sh->lines > 0 && json_array_size(sh->list) >= 2 * (size_t)sh->lines) {
		json_t *rest = json_array();

		for (size_t i = (size_t)sh->lines; i < json_array_size(sh->list); i++)
			(void)json_array_append(rest, json_array_get(sh->list, i));
		sh->more += (unsigned long long)sh->lines;
		json_decref(sh->list);
		sh->list = rest;
	}
}

/* ---- where records come from */

/* Of files that we may read. 1: we may not; else an exit code. */
static int
from_files(struct show *sh, const struct audit_files *fi)
{
	struct uselog_entry some[CHUNK];
	const char *want = sh->ct->audit.boot;
	char boot[USELOG_BOOT] = "";
	bool found = false;

	for (int i = fi->n - 1; i >= 0 && !found; i--) {
		int fd = audit_open(fi, fi->names[i], boot);
		size_t n = 0;
		ssize_t got;

		found = want == NULL || strncmp(boot, want, strlen(want)) == 0;
		for (off_t at = 1; fd >= 0 && found; at += (off_t)n) {
			got = pread(fd, some, sizeof(some), at * USELOG_ENTRY);
			n = got > 0 ? (size_t)got / USELOG_ENTRY : 0;
			for (size_t k = 0; k < n; k++) {
				if (some[k].of.sequence != 0)
					add(sh, boot, uselog_json(&some[k].of));
			}
			if (n == 0)
				break;
		}
		if (fd >= 0)
			(void)close(fd);
	}
	if (found || want == NULL)
		return EXIT_DONE;
	(void)fprintf(stderr, "lsactl: no records of use are stored of boot %s in %s\n", want,
		      fi->directory);
	return EXIT_FAILED;
}

/* Of lsass, some at a time. */
static int
from_lsass(struct show *sh)
{
	json_int_t from = 1;
	bool end = false;

	while (!end) {
		json_t *ask = with_uid(sh->ct), *is, *one;
		size_t i;

		(void)json_object_set_new(ask, "from", json_integer(from));
		(void)json_object_set_new(ask, "limit", json_integer(5000));
		if (sh->ct->audit.boot != NULL)
			(void)json_object_set_new(ask, "boot", json_string(sh->ct->audit.boot));
		is = call(sh->ct, "AuditRead", ask);
		if (is == NULL)
			return EXIT_FAILED;
		json_array_foreach(json_object_get(is, "records"), i, one)
		    add(sh, get_text(is, "boot"), json_incref(one));
		end = json_is_true(json_object_get(is, "end")) || get_number(is, "next") <= from;
		from = get_number(is, "next");
		json_decref(is);
	}
	return EXIT_DONE;
}

/* ---- showing */

static void
add_row(struct table *ta, const json_t *one)
{
	char text[64], when[32];
	long long us = get_number(one, "time_us");
	bool good = get_number(one, "status") == 0;

	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "sequence"));
	table_cell(ta, PLAIN, text);
	(void)snprintf(text, sizeof(text), "%s.%03lld", show_time(us / 1000000, when),
		       us / 1000 % 1000);
	table_cell(ta, PLAIN, text);
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	(void)snprintf(text, sizeof(text), "%lld.%lld", get_number(one, "session"),
		       get_number(one, "generation"));
	table_cell(ta, PLAIN, get_number(one, "generation") != 0 ? text : "-");
	table_cell(ta, PLAIN, get_text(one, "op"));
	table_cell(ta, PLAIN, get_text(one, "target")[0] != '\0' ? get_text(one, "target") : "-");
	table_cell(ta, PLAIN, get_text(one, "key"));
	table_cell(ta, good ? GREEN : YELLOW, get_text(one, "result"));
}

static void
print(struct show *sh)
{
	static const char *const heads[] = { "RECORD",	  "TIME",   "USER", "SESSION",
					     "OPERATION", "TARGET", "KEY",  "RESULT" };
	struct table *ta;
	const json_t *one;
	size_t i, n = json_array_size(sh->list);
	size_t skip = sh->lines > 0 && n > (size_t)sh->lines ? n - (size_t)sh->lines : 0;

	if (sh->ct->json) {
		while (skip-- > 0)
			(void)json_array_remove(sh->list, 0);
		one = json_pack("{s:O}", "records", sh->list);
		print_json(one);
		json_decref((json_t *)(uintptr_t)one);
		return;
	}
	if (n == 0) {
		(void)puts("No records.");
		return;
	}
	ta = table_new(heads, 8);
	json_array_foreach(sh->list, i, one)
	{
		if (i >= skip)
			add_row(ta, one);
	}
	table_print(ta, sh->ct);
	if (sh->more + skip > 0)
		(void)printf("%llu earlier ones are not shown; --lines 0 shows all\n",
			     sh->more + skip);
}

static int
show(struct ctl *ct)
{
	struct show sh = { .ct = ct, .session = -1, .generation = -1, .lines = LINES };
	struct audit_files files;
	char unused[256];
	int code = parse(&sh);

	if (code != EXIT_DONE)
		return code;
	sh.list = json_array();
	/* An answer means that what was made by now is stored; without lsass: what there is. */
	json_decref(
	    try_call(ct, "AuditRead", json_pack("{s:i}", "limit", 1), unused, sizeof(unused)));
	if (audit_files(ct, &files) == 0)
		code = from_files(&sh, &files);
	else
		code = from_lsass(&sh);
	audit_files_end(&files);
	if (code == EXIT_DONE)
		print(&sh);
	json_decref(sh.list);
	return code;
}

int
cmd_audit(struct ctl *ct, int argc, char **argv)
{
	if (ct->cf.run_serves != NULL && strcmp(ct->cf.run_serves, "guest") == 0) {
		(void)fputs("lsactl: the use log of a guest is kept in the guest; ask there\n",
			    stderr);
		return EXIT_FAILED;
	}
	if (argc < 2 || strcmp(argv[1], "show") == 0)
		return show(ct);
	if (strcmp(argv[1], "verify") == 0)
		return cmd_audit_verify(ct, argc, argv);
	return wrong("audit does show or verify, not ", argv[1]);
}
