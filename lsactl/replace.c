/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* openat2, OFD locks, explicit_bzero */
#endif
#include "lsactl/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS_MOST 32
#define LOCK_TRIES 50 /* of a tenth of a second */
#define ATTR_MOST  4096

static int
say(char *error, size_t n, const char *path, const char *why)
{
	(void)snprintf(error, n, "%s: %s", path, why);
	return -1;
}

/* ---- the way there */

/* No link on the way at all. */
static int
open_strictly(int at, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC | O_NOFOLLOW,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

/*
 * The first link of an absolute path, into the path that it leads to.
 * 1: there was one, 0: none, -1 with errno.
 */
static int
follow_one(char path[PATH_MAX])
{
	char target[PATH_MAX], whole[2 * PATH_MAX + 2];
	struct stat st;
	ssize_t got;

	for (char *end = strchr(path + 1, '/');; end = strchr(end + 1, '/')) {
		int fd;

		if (end != NULL)
			*end = '\0';
		fd = open_strictly(AT_FDCWD, path, O_PATH);
		if (fd < 0)
			return -1;
		got = fstat(fd, &st) != 0 ? -1 : 0;
		if (got == 0 && S_ISLNK(st.st_mode))
			got = readlinkat(fd, "", target, sizeof(target) - 1);
		(void)close(fd);
		if (got < 0)
			return -1;
		if (got > 0) {
			errno = EPERM;
			if (st.st_uid != 0 && st.st_uid != geteuid())
				return -1;
			target[got] = '\0';
			*strrchr(path, '/') = '\0';
			(void)snprintf(whole, sizeof(whole), "%s%s%s%s%s",
				       target[0] == '/' ? "" : path, target[0] == '/' ? "" : "/",
				       target, end != NULL ? "/" : "", end != NULL ? end + 1 : "");
			errno = ENAMETOOLONG;
			if (strlen(whole) >= PATH_MAX)
				return -1;
			memcpy(path, whole, strlen(whole) + 1);
			return 1;
		}
		if (end == NULL)
			return 0;
		*end = '/';
	}
}

/* A descriptor of the folder, re->path and re->name; or -1 with errno. */
static int
find_folder(struct replace *re, const char *path, bool lack)
{
	char text[PATH_MAX];
	size_t n = 0;
	char *slash;
	int found = 1;

	errno = ENAMETOOLONG;
	if (path[0] != '/' && (getcwd(re->path, sizeof(re->path) - 1) == NULL ||
			       (n = strlen(re->path)) + 1 >= sizeof(re->path)))
		return -1;
	if (path[0] != '/')
		re->path[n++] = '/';
	if (strlen(path) >= sizeof(re->path) - n)
		return -1;
	memcpy(re->path + n, path, strlen(path) + 1);
	for (int i = 0; found == 1 && i < LINKS_MOST; i++)
		found = follow_one(re->path);
	if (found == 1)
		errno = ELOOP;
	if (found != 0 && !(found < 0 && errno == ENOENT && lack))
		return -1;
	memcpy(text, re->path, sizeof(text));
	slash = strrchr(text, '/');
	if (slash[1] == '\0' || strlen(slash + 1) >= sizeof(re->name) - 16) {
		errno = slash[1] == '\0' ? EISDIR : ENAMETOOLONG;
		return -1;
	}
	(void)snprintf(re->name, sizeof(re->name), "%s", slash + 1);
	*slash = '\0';
	re->folder = open_strictly(AT_FDCWD, text[0] != '\0' ? text : "/", O_RDONLY | O_DIRECTORY);
	return re->folder < 0 ? -1 : 0;
}

/* ---- the file */

static const char *
objection(const struct stat *st, unsigned int flags)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if ((flags & REPLACE_LOOK) != 0)
		return NULL;
	if (geteuid() != 0 && st->st_uid != geteuid())
		return "it belongs to another user; only its owner and root may replace it";
	if (st->st_nlink != 1)
		return "it has more than one name (hard links), of which one would keep the old "
		       "content; remove the others first";
	return NULL;
}

/* As libkrb5 locks a ccache and a keytab. */
static int
lock(int fd, bool writable)
{
	struct flock fl = { .l_type = writable ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return 0; /* a file system without locks */
		(void)usleep(100000);
	}
	return -1;
}

/* Does the path still name the file that we have open? */
static bool
same(const struct replace *re)
{
	struct stat now;

	if (fstatat(re->folder, re->name, &now, AT_SYMLINK_NOFOLLOW) != 0)
		return re->fd < 0 && errno == ENOENT;
	return re->fd >= 0 && now.st_dev == re->was.st_dev && now.st_ino == re->was.st_ino;
}

