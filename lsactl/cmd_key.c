/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lsactl/lsactl.h"

#define DIGITS 64u

/* Only what a guest is asked about: the rest of Status goes up and down. */
static void
show_json(const json_t *iso)
{
	json_t *to = json_object();

	(void)json_object_set(to, "public_key", json_object_get(iso, "public_key"));
	(void)json_object_set(to, "root_kind", json_object_get(iso, "root_kind"));
	(void)json_object_set(to, "root_id", json_object_get(iso, "root_id"));
	(void)json_object_set(to, "boot_id", json_object_get(iso, "boot_id"));
	print_json(to);
	json_decref(to);
}

int
cmd_key(struct ctl *ct, int argc, char **argv)
{
	json_t *is = call(ct, "Status", NULL);
	const json_t *iso = json_object_get(is, "lsaiso");
	const char *key = get_text(iso, "public_key");
	int code = EXIT_FAILED;

	(void)argc;
	(void)argv;
	if (is == NULL)
		return EXIT_FAILED;
	if (!json_is_object(iso)) {
		(void)fputs("lsactl: lsaiso is not running; see the log of lsainit\n", stderr);
	} else if (strlen(key) != DIGITS || strspn(key, "0123456789abcdef") != DIGITS) {
		(void)fputs("lsactl: this lsaiso names no public key: it is older than this "
			    "lsactl\n",
			    stderr);
	} else {
		code = EXIT_DONE;
		if (ct->json)
			show_json(iso);
		else
			(void)printf("%s\n", key);
		if (strcmp(get_text(iso, "root_kind"), "kept") != 0)
			(void)fputs("lsactl: this key ends with this start of lsaiso; for one "
				    "that is kept: [seal] root = tpm or file\n",
				    stderr);
	}
	json_decref(is);
	return code;
}
