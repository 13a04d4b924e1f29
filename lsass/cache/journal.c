/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state file of a uid, uid-N.journal:
 *
 *   "LSAJRN" 0 1 | key id, 16 octets | nonce, 16 octets, random per file
 *   record...    u32 length of what follows type | u32 type | sealed octets
 *
 * Each record is sealed with AES-SIV-CMAC-256 (RFC 5297) under the state
 * key; associated data are the uid, the nonce, the record's number and its
 * type, so that an edited, cut, moved or foreign record is noticed. What is
 * sealed is described at each function; integers are big-endian.
 *
 * One write() per change and no fsync: the file is there so that a killed
 * broker loses nothing. When the machine loses power, the sessions that the
 * file names are gone anyway.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/cache/private.h"

#define OPEN_MAX_FILES 32u
#define COMPACT_LEAST  (512u << 10) /* a rename costs ext4 a flush: not for less */
#define BUFFER_KEEP    65536u

/* ---- buffers */

static bool
buffer_room(struct buffer *bu, size_t n)
{
	size_t size = bu->size == 0 ? 4096 : bu->size;
	uint8_t *at;

	if (bu->failed)
		return false;
	if (bu->size - bu->len >= n)
		return true;
	while (size - bu->len < n)
		size *= 2;
	at = malloc(size);
	if (at == NULL) {
		bu->failed = true;
		return false;
	}
	if (bu->len > 0) {
		memcpy(at, bu->at, bu->len);
		explicit_bzero(bu->at, bu->len);
	}
	free(bu->at);
	bu->at = at;
	bu->size = size;
	return true;
}

void
buffer_put(struct buffer *bu, const void *at, size_t n)
{
	if (n == 0 || !buffer_room(bu, n))
		return;
	memcpy(bu->at + bu->len, at, n);
	bu->len += n;
}

uint8_t *
buffer_grow(struct buffer *bu, size_t n)
{
	if (!buffer_room(bu, n > 0 ? n : 1))
		return NULL;
	bu->len += n;
	return bu->at + bu->len - n;
}

void
buffer_u32(struct buffer *bu, uint32_t value)
{
	uint8_t at[4];

	wire_set_u32(at, value);
	buffer_put(bu, at, 4);
}

void
buffer_u64(struct buffer *bu, uint64_t value)
{
	buffer_u32(bu, (uint32_t)(value >> 32));
	buffer_u32(bu, (uint32_t)value);
}

void
buffer_data(struct buffer *bu, struct rd data)
{
	buffer_u32(bu, (uint32_t)data.len);
	buffer_put(bu, data.at, data.len);
}

static void
buffer_text(struct buffer *bu, const char *text)
{
	buffer_data(bu, (struct rd){ (const uint8_t *)text, strlen(text) });
}

void
buffer_wipe(struct buffer *bu)
{
	if (bu->len > 0)
		explicit_bzero(bu->at, bu->len);
	if (bu->size > BUFFER_KEEP) {
		free(bu->at);
		bu->at = NULL;
		bu->size = 0;
	}
	bu->len = 0;
	bu->failed = false;
}

void
buffer_free(struct buffer *bu)
{
	buffer_wipe(bu);
	free(bu->at);
	*bu = (struct buffer){ 0 };
}

/* ---- the key and the folder */

const uint8_t journal_magic[FILE_MAGIC] = { 'L', 'S', 'A', 'J', 'R', 'N', 0, 1 };

int
journal_setup(struct store *st, const uint8_t key[STATE_KEY])
{
	static const uint8_t nonce[] = "lsaiso state key id";
	const char *dir = st->cf->state_directory;

	st->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir < 0) {
		log_err("%s: %s: caches will not survive a restart of lsass", dir, strerror(errno));
		return -1;
	}
	siv_cmac_aes256_set_key(&st->siv, key);
	siv_cmac_aes256_encrypt_message(&st->siv, sizeof(nonce), nonce, 0, NULL, SIV_DIGEST_SIZE,
					st->key_id, NULL);
	return 0;
}

