/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "lsactl/lsactl.h"

#define TOKEN_MAX 256
#define POLL_US	  100000
#define POLL_MAX  100 /* ten seconds */

static json_t *
read_token(const char *path)
{
	char text[TOKEN_MAX] = { 0 };
	FILE *file = fopen(path, "re");
	size_t got;

	if (file == NULL) {
		(void)fprintf(stderr, "lsactl: %s: %m\n", path);
		return NULL;
	}
	got = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[got] = '\0';
	return json_pack("{s:s}", "token", text);
}

static bool
is_gone(const struct ctl *ct)
{
	char error[256];

	for (int i = 0; i < POLL_MAX; i++) {
		json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));

		if (is == NULL)
			return true;
		json_decref(is);
		(void)usleep(POLL_US);
	}
	return false;
}

int
cmd_stop(struct ctl *ct, int argc, char **argv)
{
	json_t *ask = NULL, *is;

	if (argc > 1) {
		ask = read_token(argv[1]);
		if (ask == NULL)
			return EXIT_FAILED;
	}
	is = call(ct, "Stop", ask);
	if (is == NULL)
		return EXIT_FAILED;
	json_decref(is);
	if (is_gone(ct))
		return EXIT_DONE;
	(void)fputs("lsactl: it still runs after 10 s; see the log of lsainit\n", stderr);
	return EXIT_FAILED;
}
