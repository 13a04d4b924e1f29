/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "lsactl/lsactl.h"

#define POLL_US	 100000
#define POLL_MAX 100 /* ten seconds */

static bool
confirmed(const struct ctl *ct)
{
	bool guest = strcmp(ct->cf.run_serves, "guest") == 0;
	char line[16];

	if (!isatty(STDIN_FILENO))
		return true;
	(void)fprintf(stderr, "This ends every logon %s. Type yes to go on: ",
		      guest ? "of the guest, whose lsass then has only expired caches"
			    : "on this machine and destroys every cache");
	return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

/* The boot id of the lsaiso that runs, "" if none does. */
static void
boot_id(const struct ctl *ct, char id[64])
{
	char error[256];
	json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));

	const json_t *iso = json_object_get(is, "lsaiso");

	(void)snprintf(id, 64, "%s", json_is_object(iso) ? get_text(iso, "boot_id") : "");
	json_decref(is);
}

static bool
another_runs(const struct ctl *ct, const char *before)
{
	char now[64];

	for (int i = 0; i < POLL_MAX; i++) {
		boot_id(ct, now);
		if (now[0] != '\0' && strcmp(now, before) != 0)
			return true;
		(void)usleep(POLL_US);
	}
	return false;
}

int
cmd_wipe(struct ctl *ct, int argc, char **argv)
{
	char before[64];
	json_t *is;
	bool again;

	(void)argc;
	(void)argv;
	if (!confirmed(ct)) {
		(void)fputs("lsactl: nothing was wiped\n", stderr);
		return EXIT_FAILED;
	}
	boot_id(ct, before);
	is = call(ct, "Wipe", NULL);
	if (is == NULL)
		return EXIT_FAILED;
	again = another_runs(ct, before);
	if (ct->json)
		print_json(is);
	else
		(void)printf("wiped: %lld logons ended, %lld caches destroyed\n",
			     get_number(is, "logons"), get_number(is, "caches"));
	json_decref(is);
	if (again)
		return EXIT_DONE;
	(void)fputs("lsactl: no new lsaiso after 10 s; see the log of lsainit\n", stderr);
	return EXIT_FAILED;
}
