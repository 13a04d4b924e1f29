/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A token that lets the guard go, for one boot of one machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/files.h"
#include "lsasign/lsasign.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

static int
this_boot(char id[SIGN_BOOT_ID + 1])
{
	FILE *file = fopen(BOOT_ID_FILE, "re");
	size_t got = 0;

	if (file != NULL) {
		got = fread(id, 1, SIGN_BOOT_ID, file);
		(void)fclose(file);
	}
	id[got] = '\0';
	return got == SIGN_BOOT_ID ? 0 : -1;
}

int
cmd_token(const struct options *op, int argc, char **argv)
{
	char own[SIGN_BOOT_ID + 1], text[SIGN_TEXT];
	const char *id = op->boot_id;
	struct sign_private key;
	int status;

	(void)argc;
	(void)argv;
	if (id == NULL) {
		if (this_boot(own) != 0)
			return failed("%s cannot be read; give the boot id with --boot-id",
				      BOOT_ID_FILE);
		id = own;
	}
	if (strlen(id) != SIGN_BOOT_ID || strspn(id, "0123456789abcdef-") != SIGN_BOOT_ID)
		return failed("a boot id has %d characters, as in %s", SIGN_BOOT_ID, BOOT_ID_FILE);
	if (read_private(op->key, &key) != 0)
		return EXIT_FAILED;
	status = sign_data(&key, SIGN_RELEASE, id, SIGN_BOOT_ID, text);
	sign_wipe(&key);
	if (status != 0)
		return failed("out of memory");
	if (op->out == NULL)
		(void)fputs(text, stdout);
	else if (files_replace(op->out, text, strlen(text), 0644) != 0)
		return failed("%s: %s", op->out, strerror(errno));
	return EXIT_DONE;
}
