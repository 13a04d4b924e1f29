/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsawatch/out/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
lines_open(struct lines *li, const struct lsawatch *w)
{
	li->fd = -1;
	(void)snprintf(li->path, sizeof(li->path), "%s/%s", w->cf.watch_directory, li->name);
}

void
lines_close(struct lines *li)
{
	if (li->fd >= 0)
		(void)close(li->fd);
	li->fd = -1;
}

static int
fail(const struct lines *li, int error, char *why, size_t n)
{
	(void)snprintf(why, n, "%s: %s", li->path, strerror(error));
	return -1;
}

/* The file at the path is the one that is open. */
static bool
is_still_there(const struct lines *li)
{
	struct stat sb;

	return li->fd >= 0 && lstat(li->path, &sb) == 0 && sb.st_dev == li->dev &&
	       sb.st_ino == li->ino;
}

static int
open_file(struct lines *li)
{
	struct stat sb;

	lines_close(li);
	li->fd = open(
	    li->path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (li->fd < 0 || fstat(li->fd, &sb) != 0)
		return -1;
	if (!S_ISREG(sb.st_mode)) {
		lines_close(li);
		errno = EEXIST;
		return -1;
	}
	/* A group that may read the findings is the administrator's to choose (chgrp). */
	if (sb.st_size == 0 && (sb.st_mode & 07777) != 0640)
		(void)fchmod(li->fd, 0640);
	li->dev = sb.st_dev;
	li->ino = sb.st_ino;
	return 0;
}

/* Make room before the file gets too large. */
static int
rotate(struct lines *li, uint64_t most, size_t more)
{
	char old[sizeof(li->path) + 2];
	struct stat sb;

	if (fstat(li->fd, &sb) != 0)
		return -1;
	if (sb.st_size == 0 || (uint64_t)sb.st_size + more <= most)
		return 0;
	(void)snprintf(old, sizeof(old), "%s.1", li->path);
	if (rename(li->path, old) != 0)
		return -1;
	return open_file(li);
}

static int
append(const struct lines *li, const char *line, size_t len)
{
	struct stat sb;
	ssize_t got;
	int error;

	if (fstat(li->fd, &sb) != 0)
		return -1;
	got = write(li->fd, line, len);
	if (got == (ssize_t)len)
		return 0;
	error = got < 0 ? errno : ENOSPC;
	/* Half a line would spoil the next one. */
	if (got > 0 && ftruncate(li->fd, sb.st_size) != 0)
		error = errno;
	errno = error;
	return -1;
}

static int
write_line(struct lines *li, const struct lsawatch *w, const char *line, size_t len)
{
	if (!is_still_there(li) && open_file(li) != 0)
		return -1;
	if (rotate(li, (uint64_t)w->cf.watch_octets, len) != 0)
		return -1;
	return append(li, line, len);
}

int
lines_add(struct lines *li, const struct lsawatch *w, json_t *object, char *why, size_t n)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL, *line;
	size_t len;
	int got;

	json_decref(object);
	len = text != NULL ? strlen(text) : 0;
	line = text != NULL ? realloc(text, len + 2) : NULL;
	if (line == NULL) {
		free(text);
		return fail(li, ENOMEM, why, n);
	}
	line[len] = '\n';
	line[len + 1] = '\0';
	got = write_line(li, w, line, len + 1);
	if (got != 0)
		(void)fail(li, errno, why, n);
	free(line);
	return got;
}
