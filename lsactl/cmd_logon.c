/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logon, unlock and passwd: what takes a password. */
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lsactl/secret.h"

#define LOGON_SECONDS 180   /* as long as libkrb5 may look for a KDC */
#define DAYS	      86400 /* seconds */
#define SOON	      14    /* days; a password that expires by then is worth a word */

/* The user's own name, as kinit has it. */
static int
own_name(const struct ctl *ct, char name[64])
{
	uid_t uid = ct->uid >= 0 ? (uid_t)ct->uid : getuid();
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL) {
		(void)snprintf(name, 64, "%s", pw->pw_name);
		return 0;
	}
	(void)fprintf(stderr,
		      "lsactl: uid %u has no name here; name the principal: lsactl logon "
		      "NAME[@REALM]\n",
		      (unsigned int)uid);
	return -1;
}

static void
show(const struct ctl *ct, const json_t *is)
{
	long long expires = get_number(is, "password_expires"), days;
	char text[32];

	if (ct->json) {
		print_json(is);
		return;
	}
	(void)printf("Logged on as %s, session %s", get_text(is, "principal"),
		     get_text(is, "session"));
	if (json_is_true(json_object_get(is, "offline")))
		(void)printf("; no KDC answers, so there is no ticket\n");
	else
		(void)printf(", cache %s, until %s\n", get_text(is, "cache"),
			     show_time(get_number(is, "endtime"), text));
	days = (expires - (long long)time(NULL)) / DAYS;
	if (expires != 0 && days < SOON)
		(void)printf("The password expires in %lld days: lsactl passwd\n",
			     days > 0 ? days : 0);
}

static const char *
cache_of(const struct ctl *ct)
{
	if (ct->cache != NULL && strncmp(ct->cache, "KCM:", 4) == 0)
		return ct->cache + 4; /* as klist shows it */
	if (ct->cache != NULL)
		return ct->cache;
	return ct->fresh ? "new" : "default";
}

static json_t *
with_principal(const struct ctl *ct, const char *principal)
{
	json_t *ask = with_uid(ct);

	(void)json_object_set_new(ask, "principal", json_string(principal));
	return ask;
}

/* Show the answer to Logon, and let it go. The exit code. */
static int
shown(const struct ctl *ct, json_t *is)
{
	if (is == NULL)
		return EXIT_FAILED;
	show(ct, is);
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_logon(struct ctl *ct, int argc, char **argv)
{
	char name[64], hex[SECRET_HEX], prompt[ISO_NAME_MAX + 32];
	const char *principal = argc > 1 ? argv[1] : name;
	struct start st;
	json_t *ask;

	if (ct->machine)
		return keytab_machine(ct);
	if (ct->keytab != NULL)
		return shown(ct, keytab_logon(ct, argc > 1 ? argv[1] : NULL, cache_of(ct)));
	if (argc < 2 && own_name(ct, name) != 0)
		return EXIT_FAILED;
	ask = with_principal(ct, principal);
	if (json_object_get(ask, "principal") == NULL) {
		(void)fputs("lsactl: the principal is not UTF-8\n", stderr);
		json_decref(ask);
		return EXIT_USAGE;
	}
	ct->wait = LOGON_SECONDS;
	if (secret_start(ct, ask, &st) != 0)
		return EXIT_FAILED;
	(void)snprintf(prompt, sizeof(prompt), "Password for %s", principal);
	if (secret_ask(ct, prompt, &st, ct->keep ? BOX_KEEP : 0, hex) != 0)
		return EXIT_FAILED;
	ask = with_principal(ct, principal);
	(void)json_object_set_new(ask, "session", json_string(st.session));
	(void)json_object_set_new(ask, "box", json_string(hex));
	(void)json_object_set_new(ask, "keep", json_boolean(ct->keep));
	(void)json_object_set_new(ask, "cache", json_string(cache_of(ct)));
	return shown(ct, call(ct, "Logon", ask));
}

int
cmd_unlock(struct ctl *ct, int argc, char **argv)
{
	char hex[SECRET_HEX], prompt[ISO_NAME_MAX + 32];
	json_t *ask = with_uid(ct), *is;
	struct start st;

	if (argc > 1)
		(void)json_object_set_new(ask, "session", json_string(argv[1]));
	if (secret_start(ct, ask, &st) != 0)
		return EXIT_FAILED;
	(void)snprintf(prompt, sizeof(prompt), "Password for %s", st.name);
	if (secret_ask(ct, prompt, &st, 0, hex) != 0)
		return EXIT_FAILED;
	is = call(ct, "Unlock", json_pack("{s:s, s:s}", "session", st.session, "box", hex));
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_passwd(struct ctl *ct, int argc, char **argv)
{
	char name[64], hex[SECRET_HEX], new_hex[SECRET_HEX], prompt[ISO_NAME_MAX + 32];
	const char *principal = argc > 1 ? argv[1] : name;
	struct start old, fresh;
	json_t *ask, *is;

	if (argc < 2 && own_name(ct, name) != 0)
		return EXIT_FAILED;
	ct->wait = LOGON_SECONDS;
	if (secret_start(ct, with_principal(ct, principal), &old) != 0)
		return EXIT_FAILED;
	(void)snprintf(prompt, sizeof(prompt), "Password for %s", principal);
	if (secret_ask(ct, prompt, &old, 0, hex) != 0 ||
	    secret_start(ct, json_pack("{s:s}", "session", old.session), &fresh) != 0)
		return EXIT_FAILED;
	(void)snprintf(prompt, sizeof(prompt), "New password for %s", principal);
	if (secret_ask_new(ct, prompt, &fresh, new_hex) != 0)
		return EXIT_FAILED;
	ask = json_pack("{s:s, s:s, s:s, s:s}", "session", old.session, "principal", principal,
			"box", hex, "new_box", new_hex);
	is = call(ct, "ChangePassword", ask);
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	else
		(void)printf("The password of %s was changed.\n", principal);
	json_decref(is);
	return EXIT_DONE;
}
