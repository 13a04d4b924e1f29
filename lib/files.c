/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
read_all(int fd, size_t most, char **text, size_t *len, struct stat *sb)
{
	char *at;
	size_t got = 0, room;
	ssize_t n;

	if (fstat(fd, sb) != 0)
		return -1;
	if (!S_ISREG(sb->st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if (sb->st_size < 0 || (size_t)sb->st_size > most) {
		errno = EFBIG;
		return -1;
	}
	/* One more than it has, to see that it did not grow. */
	room = (size_t)sb->st_size + 1;
	at = calloc(1, room + 1);
	if (at == NULL)
		return -1;
	do {
		n = read(fd, at + got, room - got);
		if (n > 0)
			got += (size_t)n;
	} while ((n > 0 && got < room) || (n < 0 && errno == EINTR));
	if (n < 0 || got == room) {
		if (n >= 0)
			errno = EAGAIN; /* it is being written */
		files_free(at, got);
		return -1;
	}
	*text = at;
	*len = got;
	return 0;
}

int
files_read(int at, const char *path, size_t most, char **text, size_t *len, struct stat *sb)
{
	struct stat own;
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), status, error;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return -1;
	status = read_all(fd, most, text, len, sb != NULL ? sb : &own);
	error = errno;
	(void)close(fd);
	errno = error;
	return status;
}

void
files_free(char *text, size_t len)
{
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* A name lasts only once its folder is on the disk. */
static int
sync_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd, status;

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	slash = strrchr(folder, '/');
	if (slash == NULL)
		(void)snprintf(folder, sizeof(folder), ".");
	else
		slash[slash == folder ? 1 : 0] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	status = fsync(fd);
	(void)close(fd);
	return status;
}

int
files_replace(const char *path, const char *text, size_t len, mode_t mode)
{
	char fresh[PATH_MAX];
	int fd, error;

	if (snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= (int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) == 0 && write_all(fd, text, len) == 0 && rename(fresh, path) == 0) {
		(void)close(fd);
		return sync_folder(path);
	}
	error = errno;
	(void)close(fd);
	(void)unlink(fresh);
	errno = error;
	return -1;
}

bool
files_only_ours(const struct stat *sb)
{
	if (sb->st_uid != 0 && sb->st_uid != geteuid())
		return false;
	if ((sb->st_mode & S_IWOTH) != 0)
		return false;
	return (sb->st_mode & S_IWGRP) == 0 || sb->st_gid == 0 || geteuid() != 0;
}
