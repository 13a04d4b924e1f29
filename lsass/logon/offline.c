/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/logon/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/ask.h"

#define FOLDER	  "offline"
#define NAME_SIZE 64

/* Between reading a verifier and putting another in its place nobody else does. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* The folder, made if it is not there; -1 with errno. */
static int
folder_open(const char *state)
{
	int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (dir < 0)
		return -1;
	if (mkdirat(dir, FOLDER, 0700) == 0 || errno == EEXIST)
		fd = openat(dir, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	close(dir);
	return fd;
}

/* UID-HASH: a principal can have any octet in it. */
static void
file_name(const struct offline_logon *on, char name[NAME_SIZE])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	size_t n = (size_t)snprintf(name, NAME_SIZE, "%u-", on->owner);

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(on->principal), (const uint8_t *)on->principal);
	sha256_digest(&ctx, sizeof(hash), hash);
	for (size_t i = 0; i < 16; i++)
		snprintf(name + n + 2 * i, 3, "%02x", hash[i]);
}

static ssize_t
file_read(int dir, const char *name, uint8_t at[ISO_VERIFIER_MAX])
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, at, ISO_VERIFIER_MAX);
	close(fd);
	return n;
}

/* A new file under another name, on the disk, then in the place of the old one. */
static int
file_write(int dir, const char *name, const uint8_t *at, uint32_t len)
{
	char fresh[NAME_SIZE + 4];
	bool good;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	good = write(fd, at, len) == (ssize_t)len && fsync(fd) == 0;
	if (close(fd) != 0 || !good || renameat(dir, fresh, dir, name) != 0) {
		int saved = errno;

		(void)unlinkat(dir, fresh, 0);
		errno = saved != 0 ? saved : EIO;
		return -1;
	}
	return fsync(dir);
}

static int
keep(const struct offline_logon *on, int dir)
{
	const struct iso_req_offline_make req = {
		.session = on->session,
		.generation = on->generation,
		.owner = on->owner,
		.password = on->password,
		.name = { (const uint8_t *)on->principal, strlen(on->principal) },
	};
	struct iso_rep_offline_make rep;
	enum iso_status st = ask_offline_make(&req, &rep);
	char name[NAME_SIZE];

	if (st != ISO_OK) {
		log_err("uid %u: no verifier for logons without a KDC: lsaiso: %s", on->owner,
			rpc_status_text(st));
		return -1;
	}
	file_name(on, name);
	if (file_write(dir, name, rep.verifier.at, rep.verifier.len) == 0)
		return 0;
	log_err("%s/" FOLDER "/%s: %s; no logon of uid %u without a KDC", on->state_directory, name,
		strerror(errno), on->owner);
	return -1;
}

int
offline_keep(const struct offline_logon *on)
{
	int dir = folder_open(on->state_directory), got = -1;

	if (dir < 0) {
		log_err("%s/" FOLDER ": %s; no logon of uid %u without a KDC", on->state_directory,
			strerror(errno), on->owner);
		return -1;
	}
	pthread_mutex_lock(&turn);
	got = keep(on, dir);
	pthread_mutex_unlock(&turn);
	close(dir);
	return got;
}

/* Why lsaiso did not try. */
static enum offline_verdict
refused(const struct offline_logon *on, const char *name, enum iso_status st)
{
	if (st != ISO_E_BLOB) {
		log_err("uid %u: no logon without a KDC: lsaiso: %s", on->owner,
			rpc_status_text(st));
		return OFFLINE_FAILED;
	}
	log_notice("%s/" FOLDER "/%s was made under another root key, or changed; uid %u can log "
		   "on without a KDC again after one logon with it",
		   on->state_directory, name, on->owner);
	return OFFLINE_NONE;
}

static enum offline_verdict
check(const struct offline_logon *on, int dir, uint32_t *wait)
{
	uint8_t verifier[ISO_VERIFIER_MAX];
	struct iso_req_offline_try req = {
		.session = on->session,
		.generation = on->generation,
		.owner = on->owner,
		.password = on->password,
		.name = { (const uint8_t *)on->principal, strlen(on->principal) },
	};
	struct iso_rep_offline_try rep;
	enum iso_status st;
	char name[NAME_SIZE];
	ssize_t n;

	file_name(on, name);
	n = file_read(dir, name, verifier);
	if (n < 0)
		return OFFLINE_NONE;
	req.verifier = (struct rd){ verifier, (size_t)n };
	st = ask_offline_try(&req, &rep);
	if (st != ISO_OK)
		return refused(on, name, st);
	*wait = rep.wait;
	if (rep.verdict == 2)
		return OFFLINE_EARLY;
	if (file_write(dir, name, rep.verifier.at, rep.verifier.len) != 0) {
		log_err("%s/" FOLDER "/%s: %s; a logon without a KDC needs its count written",
			on->state_directory, name, strerror(errno));
		return OFFLINE_FAILED;
	}
	return rep.verdict == 1 ? OFFLINE_RIGHT : OFFLINE_WRONG;
}

enum offline_verdict
offline_check(const struct offline_logon *on, uint32_t *wait)
{
	int dir = folder_open(on->state_directory);
	enum offline_verdict verdict = OFFLINE_NONE;

	*wait = 0;
	if (dir < 0)
		return OFFLINE_NONE;
	pthread_mutex_lock(&turn);
	verdict = check(on, dir, wait);
	pthread_mutex_unlock(&turn);
	close(dir);
	return verdict;
}
