/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl watch findings: what was found, oldest first. */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lsactl/watch.h"

#define FOLLOW_MS 500

json_t *
findings_after(const struct ctl *ct, long long after, long long *since, char *error, size_t n)
{
	json_t *all = json_array();

	for (;;) {
		json_t *is = try_call(ct, "watch.Findings",
				      json_pack("{s:I}", "after", (json_int_t)after), error, n);
		json_t *list = json_object_get(is, "findings");
		size_t got = json_array_size(list);
		bool anew = *since != 0 && is != NULL && get_number(is, "since") != *since;

		if (is == NULL) {
			json_decref(all);
			return NULL;
		}
		*since = get_number(is, "since");
		if (anew && after != 0) {
			after = 0;
			(void)json_array_clear(all);
		} else if (got > 0) {
			(void)json_array_extend(all, list);
			after = get_number(json_array_get(list, got - 1), "number");
		}
		json_decref(is);
		if (got == 0 && !anew)
			return all;
	}
}

/* What is known beside the evidence: "refused; seen by bpf; T1003.007; locked". */
static void
show_more(const json_t *one)
{
	const json_t *allowed = json_object_get(one, "allowed");
	const char *response = get_text(one, "response");

	(void)printf("%sseen by %s; %s%s%s\n",
		     allowed == NULL	     ? ""
		     : json_is_true(allowed) ? "allowed; "
					     : "refused; ",
		     get_text(one, "layer"), get_text(one, "technique"),
		     strcmp(response, "alert") == 0 ? "" : "; answer: ",
		     strcmp(response, "alert") == 0 ? "" : response);
}

static void
show_finding(const struct ctl *ct, const json_t *one)
{
	const char *severity = get_text(one, "severity"), *part = get_text(one, "part");
	char text[1024], when[32], actor[256];
	long long count = get_number(one, "count");

	(void)printf("%s  %s%-8s%s  %s", watch_time(get_number(one, "first"), when),
		     paint(ct, severity_colour(severity)), severity, paint(ct, PLAIN),
		     get_text(one, "rule"));
	if (part[0] != '-')
		(void)printf(" of %s", part);
	(void)printf("  #%lld", get_number(one, "number"));
	if (count > 1)
		(void)printf(", %lld times until %s", count,
			     watch_time(get_number(one, "last"), when) + 11);
	(void)printf("\n    %s\n", watch_safe(get_text(one, "evidence"), text, sizeof(text)));
	if (watch_actor(one, actor, sizeof(actor))[0] != '\0') {
		const char *command = json_string_value(
		    json_object_get(json_object_get(one, "actor"), "command"));

		(void)printf("    by %s%s%s\n", actor, command != NULL ? ": " : "",
			     command != NULL ? watch_safe(command, text, sizeof(text)) : "");
	}
	(void)printf("    ");
	show_more(one);
}

static void
show_followed(const struct ctl *ct, const json_t *one)
{
	if (!ct->json) {
		show_finding(ct, one);
		return;
	}
	(void)json_dumpf(one, stdout, JSON_COMPACT);
	(void)putchar('\n');
}

/* Until interrupted; lsawatch may go and come again. */
static int
follow(const struct ctl *ct)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
	long long last = 0, since = 0;
	bool lost = false;
	char error[512];

	while (!ferror(stdout)) {
		json_t *list = findings_after(ct, last, &since, error, sizeof(error));
		const json_t *one;
		size_t i;

		if (list == NULL && !lost)
			(void)fprintf(stderr, "lsactl: %s\n", error);
		lost = list == NULL;
		json_array_foreach(list, i, one)
		{
			show_followed(ct, one);
			last = get_number(one, "number");
		}
		json_decref(list);
		(void)fflush(stdout);
		(void)nanosleep(&pause, NULL);
	}
	return EXIT_FAILED;
}

int
watch_findings(struct ctl *ct)
{
	long long since = 0;
	char error[512];
	json_t *list = findings_after(ct, 0, &since, error, sizeof(error));
	const json_t *one;
	size_t i;

	if (list == NULL) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return EXIT_UNKNOWN;
	}
	if (ct->watch.follow) {
		json_decref(list);
		return follow(ct);
	}
	if (ct->json)
		print_json(list);
	else if (json_array_size(list) == 0)
		(void)puts("nothing was found");
	else
		json_array_foreach(list, i, one) show_finding(ct, one);
	json_decref(list);
	return EXIT_DONE;
}
