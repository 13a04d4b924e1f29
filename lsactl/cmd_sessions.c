/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsactl/lsactl.h"

#define NEAR 900 /* seconds: worth a word, as [logon] notice_seconds by default */

/* "a, b, c", as much as fits. */
static void
join(const json_t *names, char *text, size_t n)
{
	const json_t *one;
	size_t i, at = 0;

	text[0] = '\0';
	json_array_foreach(names, i, one)
	{
		int got = snprintf(text + at, n - at, "%s%s", i > 0 ? ", " : "",
				   json_string_value(one));

		if (got < 0 || (size_t)got >= n - at) {
			(void)snprintf(text + n - 4, 4, "...");
			return;
		}
		at += (size_t)got;
	}
}

static void
add_row(struct table *ta, const json_t *one)
{
	char text[64], span[32], caches[256];
	bool open = strcmp(get_text(one, "state"), "open") == 0, near;
	bool alive = open || strcmp(get_text(one, "state"), "locked") == 0;
	long long left;

	(void)snprintf(text, sizeof(text), "%lld.%lld", get_number(one, "session"),
		       get_number(one, "generation"));
	table_cell(ta, PLAIN, text);
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	table_cell(ta, PLAIN, get_text(one, "principal"));
	(void)snprintf(text, sizeof(text), "%s%s%s", get_text(one, "kind"),
		       json_is_true(json_object_get(one, "keep")) ? ", keep" : "",
		       json_is_true(json_object_get(one, "ntlm")) ? ", NTLM" : "");
	table_cell(ta, PLAIN, text);
	table_cell(ta, open ? GREEN : YELLOW, get_text(one, "state"));
	left = get_number(one, "ends") - (long long)time(NULL);
	near = alive && left < NEAR;
	(void)snprintf(text, sizeof(text), "%s%s",
		       alive ? show_span(left > 0 ? left : 0, span) : "-",
		       !near						 ? ""
		       : json_is_true(json_object_get(one, "renewable")) ? ": lsactl renew"
									 : ": lsactl logon");
	table_cell(ta, near ? YELLOW : PLAIN, text);
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "uses"));
	table_cell(ta, PLAIN, alive ? text : "-");
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "refused"));
	table_cell(ta, alive && get_number(one, "refused") > 0 ? YELLOW : PLAIN,
		   alive ? text : "-");
	join(json_object_get(one, "caches"), caches, sizeof(caches));
	table_cell(ta, PLAIN, caches);
}

int
cmd_sessions(struct ctl *ct, int argc, char **argv)
{
	static const char *const heads[] = { "SESSION", "USER", "PRINCIPAL", "KIND",  "STATE",
					     "ENDS IN", "USES", "REFUSED",   "CACHES" };

	(void)argc;
	(void)argv;
	return list_command(ct, "ListSessions", "sessions", heads, 9, add_row, "No sessions.");
}
