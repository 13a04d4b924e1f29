/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state files read back. A file that cannot be read to its end costs
 * what came after the fault and nothing else: it is set aside under another
 * name for whoever wants to look, and written anew. Never fatal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/cache/private.h"

#define DAMAGED_MAX 8u /* set-aside copies kept of one file */

/* A file being replayed. */
struct replay {
	struct collection *co;
	struct cache *shadow; /* a cache whose first credentials are still coming */
	uint32_t follow;
	bool boot_now; /* the records here belong to the running lsaiso */
	uint64_t seq;
	/* every logon met holds a reference until the end of the file */
	struct logon **logons;
	size_t nlogons, size;
};

enum outcome { WHOLE, TORN, DAMAGED, FOREIGN };

static int
take_u64(struct rd *in, uint64_t *value)
{
	uint32_t high, low;

	if (wire_u32(in, &high) != 0 || wire_u32(in, &low) != 0)
		return -1;
	*value = (uint64_t)high << 32 | low;
	return 0;
}

static int
take_name(struct rd *in, char name[CACHE_NAME_MAX + 1])
{
	struct rd data;

	if (wire_data(in, &data) != 0 || data.len == 0 || data.len > CACHE_NAME_MAX ||
	    memchr(data.at, 0, data.len) != NULL)
		return -1;
	memcpy(name, data.at, data.len);
	name[data.len] = 0;
	return 0;
}

static int
play_boot(struct replay *re, struct rd in)
{
	struct store *st = re->co->store;

	if (in.len != 16)
		return -1;
	for (size_t i = 0; i < re->nlogons; i++)
		logon_die(re->logons[i]);
	re->boot_now = st->has_boot && memcmp(in.at, st->boot_id, 16) == 0;
	return 0;
}

/* Put a cache that is complete in the place of the one of its name. */
static int
shadow_done(struct replay *re)
{
	struct cache *ca = re->shadow, *old = cache_by_name(re->co, ca->name);

	re->shadow = NULL;
	if (old != NULL) {
		cache_unlink(old);
		cache_free(old);
	}
	if (cache_link(ca) != 0) {
		cache_free(ca);
		return -1;
	}
	return 0;
}

static int
play_cache(struct replay *re, struct rd in)
{
	char name[CACHE_NAME_MAX + 1];
	struct wire_princ pr;
	struct rd principal, whole;
	uint32_t offset;

	if (take_name(&in, name) != 0 || wire_data(&in, &principal) != 0 ||
	    wire_u32(&in, &offset) != 0 || wire_u32(&in, &re->follow) != 0 || in.len != 0)
		return -1;
	whole = principal;
	if (wire_princ(&whole, &pr) != 0 || whole.len != 0)
		return -1;
	re->shadow = cache_new(re->co, name, principal);
	if (re->shadow == NULL)
		return -1;
	re->shadow->kdc_offset = (int32_t)offset;
	return re->follow == 0 ? shadow_done(re) : 0;
}

/* The logon a record names; a reference for the credential. */
static struct logon *
play_logon(struct replay *re, bool live, const uint32_t id[3])
{
	struct store *st = re->co->store;
	struct logon *lo = NULL;

	if (live)
		lo = logon_find(st, re->co->uid, id[0], id[1]);
	if (lo != NULL)
		return logon_ref(lo);
	if (re->nlogons == re->size) {
		size_t size = re->size == 0 ? 16 : re->size * 2;
		struct logon **more = realloc(re->logons, size * sizeof(struct logon *));

		if (more == NULL)
			return NULL;
		re->logons = more;
		re->size = size;
	}
	lo = logon_new(st, re->co->uid);
	if (lo == NULL)
		return NULL;
	if (live && logon_live(lo, id[0], id[1], id[2]) != 0) {
		logon_unref(lo);
		return NULL;
	}
	re->logons[re->nlogons++] = logon_ref(lo);
	return lo;
}

static int
play_sealed(struct replay *re, struct cred *cr, uint32_t state, struct rd *in, struct rd *blob)
{
	uint32_t id[3];

	if (wire_u32(in, &id[0]) != 0 || wire_u32(in, &id[1]) != 0 || wire_u32(in, &id[2]) != 0 ||
	    wire_data(in, blob) != 0 || blob->len > ISO_BLOB_MAX)
		return -1;
	cr->logon = play_logon(re, state == 1 && re->boot_now, id);
	return cr->logon != NULL ? 0 : -1;
}

