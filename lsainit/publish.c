/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The public key of the lsaiso that runs, in a file of root's: who has a
 * password for it (lib/box.h) need not believe lsass.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/box.h"
#include "lib/log.h"
#include "lsainit/init.h"

#define FILE_LEN (2 * ISO_PUBLIC + 1)

/* The file's path in [run] directory; new_: of what will take its place. */
static void
path_of(const struct instance *in, bool new_, char *path, size_t n)
{
	(void)snprintf(path, n, "%s/" BOX_KEY_FILE "%s", in->cf.run_directory, new_ ? ".new" : "");
}

static bool
write_file(const char *path, const uint8_t key[ISO_PUBLIC])
{
	char text[FILE_LEN + 1];
	int fd;
	bool good;

	for (size_t i = 0; i < ISO_PUBLIC; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", key[i]);
	text[FILE_LEN - 1] = '\n';
	(void)unlink(path); /* what a killed one left */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return false;
	good = fchmod(fd, 0644) == 0 && write(fd, text, FILE_LEN) == (ssize_t)FILE_LEN;
	return close(fd) == 0 && good;
}

void
publish_key(const struct instance *in)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	path_of(in, false, path, sizeof(path));
	path_of(in, true, fresh, sizeof(fresh));
	if (write_file(fresh, in->public_key) && rename(fresh, path) == 0)
		return;
	log_err("%s: %s: nobody can log on inside lsaiso until it can be written", path,
		strerror(errno));
	(void)unlink(fresh);
	publish_nothing(in); /* rather none than that of a lsaiso that has ended */
}

void
publish_nothing(const struct instance *in)
{
	char path[PATH_MAX];

	path_of(in, false, path, sizeof(path));
	(void)unlink(path);
}
