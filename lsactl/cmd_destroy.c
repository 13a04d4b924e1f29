/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsactl/lsactl.h"

int
cmd_destroy(struct ctl *ct, int argc, char **argv)
{
	json_t *ask, *is;

	if (argc != 2) {
		(void)fputs("lsactl: name the cache to destroy, as lsactl caches lists it\n",
			    stderr);
		return EXIT_USAGE;
	}
	ask = with_uid(ct);
	if (json_object_set_new(ask, "name", json_string(argv[1])) != 0) {
		(void)fputs("lsactl: that is not the name of a cache\n", stderr);
		json_decref(ask);
		return EXIT_USAGE;
	}
	is = call(ct, "DestroyCache", ask);
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	json_decref(is);
	return EXIT_DONE;
}