void
journal_file(uid_t uid, char name[40])
{
	snprintf(name, 40, "uid-%u.journal", uid);
}

size_t
journal_ad(const struct collection *co, uint64_t seq, uint32_t type, uint8_t ad[64])
{
	memcpy(ad, journal_magic, FILE_MAGIC);
	wire_set_u32(ad + 8, co->uid);
	memcpy(ad + 12, co->jo.nonce, FILE_NONCE);
	wire_set_u32(ad + 28, (uint32_t)(seq >> 32));
	wire_set_u32(ad + 32, (uint32_t)seq);
	wire_set_u32(ad + 36, type);
	return 40;
}

/* ---- open files, the least recently used one closed first */

static void
lru_out(struct collection *co)
{
	struct store *st = co->store;
	struct journal *jo = &co->jo;

	*(jo->older != NULL ? &jo->older->jo.newer : &st->open_oldest) = jo->newer;
	*(jo->newer != NULL ? &jo->newer->jo.older : &st->open_newest) = jo->older;
	jo->older = jo->newer = NULL;
	st->nopen--;
}

static void
lru_in(struct collection *co)
{
	struct store *st = co->store;

	co->jo.older = st->open_newest;
	co->jo.newer = NULL;
	*(st->open_newest != NULL ? &st->open_newest->jo.newer : &st->open_oldest) = co;
	st->open_newest = co;
	st->nopen++;
}

void
journal_close(struct collection *co)
{
	if (co->jo.fd < 0)
		return;
	lru_out(co);
	close(co->jo.fd);
	co->jo.fd = -1;
}

static int
journal_open(struct collection *co)
{
	int how = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
	char name[40];

	if (co->jo.fd >= 0) {
		if (co->store->open_newest != co) {
			lru_out(co);
			lru_in(co);
		}
		return 0;
	}
	if (!co->jo.exists) {
		how |= O_CREAT | O_TRUNC;
		co->jo.size = 0;
	}
	if (co->store->nopen >= OPEN_MAX_FILES)
		journal_close(co->store->open_oldest);
	journal_file(co->uid, name);
	co->jo.fd = openat(co->store->dir, name, how, 0600);
	if (co->jo.fd < 0)
		return -1;
	lru_in(co);
	return 0;
}

/* ---- records */

static bool
kept(const struct store *st)
{
	return st->dir >= 0 && !st->loading;
}

/* Seal what is in plain as the next record of batch. */
static void
seal_record(struct collection *co, uint32_t type)
{
	struct store *st = co->store;
	struct buffer *plain = &st->plain, *batch = &st->batch;
	size_t sealed = plain->len + SIV_DIGEST_SIZE;
	uint8_t ad[64], nonce[8], *to;
	size_t ad_len = journal_ad(co, co->jo.seq, type, ad);

	if (plain->failed)
		batch->failed = true;
	buffer_u32(batch, (uint32_t)sealed);
	buffer_u32(batch, type);
	to = buffer_grow(batch, sealed);
	if (to != NULL) {
		wire_set_u32(nonce, (uint32_t)(co->jo.seq >> 32));
		wire_set_u32(nonce + 4, (uint32_t)co->jo.seq);
		siv_cmac_aes256_encrypt_message(&st->siv, sizeof(nonce), nonce, ad_len, ad, sealed,
						to, plain->at);
		co->jo.seq++;
	}
	buffer_wipe(plain);
}

/* The file's head and, after it and whenever lsaiso changed, the boot id. */
static void
begin(struct collection *co)
{
	struct store *st = co->store;

	if (!co->jo.exists && st->batch.len == 0) {
		random_octets(co->jo.nonce, FILE_NONCE);
		co->jo.seq = 0;
		co->jo.boot_now = false;
		buffer_put(&st->batch, journal_magic, FILE_MAGIC);
		buffer_put(&st->batch, st->key_id, KEY_ID);
		buffer_put(&st->batch, co->jo.nonce, FILE_NONCE);
	}
	if (!co->jo.boot_now) {
		buffer_put(&st->plain, st->boot_id, 16);
		seal_record(co, REC_BOOT);
		co->jo.boot_now = true;
	}
}