int
replace_open(struct replace *re, const char *path, unsigned int flags, char *error, size_t n)
{
	const uint64_t mode = O_NOCTTY | O_NONBLOCK;
	bool look = (flags & REPLACE_LOOK) != 0, lack = (flags & REPLACE_MAY_LACK) != 0;
	const char *why;

	memset(re, 0, sizeof(*re));
	re->folder = re->fd = -1;
	re->was.st_mode = S_IFREG | 0644;
	re->was.st_uid = geteuid();
	re->was.st_gid = getegid();
	if (find_folder(re, path, lack) != 0)
		return say(error, n, path,
			   errno == EPERM ? "there is a link of another user on the way"
					  : strerror(errno));
	re->fd = look ? -1 : open_strictly(re->folder, re->name, O_RDWR | mode);
	re->writable = re->fd >= 0;
	if (re->fd < 0)
		re->fd = open_strictly(re->folder, re->name, O_RDONLY | mode);
	if (re->fd < 0)
		return errno == ENOENT && lack ? 0 : say(error, n, path, strerror(errno));
	why = fstat(re->fd, &re->was) != 0 ? strerror(errno) : objection(&re->was, flags);
	if (why != NULL)
		return say(error, n, path, why);
	if (!look && lock(re->fd, re->writable) != 0)
		return say(error, n, path, "another program has it locked; try again");
	if (!same(re))
		return say(error, n, path, "it was replaced meanwhile; try again");
	return 0;
}

int
replace_read(const struct replace *re, size_t most, uint8_t **at, size_t *len, char *error,
	     size_t n)
{
	size_t size = (size_t)re->was.st_size, have = 0;
	ssize_t got = 1;

	*len = 0;
	*at = NULL;
	if (re->fd >= 0 && size > most)
		return say(error, n, re->path, "it is too long");
	*at = calloc(1, size + 1);
	if (*at == NULL)
		return say(error, n, re->path, strerror(ENOMEM));
	while (re->fd >= 0 && have < size && got > 0) {
		got = pread(re->fd, *at + have, size - have, (off_t)have);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			have += (size_t)got;
	}
	*len = have;
	if (got >= 0)
		return 0;
	(void)say(error, n, re->path, strerror(errno));
	explicit_bzero(*at, size);
	free(*at);
	*at = NULL;
	return -1;
}

/* ---- a new content */

static int
write_all(int fd, struct rd content)
{
	for (size_t done = 0; done < content.len;) {
		ssize_t got = pwrite(fd, content.at + done, content.len - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return 0;
}

/* Access lists, labels: as far as we may. */
static void
copy_attributes(int from, int to)
{
	char names[ATTR_MOST], value[ATTR_MOST];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t got = fgetxattr(from, names + at, value, sizeof(value));

		if (got >= 0)
			(void)fsetxattr(to, names + at, value, (size_t)got, 0);
	}
}

static int
make(const struct replace *re, int fd, struct rd content)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if ((st.st_uid != re->was.st_uid || st.st_gid != re->was.st_gid) &&
	    fchown(fd, re->was.st_uid, re->was.st_gid) != 0)
		return -1;
	if (re->fd >= 0)
		copy_attributes(re->fd, fd);
	if (fchmod(fd, re->was.st_mode & 07777) != 0 || write_all(fd, content) != 0)
		return -1;
	return fsync(fd);
}

/* What the old file's blocks have; nobody finds it by a name any more. */
static void
overwrite_old(const struct replace *re)
{
	static const uint8_t zeroes[4096];

	for (off_t at = 0; at < re->was.st_size; at += (off_t)sizeof(zeroes)) {
		off_t left = re->was.st_size - at;
		size_t len = left < (off_t)sizeof(zeroes) ? (size_t)left : sizeof(zeroes);

		if (pwrite(re->fd, zeroes, len, at) < 0)
			break;
	}
	(void)fsync(re->fd);
}

int
replace_write(struct replace *re, struct rd content, bool overwrite, char *error, size_t n)
{
	char beside[sizeof(re->name) + 16];
	int fd, bad;

	(void)snprintf(beside, sizeof(beside), ".%s.%d.new", re->name, (int)getpid());
	fd = openat(re->folder, beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return say(error, n, re->path, strerror(errno));
	bad = make(re, fd, content);
	if (bad == 0 && !same(re)) {
		errno = ESTALE;
		bad = -1;
	}
	if (bad == 0)
		bad = renameat(re->folder, beside, re->folder, re->name);
	if (bad != 0) {
		(void)say(error, n, re->path, strerror(errno));
		(void)unlinkat(re->folder, beside, 0);
		(void)close(fd);
		return -1;
	}
	(void)fsync(re->folder);
	if (overwrite && re->writable)
		overwrite_old(re);
	if (re->fd >= 0)
		(void)close(re->fd);
	re->fd = fd;
	re->writable = true;
	(void)fstat(fd, &re->was);
	return 0;
}

int
replace_remove(struct replace *re, char *error, size_t n)
{
	if (re->fd < 0)
		return 0;
	if (!same(re) || unlinkat(re->folder, re->name, 0) != 0)
		return say(error, n, re->path, strerror(errno));
	(void)fsync(re->folder);
	(void)close(re->fd);
	re->fd = -1;
	return 0;
}

void
replace_close(struct replace *re)
{
	if (re->fd >= 0)
		(void)close(re->fd);
	if (re->folder >= 0)
		(void)close(re->folder);
	re->fd = re->folder = -1;
}
