/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be there before anything is started. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/init.h"

#define LOCK_NAME "lsainit.pid"

void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- users */

int
user_number(const char *word, uid_t *uid, gid_t *gid)
{
	struct passwd *pw = getpwnam(word);
	char *end = NULL;
	unsigned long number;

	if (pw != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
		return 0;
	}
	errno = 0;
	number = strtoul(word, &end, 10);
	if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || number >= UINT32_MAX)
		return -1;
	pw = getpwuid((uid_t)number);
	*uid = (uid_t)number;
	*gid = pw != NULL ? pw->pw_gid : (gid_t)number;
	return 0;
}

static int
find_user(const char *key, const char *word, uid_t *uid, gid_t *gid)
{
	if (user_number(word, uid, gid) != 0) {
		log_err("there is no user \"%s\" ([run] %s); make it with `systemd-sysusers "
			"lsaiso.conf` or `useradd --system --no-create-home --shell "
			"/usr/sbin/nologin %s`",
			word, key, word);
		return -1;
	}
	if (*uid == 0 || *gid == 0) {
		log_err("[run] %s must not be root", key);
		return -1;
	}
	return 0;
}

int
prepare_users(struct instance *in)
{
	in->separate = geteuid() == 0;
	in->table.separate_users = in->separate;
	in->table.namespaces = in->separate;
	if (!in->separate) {
		in->iso_uid = in->lsass_uid = geteuid();
		in->iso_gid = in->lsass_gid = getegid();
		log_warn("not started as root: lsaiso and lsass run as uid %u without users and "
			 "namespaces of their own",
			 (unsigned int)geteuid());
		return 0;
	}
	if (find_user("lsaiso_user", in->cf.run_lsaiso_user, &in->iso_uid, &in->iso_gid) != 0 ||
	    find_user("lsass_user", in->cf.run_lsass_user, &in->lsass_uid, &in->lsass_gid) != 0)
		return -1;
	if (in->iso_uid == in->lsass_uid) {
		log_err("[run] lsaiso_user and lsass_user must be two users");
		return -1;
	}
	return 0;
}

/* ---- folders */

/* As root the new folder is given to its owner; others make their own. */
static int
set_up(int fd, mode_t mode, uid_t owner, gid_t group)
{
	if (fchmod(fd, mode) != 0)
		return -1;
	return geteuid() == 0 ? fchown(fd, owner, group) : 0;
}

/*
 * A folder of ours: made if missing, never taken over from somebody else.
 *
 * owner  who must own it; group likewise if it is made here
 */
static int
own_directory(const char *path, mode_t mode, uid_t owner, gid_t group, const char *key)
{
	struct stat sb;
	int fd, made = mkdir(path, mode) == 0, bad = 0;

	if (!made && errno != EEXIST) {
		log_err("%s (%s): %s%s", path, key, strerror(errno),
			errno == ENOENT ? "; the folder it is to be in must exist" : "");
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) != 0) {
		log_err("%s (%s): %s", path, key, strerror(errno));
		close_fd(&fd);
		return -1;
	}
	if (!made && sb.st_uid != owner) {
		log_err("%s (%s) belongs to uid %u; it must belong to uid %u (chown), or configure "
			"another folder",
			path, key, (unsigned int)sb.st_uid, (unsigned int)owner);
		bad = 1;
	} else if (made ? set_up(fd, mode, owner, group) != 0
			: (sb.st_mode & 0777 & ~mode) != 0 && fchmod(fd, mode) != 0) {
		log_err("%s (%s): %s", path, key, strerror(errno));
		bad = 1;
	}
	(void)close(fd);
	return bad ? -1 : 0;
}

