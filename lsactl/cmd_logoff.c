/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logoff, lock and renew: of one session, or of all. */
#include <stdlib.h>

#include "lsactl/lsactl.h"

#define RENEW_SECONDS 120

/* The session that is named, or the only one, or with --all all of the user's. */
static json_t *
which(const struct ctl *ct, int argc, char **argv)
{
	json_t *ask = with_uid(ct);

	if (argc > 1)
		(void)json_object_set_new(ask, "session", json_string(argv[1]));
	if (ct->all)
		(void)json_object_set_new(ask, "all", json_true());
	return ask;
}

static json_t *
ask_for(const struct ctl *ct, const char *method, int argc, char **argv)
{
	json_t *is;

	if (ct->all && argc > 1) {
		(void)fputs("lsactl: --all, or one session, not both\n", stderr);
		exit(EXIT_USAGE);
	}
	is = call(ct, method, which(ct, argc, argv));
	if (is != NULL && ct->json)
		print_json(is);
	return is;
}

int
cmd_logoff(struct ctl *ct, int argc, char **argv)
{
	json_t *is = ask_for(ct, "Logoff", argc, argv);

	if (is == NULL)
		return EXIT_FAILED;
	if (!ct->json)
		(void)printf("%lld sessions ended, %lld caches destroyed\n",
			     get_number(is, "sessions"), get_number(is, "caches"));
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_lock(struct ctl *ct, int argc, char **argv)
{
	json_t *is = ask_for(ct, "Lock", argc, argv);

	if (is == NULL)
		return EXIT_FAILED;
	if (!ct->json)
		(void)printf("%lld sessions locked; to go on: lsactl unlock\n",
			     get_number(is, "sessions"));
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_renew(struct ctl *ct, int argc, char **argv)
{
	char text[32];
	json_t *is;

	ct->wait = RENEW_SECONDS;
	is = ask_for(ct, "Renew", argc, argv);
	if (is == NULL)
		return EXIT_FAILED;
	if (!ct->json)
		(void)printf("session %s, cache KCM:%s: until %s\n", get_text(is, "session"),
			     get_text(is, "cache"), show_time(get_number(is, "endtime"), text));
	json_decref(is);
	return EXIT_DONE;
}
