/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kept keys in memory, and their way to the disk. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/keytab/keytab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/logon/pool.h"

#define SUFFIX	 ".keys"
#define HASH_LEN (size_t)16 /* octets of the hash that a name is of */
#define NAME_LEN (2 * HASH_LEN + sizeof(SUFFIX))
#define FILE_MAX (4u << 20)

/* All keys of one principal. */
struct family {
	struct family *next;
	struct standin_key *first; /* NULL: none left, until that is on the disk */
	char name[ISO_NAME_MAX + 1];
};

/* One write: they go one after the other, so that a later one is never overtaken. */
struct save {
	struct pool_job job;
	struct save *next;
	struct keytab *kt;
	char name[NAME_LEN];
	uint8_t *octets; /* NULL: the file goes */
	size_t n;
	int folder;
	int error;
	keytab_done *done;
	void *arg;
};

struct keytab {
	int folder;
	struct pool *pool;
	struct family *families;
	size_t count;
	struct save *saves, **last;
	bool at_work; /* the first of them is */
	bool closed;
};

/* ---- families */

static void
file_name(const char *principal, char name[NAME_LEN])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(principal), (const uint8_t *)principal);
	sha256_digest(&ctx, sizeof(hash), hash);
	for (size_t i = 0; i < HASH_LEN; i++)
		(void)snprintf(name + 2 * i, 3, "%02x", hash[i]);
	memcpy(name + 2 * HASH_LEN, SUFFIX, sizeof(SUFFIX));
}

static struct family *
family_of(struct keytab *kt, const char *name)
{
	for (struct family *fa = kt->families; fa != NULL; fa = fa->next) {
		if (strcmp(fa->name, name) == 0)
			return fa;
	}
	return NULL;
}

static struct family *
family_new(struct keytab *kt, const char *name)
{
	struct family *fa = calloc(1, sizeof(*fa));

	if (fa == NULL)
		return NULL;
	(void)snprintf(fa->name, sizeof(fa->name), "%s", name);
	fa->next = kt->families;
	kt->families = fa;
	return fa;
}

static void
family_free(struct family *fa)
{
	while (fa->first != NULL) {
		struct standin_key *sk = fa->first;

		fa->first = sk->next;
		standin_free(sk);
	}
	free(fa);
}

static size_t
family_size(const struct family *fa)
{
	size_t n = 0;

	for (const struct standin_key *sk = fa->first; sk != NULL; sk = sk->next)
		n++;
	return n;
}

/* ---- what is kept */

static void
set_aside(int folder, const char *name)
{
	char aside[NAME_MAX + 1];

	for (unsigned int i = 1; i < 1000; i++) {
		(void)snprintf(aside, sizeof(aside), "%s.damaged-%u", name, i);
		if (faccessat(folder, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (renameat(folder, name, folder, aside) == 0)
			log_err("keytab/%s in [host] directory is damaged and was set aside as %s: "
				"its principal needs new keys from the KDC (kadmin ktadd, then "
				"lsactl keytab import)",
				name, aside);
		return;
	}
}

/* A whole file; NULL with errno. */
static uint8_t *
slurp(int folder, const char *name, size_t *n)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat sb;
	uint8_t *buf = NULL;

	if (fd < 0)
		return NULL;
	errno = EFBIG;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size <= FILE_MAX) {
		*n = (size_t)sb.st_size;
		buf = malloc(*n + 1);
	}
	if (buf != NULL && read(fd, buf, *n) != (ssize_t)*n) {
		free(buf);
		buf = NULL;
		errno = EIO;
	}
	close(fd);
	return buf;
}