static pid_t
read_pid(int fd)
{
	char text[32];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return 0;
	text[got] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static int
open_lock(const struct instance *in, int flags)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" LOCK_NAME, in->cf.run_directory) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

pid_t
lock_holder(const struct instance *in)
{
	int fd = open_lock(in, O_RDONLY);
	pid_t pid = 0;

	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		pid = read_pid(fd);
	close_fd(&fd);
	return pid;
}

int
prepare_run_directory(struct instance *in)
{
	if (own_directory(in->cf.run_directory, 0755, geteuid(), getegid(), "[run] directory") != 0)
		return -1;
	in->lock_fd = open_lock(in, O_RDWR | O_CREAT);
	if (in->lock_fd < 0) {
		log_err("%s/" LOCK_NAME ": %s", in->cf.run_directory, strerror(errno));
		return -1;
	}
	if (flock(in->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		log_err("another lsainit, pid %d, runs with [run] directory = %s; stop it, or give "
			"this one a folder of its own",
			(int)read_pid(in->lock_fd), in->cf.run_directory);
		close_fd(&in->lock_fd);
		return -1;
	}
	if (ftruncate(in->lock_fd, 0) != 0 || dprintf(in->lock_fd, "%d\n", (int)getpid()) < 0) {
		log_err("%s/" LOCK_NAME ": %s", in->cf.run_directory, strerror(errno));
		return -1;
	}
	return 0;
}

int
prepare_state_directory(struct instance *in)
{
	if (in->serves_guest) /* caches are in the guest */
		return 0;
	if (own_directory(in->cf.state_directory, 0700, in->lsass_uid, in->lsass_gid,
			  "[state] directory") != 0)
		return -1;
	if (in->cf.audit_directory[0] == '\0') /* lsass makes it, in the one above */
		return 0;
	return own_directory(in->cf.audit_directory, 0700, in->lsass_uid, in->lsass_gid,
			     "[audit] directory");
}

/* May there be a folder of ours at path? Then own_directory says the rest. */
static bool
can_own(const char *path)
{
	struct stat sb;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return stat(path, &sb) == 0 && sb.st_uid == geteuid();
	return false;
}

int
prepare_host_directory(struct instance *in)
{
	in->keeps = in->separate || can_own(in->cf.host_directory);
	if (in->keeps)
		return own_directory(in->cf.host_directory, 0700, geteuid(), getegid(),
				     "[host] directory");
	log_warn("%s ([host] directory) cannot be ours: nothing remembers which security version "
		 "ran, and older programs are not refused; configure a folder of your own",
		 in->cf.host_directory);
	return 0;
}

int
prepare_keytab_directory(struct instance *in)
{
	char path[PATH_MAX];

	if (!in->keeps || in->serves_guest)
		return 0;
	if (snprintf(path, sizeof(path), "%s/keytab", in->cf.host_directory) >= (int)sizeof(path)) {
		log_err("[host] directory is too long");
		return -1;
	}
	if (own_directory(path, 0700, in->lsass_uid, in->lsass_gid, "keys of keytabs") != 0)
		return -1;
	/* The folder it is in is ours alone: lsass is handed this one, open. */
	in->keytab_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in->keytab_fd >= 0)
		return 0;
	log_err("%s: %s", path, strerror(errno));
	return -1;
}

int
prepare_watch_directory(struct instance *in)
{
	if (!in->watches)
		return 0;
	if (in->separate)
		return own_directory(in->cf.watch_directory, 0750, in->watch_uid, in->watch_gid,
				     "[watch] directory");
	if (can_own(in->cf.watch_directory))
		return 0;
	log_warn("%s ([watch] directory) cannot be ours: findings and what was learned are not "
		 "kept; configure a folder of your own",
		 in->cf.watch_directory);
	return 0;
}

/* ---- the key of the state files: as long as we live, nowhere else */

int
prepare_state_key(struct instance *in)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mlock(at, page) != 0 || madvise(at, page, MADV_DONTDUMP) != 0 ||
	    madvise(at, page, MADV_DONTFORK) != 0) {
		log_err("no locked memory for the state key: %s (see LimitMEMLOCK)",
			strerror(errno));
		return -1;
	}
	in->state_key = at;
	if (getrandom(in->state_key, CONTROL_STATE_KEY, 0) != CONTROL_STATE_KEY) {
		log_err("no entropy: %s", strerror(errno));
		return -1;
	}
	return 0;
}