/* Link a credential, in place of the one it replaced when it was stored. */
static int
play_link(struct cache *ca, struct cred *cr, const struct wire_cred *wc, uint64_t serial)
{
	struct cred *old = cred_twin(ca, wc, cr->by_server.hash);

	if (cred_link(ca, cr, serial) != 0)
		return -1;
	if (old != NULL) {
		cred_unlink(old);
		cred_free(old);
	}
	if (serial > ca->collection->next_serial)
		ca->collection->next_serial = serial;
	if (cr->logon != NULL && !cr->logon->dead && ca->logon != cr->logon) {
		if (ca->logon != NULL)
			logon_unref(ca->logon);
		ca->logon = logon_ref(cr->logon);
	}
	return 0;
}

/* A credential with its logon and blob; NULL: malformed, no memory. */
static struct cred *
take_cred(struct replay *re, struct rd head, struct wire_cred *wc, uint64_t *serial)
{
	struct rd blob = { 0 }, octets, whole;
	struct cred stub = { 0 }, *cr = NULL;
	uint32_t state;

	if (take_u64(&head, serial) != 0 || wire_u32(&head, &state) != 0 || state > 2)
		return NULL;
	if (state != 0 && play_sealed(re, &stub, state, &head, &blob) != 0)
		return NULL;
	if (wire_data(&head, &octets) != 0 || head.len != 0)
		goto out;
	whole = octets;
	if (wire_cred(&whole, wc) != 0 || whole.len != 0 || (cr = cred_new(octets, wc)) == NULL)
		goto out;
	if (blob.len > 0) {
		cr->blob = malloc(blob.len);
		if (cr->blob == NULL) {
			cred_free(cr);
			cr = NULL;
			goto out;
		}
		memcpy(cr->blob, blob.at, blob.len);
		cr->blob_len = (uint16_t)blob.len;
	}
	cr->logon = stub.logon;
	stub.logon = NULL;
out:
	if (stub.logon != NULL)
		logon_unref(stub.logon);
	return cr;
}

static int
play_cred(struct replay *re, struct rd in)
{
	char name[CACHE_NAME_MAX + 1];
	struct wire_cred wc;
	struct cache *ca;
	struct cred *cr;
	uint64_t serial;

	if (take_name(&in, name) != 0)
		return -1;
	ca = re->shadow != NULL ? re->shadow : cache_by_name(re->co, name);
	cr = ca != NULL ? take_cred(re, in, &wc, &serial) : NULL;
	if (cr == NULL)
		return -1;
	if (play_link(ca, cr, &wc, serial) != 0) {
		cred_free(cr);
		return -1;
	}
	return re->shadow != NULL && --re->follow == 0 ? shadow_done(re) : 0;
}

static int
play_kept(struct replay *re, struct rd in)
{
	struct wire_cred wc;
	struct cred *cr;
	uint64_t serial;
	uint32_t offset;

	if (wire_u32(&in, &offset) != 0 || (cr = take_cred(re, in, &wc, &serial)) == NULL)
		return -1;
	cr->kdc_offset = (int32_t)offset;
	if (cr->logon == NULL || kept_link(re->co, cr, serial) != 0) {
		cred_free(cr);
		return -1;
	}
	if (serial > re->co->next_serial)
		re->co->next_serial = serial;
	return 0;
}

static int
play_unkept(struct replay *re, struct rd in)
{
	struct cred *cr = NULL;
	uint64_t serial;

	if (take_u64(&in, &serial) != 0 || in.len != 0)
		return -1;
	if (re->co->kept != NULL)
		cr = cred_by_serial(re->co->kept, serial);
	if (cr == NULL)
		return -1;
	kept_drop(cr);
	return 0;
}

/* The records that name a cache and change it. */
static int
play_change(struct replay *re, uint32_t type, struct rd in)
{
	char name[CACHE_NAME_MAX + 1], to[CACHE_NAME_MAX + 1];
	struct cache *ca;
	struct cred *cr;
	uint64_t serial;
	uint32_t offset;

	if (take_name(&in, name) != 0)
		return -1;
	if (type == REC_DEFAULT)
		return in.len == 0 && collection_set_default(re->co, name) == 0 ? 0 : -1;
	ca = cache_by_name(re->co, name);
	if (ca == NULL)
		return -1;
	switch (type) {
	case REC_REMOVE:
		if (take_u64(&in, &serial) != 0 || in.len != 0 ||
		    (cr = cred_by_serial(ca, serial)) == NULL)
			return -1;
		return cache_remove(ca, cr) == 0 ? 0 : -1;
	case REC_DESTROY:
		if (in.len != 0)
			return -1;
		cache_destroy(ca);
		return 0;
	case REC_MOVE:
		if (take_name(&in, to) != 0 || in.len != 0)
			return -1;
		return cache_move(ca, to) == 0 ? 0 : -1;
	case REC_OFFSET:
		if (wire_u32(&in, &offset) != 0 || in.len != 0)
			return -1;
		ca->kdc_offset = (int32_t)offset;
		return 0;
	default:
		return -1;
	}
}

