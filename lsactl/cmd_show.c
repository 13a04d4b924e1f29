/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lsactl/lsactl.h"

static void
add_row(struct table *ta, const json_t *one)
{
	char text[32];
	bool live = strcmp(get_text(one, "state"), "live") == 0;
	bool sealed = json_is_true(json_object_get(one, "sealed"));
	long long start = get_number(one, "starttime");

	table_cell(ta, PLAIN, show_time(start != 0 ? start : get_number(one, "authtime"), text));
	table_cell(ta, live ? PLAIN : YELLOW, show_time(get_number(one, "endtime"), text));
	table_cell(ta, PLAIN, get_text(one, "server"));
	table_cell(ta, PLAIN, etype_name((int)get_number(one, "etype"), text));
	table_cell(ta, sealed ? GREEN : PLAIN, sealed ? "sealed" : "client");
	table_cell(ta, live ? GREEN : YELLOW, get_text(one, "state"));
}

int
cmd_show(struct ctl *ct, int argc, char **argv)
{
	static const char *const heads[] = { "STARTS",	    "ENDS",   "SERVICE",
					     "SESSION KEY", "KEY AT", "STATE" };
	json_t *ask = with_uid(ct), *is;
	const json_t *list, *one;
	struct table *ta;
	char text[64];
	size_t i;

	if (argc > 1 && json_object_set_new(ask, "name", json_string(argv[1])) != 0) {
		(void)fputs("lsactl: that is not the name of a cache\n", stderr);
		json_decref(ask);
		return EXIT_USAGE;
	}
	is = call(ct, "ShowCache", ask);
	if (is == NULL)
		return EXIT_FAILED;
	list = json_object_get(is, "tickets");
	if (ct->json) {
		print_json(is);
	} else {
		(void)printf("Cache:     KCM:%s (%s)\nPrincipal: %s\n\n", get_text(is, "name"),
			     user_name(get_number(is, "uid"), text), get_text(is, "principal"));
		ta = table_new(heads, 6);
		json_array_foreach(list, i, one) add_row(ta, one);
		table_print(ta, ct);
	}
	json_decref(is);
	return EXIT_DONE;
}
