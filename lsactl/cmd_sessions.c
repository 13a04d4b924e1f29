/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lsactl/lsactl.h"

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
	char text[64], caches[256];
	bool open = strcmp(get_text(one, "state"), "open") == 0;

	(void)snprintf(text, sizeof(text), "%lld.%lld", get_number(one, "session"),
		       get_number(one, "generation"));
	table_cell(ta, PLAIN, text);
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	table_cell(ta, PLAIN, get_text(one, "principal"));
	table_cell(ta, open ? GREEN : YELLOW, get_text(one, "state"));
	table_cell(ta, PLAIN, open ? show_span(get_number(one, "expires_in"), text) : "-");
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "uses"));
	table_cell(ta, PLAIN, open ? text : "-");
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "refused"));
	table_cell(ta, open && get_number(one, "refused") > 0 ? YELLOW : PLAIN, open ? text : "-");
	join(json_object_get(one, "caches"), caches, sizeof(caches));
	table_cell(ta, PLAIN, caches);
}

int
cmd_sessions(struct ctl *ct, int argc, char **argv)
{
	static const char *const heads[] = { "SESSION", "USER", "PRINCIPAL", "STATE",
					     "ENDS IN", "USES", "REFUSED",   "CACHES" };

	(void)argc;
	(void)argv;
	return list_command(ct, "ListSessions", "sessions", heads, 8, add_row, "No sessions.");
}