/* Without a cache that uses it, its session is closed at the end of the file, unless it is alone.
 */
static int
play_noted(struct replay *re, struct rd in, bool alone)
{
	uint32_t id[3];
	struct rd note;
	struct logon *lo;
	int ret = 0;

	if (wire_u32(&in, &id[0]) != 0 || wire_u32(&in, &id[1]) != 0 ||
	    wire_u32(&in, &id[2]) != 0 || wire_data(&in, &note) != 0 || in.len != 0 ||
	    (lo = play_logon(re, re->boot_now, id)) == NULL)
		return -1;
	lo->alone = alone;
	if (!lo->dead)
		ret = logon_keep_note(lo, note.at, note.len);
	logon_unref(lo);
	return ret;
}

static int
play(struct replay *re, uint32_t type, struct rd in)
{
	if (re->shadow != NULL && type != REC_CRED)
		return -1;
	switch (type) {
	case REC_LOGON:
	case REC_ALONE:
		return play_noted(re, in, type == REC_ALONE);
	case REC_BOOT:
		return play_boot(re, in);
	case REC_CACHE:
		return play_cache(re, in);
	case REC_CRED:
		return play_cred(re, in);
	case REC_KEPT:
		return play_kept(re, in);
	case REC_UNKEPT:
		return play_unkept(re, in);
	default:
		return play_change(re, type, in);
	}
}

/* Open one sealed record; what comes out lives in the store's plain buffer. */
static bool
open_record(struct replay *re, uint64_t seq, uint32_t type, const uint8_t *at, size_t n,
	    struct rd *record)
{
	uint8_t ad[64], nonce[8];
	size_t ad_len = journal_ad(re->co, seq, type, ad);

	wire_set_u32(nonce, (uint32_t)(seq >> 32));
	wire_set_u32(nonce + 4, (uint32_t)seq);
	record->len = n - SIV_DIGEST_SIZE;
	record->at = buffer_grow(&re->co->store->plain, record->len);
	if (record->at == NULL)
		return false;
	return siv_cmac_aes256_decrypt_message(&re->co->store->siv, sizeof(nonce), nonce, ad_len,
					       ad, record->len, re->co->store->plain.at, at) == 1;
}

/* Replay one record; used: out, its octets, if the outcome is WHOLE. */
static enum outcome
replay_record(struct replay *re, const uint8_t *frame, size_t left, size_t *used)
{
	struct rd record;
	uint32_t type;
	size_t len;

	if (left < FRAME_HEAD)
		return TORN;
	len = wire_get_u32(frame);
	type = wire_get_u32(frame + 4);
	if (len < SIV_DIGEST_SIZE || len > RECORD_MAX)
		return DAMAGED;
	if (len > left - FRAME_HEAD)
		return TORN;
	if (!open_record(re, re->seq, type, frame + FRAME_HEAD, len, &record) ||
	    (re->seq == 0 && type != REC_BOOT) || play(re, type, record) != 0)
		return DAMAGED;
	re->seq++;
	*used = FRAME_HEAD + len;
	return WHOLE;
}

/* Replay the records after the header. good: out, octets understood. */
static enum outcome
replay_records(struct replay *re, uint8_t *at, size_t n, size_t *good)
{
	enum outcome outcome = WHOLE;

	*good = 0;
	while (outcome == WHOLE && *good < n) {
		size_t used = 0;

		outcome = replay_record(re, at + *good, n - *good, &used);
		*good += used;
		buffer_wipe(&re->co->store->plain);
	}
	if (re->shadow != NULL) {
		cache_free(re->shadow);
		re->shadow = NULL;
		outcome = outcome == WHOLE ? TORN : outcome;
	}
	return outcome;
}

static enum outcome
replay_file(struct replay *re, uint8_t *at, size_t n, size_t *good)
{
	struct store *st = re->co->store;
	enum outcome outcome;

	*good = 0;
	if (n < FILE_HEADER)
		return TORN;
	memcpy(re->co->jo.nonce, at + 8 + KEY_ID, FILE_NONCE);
	outcome = replay_records(re, at + FILE_HEADER, n - FILE_HEADER, good);
	if (memcmp(at + 8, st->key_id, KEY_ID) != 0)
		return *good == 0 ? FOREIGN : DAMAGED;
	if (memcmp(at, journal_magic, FILE_MAGIC) != 0)
		return DAMAGED;
	return outcome;
}

