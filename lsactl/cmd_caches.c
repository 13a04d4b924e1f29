/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lsactl/lsactl.h"

static void
add_row(struct table *ta, const json_t *one)
{
	char text[64];
	bool live = strcmp(get_text(one, "state"), "live") == 0;

	table_cell(ta, PLAIN, json_is_true(json_object_get(one, "default")) ? "*" : "");
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	table_cell(ta, PLAIN, get_text(one, "name"));
	table_cell(ta, PLAIN, get_text(one, "principal"));
	table_cell(ta, live ? GREEN : YELLOW, get_text(one, "state"));
	table_cell(ta, PLAIN, show_time(get_number(one, "endtime"), text));
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "tickets"));
	table_cell(ta, PLAIN, text);
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "octets"));
	table_cell(ta, PLAIN, text);
}

int
cmd_caches(struct ctl *ct, int argc, char **argv)
{
	static const char *const heads[] = { "",      "USER", "NAME",	 "PRINCIPAL",
					     "STATE", "ENDS", "TICKETS", "OCTETS" };

	(void)argc;
	(void)argv;
	return list_command(ct, "ListCaches", "caches", heads, 8, add_row, "No caches.");
}
