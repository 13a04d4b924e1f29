/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key pairs: making them, reading the private half. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/files.h"
#include "lsasign/lsasign.h"

int
read_private(const char *path, struct sign_private *key)
{
	char *text = NULL;
	size_t len = 0;
	struct stat sb;
	int status;

	if (path == NULL) {
		(void)failed("name the private key with --key FILE");
		return -1;
	}
	if (files_read(AT_FDCWD, path, SIGN_TEXT, &text, &len, &sb) != 0) {
		(void)failed("%s: %s", path, strerror(errno));
		return -1;
	}
	status = sign_read_private(text, len, key);
	files_free(text, len);
	if ((sb.st_mode & 077) != 0) {
		(void)failed("%s can be read by others, so it may be known; chmod 0600 if it was "
			     "not, else make a new pair",
			     path);
		status = -1;
	} else if (status != 0) {
		(void)failed("%s is not a private key of lsasign", path);
	}
	if (status != 0)
		sign_wipe(key);
	return status;
}

/* A private key is written once and never over another. */
static int
write_private(const char *path, const struct sign_private *key)
{
	char text[SIGN_TEXT];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = -1;

	if (fd < 0)
		return failed("%s: %s%s", path, strerror(errno),
			      errno == EEXIST ? "; a key is not written over another" : "");
	sign_write_private(key, text);
	n = write(fd, text, strlen(text));
	explicit_bzero(text, sizeof(text));
	if (n < 0 || fsync(fd) != 0) {
		n = failed("%s: %s", path, strerror(errno));
		(void)close(fd);
		(void)unlink(path);
		return (int)n;
	}
	(void)close(fd);
	return EXIT_DONE;
}

static int
write_public(const char *path, const struct sign_public *key)
{
	char text[SIGN_TEXT];

	sign_write_public(key, text);
	if (path == NULL)
		(void)fputs(text, stdout);
	else if (files_replace(path, text, strlen(text), 0644) != 0)
		return failed("%s: %s", path, strerror(errno));
	return EXIT_DONE;
}

int
cmd_keygen(const struct options *op, int argc, char **argv)
{
	char private[PATH_MAX], public[PATH_MAX], id[SIGN_ID_TEXT];
	struct sign_private key;
	int code;

	(void)argc;
	if (snprintf(private, sizeof(private), "%s.key", argv[0]) >= PATH_MAX ||
	    snprintf(public, sizeof(public), "%s.pub", argv[0]) >= PATH_MAX)
		return failed("the name is too long");
	if (op->keep && access(private, F_OK) == 0) {
		code = read_private(private, &key) == 0 ? EXIT_DONE : EXIT_FAILED;
	} else if (sign_make(&key) != 0) {
		return failed("no entropy: %s", strerror(errno));
	} else {
		code = write_private(private, &key);
	}
	if (code == EXIT_DONE)
		code = write_public(public, &key.its);
	if (code == EXIT_DONE && !op->keep) {
		sign_id_text(key.its.id, id);
		(void)printf("key %s: %s is secret, %s goes to where it is to be trusted\n", id,
			     private, public);
	}
	sign_wipe(&key);
	return code;
}

int
cmd_public(const struct options *op, int argc, char **argv)
{
	struct sign_private key;
	int code;

	(void)argc;
	(void)argv;
	if (read_private(op->key, &key) != 0)
		return EXIT_FAILED;
	code = write_public(op->out, &key.its);
	sign_wipe(&key);
	return code;
}