static uint8_t *
read_file(int dir, const char *name, size_t *n)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *at = NULL;
	struct stat sb;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode))
		at = malloc((size_t)sb.st_size + 1);
	while (at != NULL && *n < (size_t)sb.st_size) {
		ssize_t got = read(fd, at + *n, (size_t)sb.st_size - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(at);
			at = NULL;
		}
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	close(fd);
	return at;
}

/* Give the file a second name, the first free one of NAME.damaged-N. */
static void
set_aside(struct store *st, const char *name, const char *why)
{
	char aside[64] = "";
	int made = -1;

	for (unsigned int i = 1; i <= DAMAGED_MAX && made != 0; i++) {
		snprintf(aside, sizeof(aside), "%s.damaged-%u", name, i);
		made = linkat(st->dir, name, st->dir, aside, 0);
		if (made != 0 && errno != EEXIST)
			break;
	}
	st->damaged_files++;
	if (made == 0)
		log_warn("%s/%s is %s: what was before that is kept, the file set aside as %s",
			 st->cf->state_directory, name, why, aside);
	else
		log_warn("%s/%s is %s: what was before that is kept; not set aside: %s",
			 st->cf->state_directory, name, why, strerror(errno));
}

/* New names go on after the highest number in use. */
static void
count_names(struct collection *co)
{
	for (const struct cache *ca = co->first; ca != NULL; ca = ca->next) {
		char *end;
		unsigned long long number = strtoull(ca->name, &end, 10);

		if (*end == 0 && number < UINT32_MAX && number >= co->next_name)
			co->next_name = number + 1;
	}
}

static void
finish(struct replay *re, enum outcome outcome, const char *name, size_t size)
{
	struct collection *co = re->co;
	struct store *st = co->store;

	for (size_t i = 0; i < re->nlogons; i++) {
		struct logon *lo = re->logons[i];

		lo->alone = lo->alone && !lo->dead && lo->note != NULL;
		if (!lo->alone)
			logon_unref(lo); /* else it is lsass/logon's now */
	}
	free(re->logons);
	count_names(co);
	co->jo.seq = re->seq;
	co->jo.size = size;
	co->jo.boot_now = re->boot_now;
	co->jo.exists = outcome == WHOLE && size > FILE_HEADER;
	if (outcome == WHOLE && co->jo.exists)
		return;
	if (outcome == FOREIGN) {
		log_notice("%s/%s was sealed by an earlier lsainit and cannot be opened any more: "
			   "removed",
			   st->cf->state_directory, name);
		(void)unlinkat(st->dir, name, 0);
		return;
	}
	if (outcome != WHOLE)
		set_aside(st, name, outcome == TORN ? "torn" : "damaged");
	st->loading = false;
	(void)journal_rewrite(co);
	st->loading = true;
}

static void
load_one(struct store *st, uid_t uid, const char *name)
{
	struct replay re = { .co = store_collection(st, uid) };
	enum outcome outcome;
	uint8_t *at;
	size_t n, good;

	if (re.co == NULL)
		return;
	at = read_file(st->dir, name, &n);
	if (at == NULL) {
		log_warn("%s/%s: %s", st->cf->state_directory, name, strerror(errno));
		return;
	}
	outcome = replay_file(&re, at, n, &good);
	finish(&re, outcome, name, n);
	log_debug("%s: %zu of %zu octets, %zu caches", name, good + FILE_HEADER, n, re.co->ncaches);
	free(at);
}

void
journal_load_all(struct store *st)
{
	int fd = dup(st->dir);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (dir == NULL) {
		log_err("%s: %s", st->cf->state_directory, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	rewinddir(dir);
	while ((de = readdir(dir)) != NULL) {
		char expected[40];
		uid_t uid;

		if (strncmp(de->d_name, "uid-", 4) != 0)
			continue;
		uid = (uid_t)strtoul(de->d_name + 4, NULL, 10);
		journal_file(uid, expected); /* no other spelling of the number counts */
		if (strcmp(de->d_name, expected) == 0)
			load_one(st, uid, expected);
		else if (strncmp(de->d_name, expected, strlen(expected)) == 0 &&
			 strcmp(de->d_name + strlen(expected), ".new") == 0)
			(void)unlinkat(st->dir, de->d_name, 0);
	}
	closedir(dir);
}