/* name, principal, offset, serial of the next credential, number to follow */
void
journal_cache(const struct cache *ca, size_t follow)
{
	struct buffer *bu = &ca->collection->store->plain;

	if (!kept(ca->collection->store))
		return;
	begin(ca->collection);
	buffer_text(bu, ca->name);
	buffer_data(bu, (struct rd){ ca->principal, ca->principal_len });
	buffer_u32(bu, (uint32_t)ca->kdc_offset);
	buffer_u32(bu, (uint32_t)follow);
	seal_record(ca->collection, REC_CACHE);
}

/* serial, {dead, session, generation, expires, blob} or 0, octets */
static void
put_cred(struct buffer *bu, const struct cred *cr)
{
	const struct logon *lo = cr->logon;

	buffer_u64(bu, cred_serial(cr));
	buffer_u32(bu, lo == NULL ? 0 : lo->dead ? 2 : 1);
	if (lo != NULL) {
		buffer_u32(bu, lo->session);
		buffer_u32(bu, lo->generation);
		buffer_u32(bu, lo->expires);
		buffer_data(bu, (struct rd){ cr->blob, cr->blob_len });
	}
	buffer_data(bu, (struct rd){ cr->octets, cr->len });
}

/* name, the credential */
void
journal_cred(const struct cred *cr)
{
	const struct cache *ca = cr->cache;

	if (!kept(ca->collection->store))
		return;
	begin(ca->collection);
	buffer_text(&ca->collection->store->plain, ca->name);
	put_cred(&ca->collection->store->plain, cr);
	seal_record(ca->collection, REC_CRED);
}

/* offset, the credential */
void
journal_kept(const struct cred *cr)
{
	struct collection *co = cr->cache->collection;

	if (!kept(co->store))
		return;
	begin(co);
	buffer_u32(&co->store->plain, (uint32_t)cr->kdc_offset);
	put_cred(&co->store->plain, cr);
	seal_record(co, REC_KEPT);
}

/* name (not of a kept ticket), serial */
void
journal_remove(const struct cred *cr)
{
	struct collection *co = cr->cache->collection;

	if (!kept(co->store))
		return;
	begin(co);
	if (!cr->cache->kept)
		buffer_text(&co->store->plain, cr->cache->name);
	buffer_u64(&co->store->plain, cred_serial(cr));
	seal_record(co, cr->cache->kept ? REC_UNKEPT : REC_REMOVE);
}

/* name, and for a move the new name */
void
journal_name(struct collection *co, uint32_t type, const char *name, const char *to)
{
	if (!kept(co->store))
		return;
	begin(co);
	buffer_text(&co->store->plain, name);
	if (to != NULL)
		buffer_text(&co->store->plain, to);
	seal_record(co, type);
}

/* name, offset */
void
journal_offset(const struct cache *ca)
{
	struct collection *co = ca->collection;

	if (!kept(co->store))
		return;
	begin(co);
	buffer_text(&co->store->plain, ca->name);
	buffer_u32(&co->store->plain, (uint32_t)ca->kdc_offset);
	seal_record(co, REC_OFFSET);
}

/* session, generation, expires, note */
void
journal_logon(struct collection *co, const struct logon *lo)
{
	struct buffer *bu = &co->store->plain;

	if (!kept(co->store))
		return;
	begin(co);
	buffer_u32(bu, lo->session);
	buffer_u32(bu, lo->generation);
	buffer_u32(bu, lo->expires);
	buffer_data(bu, (struct rd){ lo->note, lo->note_len });
	seal_record(co, lo->alone ? REC_ALONE : REC_LOGON);
}

/* ---- writing */

