/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl ntlm: the names that NTLM is answered for, and who uses them. */
#include <string.h>

#include "lsactl/secret.h"

#define LOGON_SECONDS 60

static int
wrong(const char *what, const char *which)
{
	(void)fprintf(stderr, "lsactl: %s%s; see lsactl help ntlm\n", what, which);
	return EXIT_USAGE;
}

static void
name_cell(struct table *ta, const json_t *one)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%s\\%s", get_text(one, "domain"),
		       get_text(one, "user"));
	table_cell(ta, PLAIN, text);
}

/* ---- list */

static const char *
source_of(const json_t *one)
{
	const char *source = get_text(one, "source");

	if (strcmp(source, "logon") == 0)
		return "logon";
	return strcmp(source, "added") == 0 ? "lsactl ntlm add" : "Heimdal kinit";
}

static void
add_name(struct table *ta, const json_t *one)
{
	const char *state = get_text(one, "state");
	char text[64];

	name_cell(ta, one);
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	table_cell(ta, PLAIN, source_of(one));
	table_cell(ta, strcmp(state, "ready") == 0 ? GREEN : YELLOW, state);
	table_cell(ta, PLAIN, get_text(one, "session"));
	table_cell(ta, PLAIN, show_time(get_number(one, "ends"), text));
}

static void
print_targets(const json_t *is)
{
	const json_t *list = json_object_get(is, "targets"), *one;
	const char *mode = get_text(is, "mode");
	size_t i;

	if (strcmp(mode, "off") == 0) {
		(void)puts("NTLM is switched off ([ntlm] mode).");
		return;
	}
	if (json_array_size(list) == 0) {
		(void)printf("NTLM is answered to any server (mode %s, [ntlm] targets is empty).\n",
			     mode);
		return;
	}
	(void)printf(strcmp(mode, "on") == 0
			 ? "NTLM is answered to these servers only:"
			 : "NTLM is answered to any server; mode on would leave these:");
	json_array_foreach(list, i, one)(void) printf(" %s", json_string_value(one));
	(void)putchar('\n');
}

static int
list(struct ctl *ct)
{
	static const char *const heads[] = { "NAME", "USER", "FROM", "STATE", "SESSION", "ENDS" };
	json_t *is = call(ct, "ListNtlm", with_uid(ct));
	const json_t *names = json_object_get(is, "names"), *one;
	struct table *ta;
	size_t i;

	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json) {
		print_json(is);
	} else {
		print_targets(is);
		if (json_array_size(names) == 0) {
			(void)puts("No names.");
		} else {
			ta = table_new(heads, 6);
			json_array_foreach(names, i, one) add_name(ta, one);
			table_print(ta, ct);
		}
	}
	json_decref(is);
	return EXIT_DONE;
}

/* ---- uses */

static void
add_use(struct table *ta, const json_t *one)
{
	bool listed = json_is_true(json_object_get(one, "listed"));
	long long refused = get_number(one, "refused");
	char text[64];

	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), text));
	table_cell(ta, PLAIN, get_text(one, "program"));
	table_cell(ta, PLAIN, get_text(one, "user"));
	table_cell(ta, PLAIN, get_text(one, "server"));
	table_cell(ta, listed ? GREEN : YELLOW, listed ? "yes" : "no");
	(void)snprintf(text, sizeof(text), "%lld", get_number(one, "count"));
	table_cell(ta, PLAIN, text);
	(void)snprintf(text, sizeof(text), "%lld", refused);
	table_cell(ta, refused > 0 ? YELLOW : PLAIN, text);
	table_cell(ta, PLAIN, show_time(get_number(one, "last"), text));
}

static int
uses(struct ctl *ct)
{
	static const char *const heads[] = { "USER",   "PROGRAM", "AS",	     "SERVER",
					     "LISTED", "TIMES",	  "REFUSED", "LAST" };

	return list_command(ct, "ListNtlmUses", "uses", heads, 8, add_use,
			    "Nobody has used NTLM since lsass started.");
}

/* ---- add, remove */

/* Before a password is asked for. */
static int
may_add(const struct ctl *ct)
{
	json_t *is = call(ct, "ListNtlm", NULL);
	bool off = strcmp(get_text(is, "mode"), "off") == 0;

	json_decref(is);
	if (is == NULL)
		return -1;
	if (off)
		(void)fputs("lsactl: NTLM is switched off; see [ntlm] in lsaiso.conf(5)\n", stderr);
	return off ? -1 : 0;
}

static int
add(struct ctl *ct, const char *name)
{
	char hex[SECRET_HEX], prompt[ISO_NAME_MAX + 32];
	json_t *ask = with_uid(ct), *is;
	struct start st;

	ct->wait = LOGON_SECONDS;
	if (may_add(ct) != 0 || json_object_set_new(ask, "principal", json_string(name)) != 0) {
		json_decref(ask);
		return EXIT_FAILED;
	}
	if (secret_start(ct, ask, &st) != 0)
		return EXIT_FAILED;
	(void)snprintf(prompt, sizeof(prompt), "Password for %s", name);
	if (secret_ask(ct, prompt, &st, 0, hex) != 0)
		return EXIT_FAILED;
	ask = with_uid(ct);
	(void)json_object_set_new(ask, "session", json_string(st.session));
	(void)json_object_set_new(ask, "principal", json_string(name));
	(void)json_object_set_new(ask, "box", json_string(hex));
	is = call(ct, "NtlmAdd", ask);
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	else
		(void)printf("NTLM is answered as %s, session %s. Whether the password is right, "
			     "only a server says.\n",
			     name, get_text(is, "session"));
	json_decref(is);
	return EXIT_DONE;
}

static int
take_away(struct ctl *ct, const char *name)
{
	json_t *ask = with_uid(ct), *is;

	(void)json_object_set_new(ask, "name", json_string(name));
	is = call(ct, "NtlmRemove", ask);
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	else
		(void)printf("%s is removed.\n", name);
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_ntlm(struct ctl *ct, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "list", *name = argc > 2 ? argv[2] : NULL;
	bool changes = strcmp(verb, "add") == 0 || strcmp(verb, "remove") == 0;
	const char *at = name != NULL ? strchr(name, '\\') : NULL;

	if (!changes && name != NULL)
		return wrong("too many arguments for ntlm ", verb);
	if (changes && (at == NULL || at == name || at[1] == '\0' || strchr(at + 1, '\\') != NULL))
		return wrong("write the name as 'DOMAIN\\user', with quotes, for ntlm ", verb);
	if (strcmp(verb, "list") == 0)
		return list(ct);
	if (strcmp(verb, "uses") == 0)
		return uses(ct);
	if (changes)
		return verb[0] == 'a' ? add(ct, name) : take_away(ct, name);
	return wrong("ntlm does list, add, remove or uses, not ", verb);
}
