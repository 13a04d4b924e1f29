/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/judge/files_look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/measure.h"

#define CAPABILITIES	"security.capability"
#define ATTRIBUTES	(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)
#define FILES_IN_FOLDER 256

/* Of one that is not there: perhaps because something lies over its folder. */
static uint64_t
mount_of_folder(const struct installed *in)
{
	struct installed file = *in;
	char folder[512];
	struct statx sx;

	file.suffix = NULL;
	installed_folder(&file, folder);
	if (statx(AT_FDCWD, folder, AT_STATX_SYNC_AS_STAT, STATX_MNT_ID, &sx) != 0 ||
	    (sx.stx_mask & STATX_MNT_ID) == 0)
		return 0;
	return sx.stx_mnt_id;
}

void
file_look(const struct installed *in, struct file_look *lk)
{
	struct statx sx;

	*lk = (struct file_look){ 0 };
	if (statx(AT_FDCWD, in->path, AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS | STATX_MNT_ID,
		  &sx) != 0) {
		(void)snprintf(lk->why, sizeof(lk->why), "%s", strerror(errno));
		lk->mount = mount_of_folder(in);
		return;
	}
	lk->exists = true;
	lk->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	lk->ino = sx.stx_ino;
	lk->size = sx.stx_size;
	lk->mount = (sx.stx_mask & STATX_MNT_ID) != 0 ? sx.stx_mnt_id : 0;
	lk->attributes = sx.stx_attributes & ATTRIBUTES;
	lk->mtime_s = sx.stx_mtime.tv_sec;
	lk->mtime_ns = sx.stx_mtime.tv_nsec;
	lk->ctime_s = sx.stx_ctime.tv_sec;
	lk->ctime_ns = sx.stx_ctime.tv_nsec;
	lk->mode = sx.stx_mode;
	lk->uid = sx.stx_uid;
	lk->gid = sx.stx_gid;
	lk->capable = getxattr(in->path, CAPABILITIES, NULL, 0) > 0;
}

uint64_t
file_look_mount(int fd)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) != 0 ||
	    (sx.stx_mask & STATX_MNT_ID) == 0)
		return 0;
	return sx.stx_mnt_id;
}

/* Times of change cannot be set by anybody, those of writing can. */
bool
file_look_same(const struct file_look *one, const struct file_look *other)
{
	return one->exists == other->exists && one->dev == other->dev && one->ino == other->ino &&
	       one->size == other->size && one->mount == other->mount &&
	       one->ctime_s == other->ctime_s && one->ctime_ns == other->ctime_ns &&
	       one->mtime_s == other->mtime_s && one->mtime_ns == other->mtime_ns;
}

/* ---- digests */

static int
digest_file(int folder, const char *path, uint64_t most, uint8_t digest[LOOK_SHA256])
{
	/* It may be anything by now, and must not hold us up. */
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat sb;
	struct measure is;
	int status = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &sb) == 0 && !S_ISREG(sb.st_mode))
		errno = EMEDIUMTYPE;
	else
		status = measure_file(fd, most, &is);
	if (status == 0)
		memcpy(digest, is.sha256, sizeof(is.sha256));
	most = (uint64_t)errno;
	(void)close(fd);
	errno = (int)most;
	return status;
}

static const char *the_suffix;

static int
counts(const struct dirent *one)
{
	size_t len = strlen(one->d_name), tail = strlen(the_suffix);

	return len > tail && strcmp(one->d_name + len - tail, the_suffix) == 0;
}

static int
by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Names and contents, in the order of names. */
static int
digest_folder(const struct installed *in, uint64_t most, uint8_t digest[LOOK_SHA256])
{
	int folder = open(in->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n;
	struct dirent **found = NULL;
	struct sha256_ctx ctx;
	uint8_t one[LOOK_SHA256];

	if (folder < 0)
		return -1;
	the_suffix = in->suffix;
	sha256_init(&ctx);
	n = scandir(in->path, &found, counts, by_name);
	for (int i = 0; i < n; i++) {
		sha256_update(&ctx, strlen(found[i]->d_name) + 1,
			      (const uint8_t *)found[i]->d_name);
		if (i >= FILES_IN_FOLDER || digest_file(folder, found[i]->d_name, most, one) != 0)
			memset(one, 0, sizeof(one));
		sha256_update(&ctx, sizeof(one), one);
		free(found[i]);
	}
	free((void *)found);
	(void)close(folder);
	sha256_digest(&ctx, LOOK_SHA256, digest);
	return n < 0 ? -1 : 0;
}

void
file_look_into(const struct installed *in, uint64_t most, struct file_look *lk)
{
	int status;

	file_look(in, lk);
	if (!lk->exists)
		return;
	status = in->suffix != NULL ? digest_folder(in, most, lk->digest)
				    : digest_file(AT_FDCWD, in->path, most, lk->digest);
	lk->readable = status == 0;
	if (status != 0)
		(void)snprintf(lk->why, sizeof(lk->why), "%s",
			       errno == EMEDIUMTYPE ? "it is no file" : strerror(errno));
}

/* ---- attributes */

bool
file_look_attributes(const struct file_look *before, const struct file_look *now, char *what,
		     size_t n)
{
	const uint32_t bits = 07777;

	if ((before->mode & bits) != (now->mode & bits))
		(void)snprintf(what, n, "mode is %04o and was %04o", now->mode & bits,
			       before->mode & bits);
	else if (before->uid != now->uid || before->gid != now->gid)
		(void)snprintf(what, n, "owner is %u:%u and was %u:%u", now->uid, now->gid,
			       before->uid, before->gid);
	else if (before->capable != now->capable)
		(void)snprintf(what, n, "it %s file capabilities", now->capable ? "has" : "lost");
	else if (before->attributes != now->attributes)
		(void)snprintf(what, n, "it was made %s",
			       (now->attributes & STATX_ATTR_IMMUTABLE) != 0 ? "immutable"
			       : now->attributes != 0			     ? "append-only"
									     : "mutable");
	else
		return true;
	return false;
}