static int
write_all(int fd, const uint8_t *at, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Memory is right, the file is not: it will be written anew. */
static void
fall_behind(struct collection *co, const char *what)
{
	if (!co->jo.behind)
		log_err("state of uid %u: %s: %s; kept in memory, tried again every minute",
			co->uid, what, strerror(errno));
	co->jo.behind = true;
	journal_close(co);
}

/* Nothing is left: no file says more. */
static void
forget(struct collection *co)
{
	char name[40];

	journal_close(co);
	journal_file(co->uid, name);
	if (unlinkat(co->store->dir, name, 0) != 0 && errno != ENOENT) {
		fall_behind(co, "cannot remove file");
		return;
	}
	co->jo.exists = co->jo.behind = co->jo.boot_now = false;
	co->jo.size = 0;
}

static bool
is_empty(const struct collection *co)
{
	return co->ncaches == 0 && co->default_name == NULL && co->nnotes == 0 &&
	       collection_nkept(co) == 0;
}

void
journal_settle(struct collection *co)
{
	if (kept(co->store) && co->jo.exists && is_empty(co))
		forget(co);
}

/* A new file under another name, then in the place of the old one. */
static int
write_new(struct collection *co, const struct buffer *bu)
{
	char name[40], fresh[48];
	int fd;

	journal_file(co->uid, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	(void)unlinkat(co->store->dir, fresh, 0);
	fd = openat(co->store->dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, bu->at, bu->len) != 0 || close(fd) != 0 ||
	    renameat(co->store->dir, fresh, co->store->dir, name) != 0) {
		int saved = errno;

		(void)unlinkat(co->store->dir, fresh, 0);
		errno = saved;
		return -1;
	}
	return 0;
}

int
journal_rewrite(struct collection *co)
{
	struct buffer *batch = &co->store->batch;
	int ret;

	if (co->store->dir < 0)
		return 0;
	buffer_wipe(batch);
	journal_close(co);
	if (is_empty(co)) {
		forget(co);
		return co->jo.behind ? -1 : 0;
	}
	co->jo.exists = false;
	for (const struct logon *lo = co->store->logons; lo != NULL; lo = lo->next) {
		if (lo->note != NULL && !lo->dead && lo->owner == co->uid)
			journal_logon(co, lo);
	}
	if (co->default_name != NULL)
		journal_name(co, REC_DEFAULT, co->default_name, NULL);
	for (const struct cache *ca = co->first; ca != NULL; ca = ca->next) {
		journal_cache(ca, ca->ncreds);
		for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next)
			journal_cred(cr);
	}
	for (const struct cred *cr = co->kept != NULL ? co->kept->first : NULL; cr != NULL;
	     cr = cr->next)
		journal_kept(cr);
	if (batch->len == 0 && !batch->failed) { /* logons that are dead, no more */
		forget(co);
		return co->jo.behind ? -1 : 0;
	}
	errno = ENOMEM;
	ret = batch->failed ? -1 : write_new(co, batch);
	co->jo.size = batch->len;
	if (ret != 0) {
		fall_behind(co, "cannot write file");
	} else {
		co->jo.exists = true;
		co->jo.behind = false;
	}
	buffer_wipe(batch);
	return ret;
}

static bool
mostly_garbage(const struct collection *co)
{
	size_t live = co->octets + co->ncaches * 512;

	return co->jo.size > COMPACT_LEAST && co->jo.size / 2 > live;
}

void
journal_commit(struct collection *co)
{
	struct buffer *batch = &co->store->batch;
	bool whole = !batch->failed;

	if (!kept(co->store) || (batch->len == 0 && whole))
		return;
	errno = ENOMEM;
	if (co->jo.behind) {
		buffer_wipe(batch); /* the next rewriting has it */
		return;
	}
	if (is_empty(co)) {
		buffer_wipe(batch);
		forget(co);
		return;
	}
	if (whole && journal_open(co) == 0 && write_all(co->jo.fd, batch->at, batch->len) == 0) {
		co->jo.exists = true;
		co->jo.size += batch->len;
	} else {
		fall_behind(co, "cannot write file");
	}
	buffer_wipe(batch);
	if (!co->jo.behind && mostly_garbage(co))
		(void)journal_rewrite(co);
}
