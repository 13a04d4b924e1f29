/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/files.h"

#define OCTETS 128

/* Every keeper there is; append rows. */
static const struct floor_keeper *const keepers[] = { &floor_file, &floor_tpm };
#define KEEPERS (sizeof(keepers) / sizeof(keepers[0]))

/* ---- the file */

static int
file_path(const struct config *cf, char path[PATH_MAX], char *error, size_t n)
{
	if (snprintf(path, PATH_MAX, "%s/" FLOOR_FILE, cf->host_directory) < PATH_MAX)
		return 0;
	(void)snprintf(error, n, "[host] directory is too long");
	return -1;
}

static int
format(const struct floor *fl, char text[OCTETS])
{
	return snprintf(text, OCTETS, "lsaiso floor 1\nsvn %d\nseen %" PRId64 "\n", fl->svn,
			fl->seen);
}

/* Only what format would have written; text ends in a zero octet. */
static bool
parse(const char *text, size_t len, struct floor *fl)
{
	static const char head[] = "lsaiso floor 1\nsvn ", middle[] = "\nseen ";
	char again[OCTETS], *end;
	struct floor got = { 0 };
	long long number;

	if (strncmp(text, head, strlen(head)) != 0)
		return false;
	number = strtoll(text + strlen(head), &end, 10);
	if (number < 0 || number > FLOOR_MAX || strncmp(end, middle, strlen(middle)) != 0)
		return false;
	got.svn = (int)number;
	got.seen = strtoll(end + strlen(middle), &end, 10);
	if (got.seen < 0 || format(&got, again) != (int)len || memcmp(text, again, len) != 0)
		return false;
	*fl = got;
	return true;
}

static int
file_read(const struct config *cf, struct floor *fl, char *error, size_t n)
{
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;
	struct stat sb;
	bool good;

	*fl = (struct floor){ .svn = FLOOR_NONE };
	if (file_path(cf, path, error, n) != 0)
		return -1;
	if (files_read(AT_FDCWD, path, OCTETS, &text, &len, &sb) != 0) {
		if (errno == ENOENT)
			return 0;
		(void)snprintf(error, n, "%s: %s", path, strerror(errno));
		return -1;
	}
	good = parse(text, len, fl);
	files_free(text, len);
	if (!files_only_ours(&sb)) {
		(void)snprintf(error, n,
			       "%s can be changed by others than root; chown root, chmod 0600, and "
			       "see whether its number is right",
			       path);
		return -1;
	}
	if (!good) {
		(void)snprintf(error, n,
			       "%s is damaged; if nobody meant to undo an update, remove it: the "
			       "next start makes it anew",
			       path);
		return -1;
	}
	return 0;
}

static int
file_set(const struct config *cf, int svn, int64_t now, char *error, size_t n)
{
	struct floor fl = { .svn = svn, .seen = now };
	char path[PATH_MAX], text[OCTETS];
	int len = format(&fl, text);

	if (file_path(cf, path, error, n) != 0)
		return -1;
	if (files_replace(path, text, (size_t)len, 0600) == 0)
		return 0;
	(void)snprintf(error, n, "%s: %s; nothing remembers that security version %d ran", path,
		       strerror(errno), svn);
	return -1;
}

const struct floor_keeper floor_file = {
	.name = "file",
	.read = file_read,
	.raise = file_set,
	.lower = file_set,
};

/* ---- all of them */

static bool
is_used(const struct floor_keeper *keeper, const struct config *cf)
{
	return keeper->used == NULL || keeper->used(cf) != 0;
}

int
floor_read(const struct config *cf, struct floor *fl, char *error, size_t n)
{
	*fl = (struct floor){ .svn = FLOOR_NONE };
	for (size_t i = 0; i < KEEPERS; i++) {
		struct floor one;

		if (!is_used(keepers[i], cf))
			continue;
		if (keepers[i]->read(cf, &one, error, n) != 0)
			return -1;
		if (one.svn > fl->svn)
			*fl = one;
	}
	return 0;
}

int
floor_raise(const struct config *cf, int svn, int64_t now, char *error, size_t n)
{
	for (size_t i = 0; i < KEEPERS; i++) {
		struct floor one;

		if (!is_used(keepers[i], cf))
			continue;
		if (keepers[i]->read(cf, &one, error, n) != 0 ||
		    (one.svn < svn && keepers[i]->raise(cf, svn, now, error, n) != 0))
			return -1;
	}
	return 0;
}

int
floor_lower(const struct config *cf, int svn, int64_t now, char *error, size_t n)
{
	for (size_t i = 0; i < KEEPERS; i++) {
		struct floor one;

		if (!is_used(keepers[i], cf) || keepers[i]->lower != NULL)
			continue;
		if (keepers[i]->read(cf, &one, error, n) != 0)
			return -1;
		if (one.svn > svn) {
			(void)snprintf(error, n,
				       "the %s keeps %d, and that cannot be lowered; only its "
				       "owner can remove the count, see lsaseal(8)",
				       keepers[i]->name, one.svn);
			return -1;
		}
	}
	for (size_t i = 0; i < KEEPERS; i++) {
		if (is_used(keepers[i], cf) && keepers[i]->lower != NULL &&
		    keepers[i]->lower(cf, svn, now, error, n) != 0)
			return -1;
	}
	return 0;
}