static void
load_one(struct keytab *kt, const char *name)
{
	struct standin_key *first = NULL;
	char expected[NAME_LEN];
	struct family *fa;
	size_t n = 0;
	uint8_t *buf = slurp(kt->folder, name, &n);
	bool good = buf != NULL && family_read((struct rd){ buf, n }, &first) == 0;

	if (buf == NULL && errno != EFBIG) {
		log_err("keytab/%s in [host] directory: %s", name, strerror(errno));
		return;
	}
	if (buf != NULL)
		explicit_bzero(buf, n);
	free(buf);
	if (good) {
		file_name(first->name, expected);
		good = strcmp(expected, name) == 0;
	}
	fa = good ? family_new(kt, first->name) : NULL;
	if (fa != NULL) {
		fa->first = first;
		kt->count += family_size(fa);
		return;
	}
	while (first != NULL) {
		struct standin_key *sk = first;

		first = sk->next;
		standin_free(sk);
	}
	if (!good)
		set_aside(kt->folder, name);
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static void
load(struct keytab *kt)
{
	int fd = openat(kt->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *de;

	if (dir == NULL) {
		log_err("the folder keytab in [host] directory: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((de = readdir(dir)) != NULL) {
		if (ends_with(de->d_name, SUFFIX ".new"))
			(void)unlinkat(kt->folder, de->d_name, 0); /* never got its name */
		else if (ends_with(de->d_name, SUFFIX) && kt->count < KEYTAB_KEYS_MAX)
			load_one(kt, de->d_name);
		else if (ends_with(de->d_name, SUFFIX))
			log_err("keytab/%s in [host] directory is not read: there are more than %d "
				"keys",
				de->d_name, KEYTAB_KEYS_MAX);
	}
	closedir(dir);
}

struct keytab *
keytab_open(int folder, struct pool *pool)
{
	struct keytab *kt = calloc(1, sizeof(*kt));

	if (kt == NULL)
		return NULL;
	kt->folder = folder;
	kt->pool = pool;
	kt->last = &kt->saves;
	if (folder >= 0)
		load(kt);
	if (kt->count > 0)
		log_info("%zu keys of keytabs are kept", kt->count);
	return kt;
}

static void
keytab_free(struct keytab *kt)
{
	if (kt->folder >= 0)
		close(kt->folder);
	free(kt);
}

void
keytab_close(struct keytab *kt)
{
	if (kt == NULL)
		return;
	while (kt->families != NULL) {
		struct family *fa = kt->families;

		kt->families = fa->next;
		family_free(fa);
	}
	kt->closed = true;
	if (kt->saves == NULL) /* else the last of them does it */
		keytab_free(kt);
}

bool
keytab_keeps(const struct keytab *kt)
{
	return kt->folder >= 0;
}

/* ---- looking */

struct standin_key *
keytab_named(struct keytab *kt, const char *name)
{
	const struct family *fa = family_of(kt, name);

	return fa != NULL ? fa->first : NULL;
}

enum iso_status
kept_take(const struct kept_key *kk, const char *name, uint32_t session, uint32_t generation,
	  uint32_t owner, struct iso_rep_key_take *is)
{
	const struct iso_req_key_take ask = { .session = session,
					      .generation = generation,
					      .owner = owner,
					      .kept = { kk->kept, kk->len },
					      .name = { (const uint8_t *)name, strlen(name) } };

	return ask_key_take(&ask, is);
}

struct standin_key *
keytab_find(struct keytab *kt, const struct wire_princ *client)
{
	char text[ISO_NAME_MAX + 2];

	if (kt->families == NULL)
		return NULL;
	wire_princ_text(client, text, sizeof(text));
	return strlen(text) <= ISO_NAME_MAX ? keytab_named(kt, text) : NULL;
}

void
keytab_each(struct keytab *kt, bool (*fn)(struct standin_key *sk, void *arg), void *arg)
{
	struct standin_key *next;

	for (struct family *fa = kt->families; fa != NULL; fa = fa->next) {
		for (struct standin_key *sk = fa->first; sk != NULL; sk = next) {
			next = sk->next;
			if (fn(sk, arg))
				return;
		}
	}
}

void
standin_id(const struct standin_key *sk, uint8_t id[KEYTAB_ID])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, sk->key_len, sk->key);
	sha256_digest(&ctx, sizeof(hash), hash);
	memcpy(id, hash, KEYTAB_ID);
}

size_t
keytab_count(const struct keytab *kt)
{
	return kt->count;
}

/* ---- changes */

/* Newest kvno first; of the same, as they came. */
static void
insert(struct family *fa, struct standin_key *sk)
{
	struct standin_key **at = &fa->first;

	while (*at != NULL && (*at)->kvno >= sk->kvno)
		at = &(*at)->next;
	sk->next = *at;
	*at = sk;
}

static struct standin_key *
standin_new(const char *name, const char *path, size_t len)
{
	struct standin_key *sk = calloc(1, sizeof(*sk));

	if (sk == NULL)
		return NULL;
	(void)snprintf(sk->name, sizeof(sk->name), "%s", name);
	sk->key_len = (uint8_t)len;
	sk->path = strdup(path);
	if (sk->path != NULL && getrandom(sk->key, len, 0) == (ssize_t)len)
		return sk;
	standin_free(sk);
	return NULL;
}

struct standin_key *
keytab_add(struct keytab *kt, const char *name, const char *path, int32_t etype, uint32_t kvno,
	   size_t len)
{
	struct family *fa = family_of(kt, name);
	struct standin_key *sk = fa != NULL ? fa->first : NULL;

	for (; sk != NULL; sk = sk->next) {
		if (sk->etype == etype && sk->kvno == kvno && strcmp(sk->path, path) == 0)
			return sk;
	}
	errno = ENOSPC;
	if (kt->count >= KEYTAB_KEYS_MAX || (fa != NULL && family_size(fa) >= KEYTAB_FAMILY_MAX) ||
	    len == 0 || len > ISO_KEY_MAX)
		return NULL;
	errno = ENOMEM;
	if (fa == NULL)
		fa = family_new(kt, name);
	sk = fa != NULL ? standin_new(name, path, len) : NULL;
	if (sk == NULL)
		return NULL;
	sk->etype = etype;
	sk->kvno = kvno;
	insert(fa, sk);
	kt->count++;
	return sk;
}

static void
take_out(struct standin_key *sk, size_t i)
{
	sk->nversions--;
	memmove(&sk->versions[i], &sk->versions[i + 1],
		(sk->nversions - i) * sizeof(sk->versions[0]));
	explicit_bzero(&sk->versions[sk->nversions], sizeof(sk->versions[0]));
}

static void
put_at(struct standin_key *sk, size_t i, const struct kept_key *kk)
{
	if (sk->nversions == KEYTAB_VERSIONS_MAX)
		take_out(sk, KEYTAB_VERSIONS_MAX - 1);
	if (i > sk->nversions)
		i = sk->nversions;
	memmove(&sk->versions[i + 1], &sk->versions[i],
		(sk->nversions - i) * sizeof(sk->versions[0]));
	sk->versions[i] = *kk;
	sk->nversions++;
}

void
standin_put(struct standin_key *sk, enum kept_state state, uint32_t kvno, struct rd kept)
{
	struct kept_key kk = { .state = state, .kvno = kvno, .since = time(NULL) };

	kk.len = (uint16_t)(kept.len <= sizeof(kk.kept) ? kept.len : 0);
	memcpy(kk.kept, kept.at, kk.len);
	for (size_t i = sk->nversions; i > 0; i--) {
		struct kept_key *old = &sk->versions[i - 1];

		/* At most one candidate: it takes the place of one that nobody took. */
		if (state == KEPT_CANDIDATE ? old->state == KEPT_CANDIDATE : old->kvno == kvno)
			take_out(sk, i - 1);
		else if (state == KEPT_CURRENT && old->state == KEPT_CURRENT)
			old->state = KEPT_OLD;
	}
	put_at(sk, state == KEPT_CURRENT ? 0 : state == KEPT_CANDIDATE ? 1 : sk->nversions, &kk);
	explicit_bzero(&kk, sizeof(kk));
}

bool
standin_worked(struct standin_key *sk, size_t version)
{
	struct kept_key kk;

	if (version == 0 || version >= sk->nversions)
		return false;
	kk = sk->versions[version];
	kk.state = KEPT_CURRENT;
	kk.since = time(NULL);
	take_out(sk, version);
	for (size_t i = 0; i < sk->nversions; i++)
		sk->versions[i].state = KEPT_OLD;
	put_at(sk, 0, &kk);
	explicit_bzero(&kk, sizeof(kk));
	return true;
}

void
standin_reject(struct standin_key *sk)
{
	for (size_t i = sk->nversions; i > 0; i--) {
		if (sk->versions[i - 1].state == KEPT_CANDIDATE)
			take_out(sk, i - 1);
	}
}

size_t
standin_prune(struct standin_key *sk, int64_t since)
{
	size_t n = 0;

	for (size_t i = sk->nversions; i > 1; i--) {
		/* Until when an old one was the current one, the one before it says. */
		if (sk->versions[i - 2].since > since)
			continue;
		take_out(sk, i - 1);
		n++;
	}
	return n;
}

void
keytab_drop(struct keytab *kt, struct standin_key *sk)
{
	struct family *fa = family_of(kt, sk->name);
	struct standin_key **at = fa != NULL ? &fa->first : NULL;

	while (at != NULL && *at != NULL && *at != sk)
		at = &(*at)->next;
	if (at == NULL || *at == NULL)
		return;
	*at = sk->next;
	kt->count--;
	standin_free(sk);
}

/* ---- writing */

static void
save_run(struct pool_job *job, struct context *co)
{
	struct save *sa = (struct save *)(void *)((char *)job - offsetof(struct save, job));

	(void)co;
	sa->error = family_store(sa->folder, sa->name, (struct rd){ sa->octets, sa->n });
}

static void save_next(struct keytab *kt);

/* Off the list, which it is the first of; what done does may put another there. */
static void
save_end(struct keytab *kt, int error)
{
	struct save *sa = kt->saves;

	kt->saves = sa->next;
	if (kt->saves == NULL)
		kt->last = &kt->saves;
	if (error != 0)
		log_err("keytab/%s in [host] directory: %s", sa->name, strerror(error));
	if (sa->done != NULL)
		sa->done(sa->arg, error);
	if (sa->octets != NULL)
		explicit_bzero(sa->octets, sa->n);
	free(sa->octets);
	free(sa);
	kt->at_work = false;
}

static void
save_done(struct pool_job *job, bool ran)
{
	struct save *sa = (struct save *)(void *)((char *)job - offsetof(struct save, job));
	struct keytab *kt = sa->kt;

	if (!ran) /* lsass ends */
		save_run(job, NULL);
	save_end(kt, sa->error);
	save_next(kt);
	if (kt->closed && kt->saves == NULL)
		keytab_free(kt);
}

/* Give the first one to a worker; without workers it is done here. */
static void
save_next(struct keytab *kt)
{
	while (kt->saves != NULL && !kt->at_work) {
		struct save *sa = kt->saves;

		kt->at_work = true;
		if (kt->pool != NULL && !kt->closed && pool_submit(kt->pool, &sa->job) == 0)
			return;
		save_run(&sa->job, NULL);
		save_end(kt, sa->error);
	}
}

static void
cannot(keytab_done *done, void *arg, int error)
{
	log_err("a key of a keytab could not be written down: %s", strerror(error));
	if (done != NULL)
		done(arg, error);
}

void
keytab_commit(struct keytab *kt, const char *name, keytab_done *done, void *arg)
{
	const struct family *fa = family_of(kt, name);
	struct save *sa;

	if (kt->folder < 0) {
		cannot(done, arg, ENOENT);
		return;
	}
	sa = calloc(1, sizeof(*sa));
	if (sa != NULL && fa != NULL && fa->first != NULL) {
		sa->octets = family_write(fa->first, &sa->n);
		if (sa->octets == NULL) {
			free(sa);
			sa = NULL;
		}
	}
	if (sa == NULL) {
		cannot(done, arg, ENOMEM);
		return;
	}
	file_name(name, sa->name);
	sa->kt = kt;
	sa->folder = kt->folder;
	sa->job.run = save_run;
	sa->job.done = save_done;
	sa->done = done;
	sa->arg = arg;
	*kt->last = sa;
	kt->last = &sa->next;
	save_next(kt);
}
