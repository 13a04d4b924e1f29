/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The caches of all users, in memory, journalled to the state folder.
 * Single-threaded: only the loop thread calls.
 *
 *   collection  one per uid: caches by name, the default cache, quotas
 *   cache       a principal, credentials in order of arrival, an index by
 *               server name; belongs to at most one logon
 *   cred        the octets a client gets to see (wire.h). For a TGT-class
 *               credential the key in them is a random stand-in of the same
 *               length and `blob` is the real key as lsaiso sealed it
 *   logon       one session of lsaiso, counted: every cache and credential
 *               that uses it holds a reference; the last one to let go
 *               closes the session, which destroys its key (crypto-shredding)
 *
 * A cache that is copied inside KCM (STORE of a TGT-class credential whose
 * ticket and stand-in we know, same uid) takes a reference on the same logon
 * and the same blob; anything else TGT-class that arrives is absorbed.
 */
#ifndef LSASS_CACHE_STORE_H
#define LSASS_CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lsass/wire.h"

struct config;
struct store;
struct collection;

#define CACHE_NAME_MAX 255 /* octets, without the NUL */

struct logon {
	uint32_t refs;
	uint32_t session, generation;
	uid_t owner;
	bool dead; /* its lsaiso is gone: log on again */
};

struct cred {
	uint8_t uuid[16];
	struct cred *next, *prev; /* arrival order */
	struct cred *bucket;	  /* index chain */
	uint64_t server_hash;
	uint32_t endtime;
	int32_t etype;
	bool is_skey, is_config;
	struct logon *logon; /* TGT-class or absorbed NTLM: not NULL */
	uint16_t blob_len;   /* 0 unless logon */
	uint32_t len;
	uint8_t *octets;     /* wire.h cred, malloc; wiped before free */
	uint8_t *blob;
};

struct cache {
	struct collection *collection;
	uint64_t id; /* new at every initialize and replace; never reused */
	uint8_t uuid[16];
	char name[CACHE_NAME_MAX + 1];
	uint8_t *principal; /* wire.h principal, NULL: reserved, not initialized */
	size_t principal_len;
	int32_t kdc_offset;
	size_t ncreds;
	struct cred *first, *last;
	/* the index is store.c's */
	struct cred **buckets;
	uint32_t nbuckets;
	size_t octets; /* of credentials, for the quota */
};

/* All functions below that can fail return 0 or a krb5_error_code that the
 * KCM front can send as it is (KRB5_FCC_NOFILE, KRB5_CC_NOTFOUND, ...). */
typedef int32_t kcode;

/*
 * Open the store: loads every journal of the state folder (state.keep), sets
 * torn or foreign ones aside as NAME.damaged-N and logs it. state_key is
 * copied; the caller wipes its own. Credentials whose boot id is not the
 * running lsaiso's come up with a dead logon.
 */
struct store *store_open(const struct config *cf, const uint8_t state_key[64]);
void store_close(struct store *st); /* flushes journals; wipes everything */

/* The running lsaiso changed: all logons of another boot id are dead. */
void store_boot_id(struct store *st, const uint8_t boot_id[16]);

/* Totals, for lsactl status. */
struct store_totals {
	size_t users, caches, creds, octets, logons;
	uint64_t absorbed, evicted, purged, damaged_files;
};
void store_totals(const struct store *st, struct store_totals *totals);

/* ---- collections */
struct collection *store_collection(struct store *st, uid_t uid); /* made if missing */
uid_t collection_uid(const struct collection *co);
/* Call fn for each; fn returns true to stop. Safe against destroying the current one. */
void store_each_collection(struct store *st, bool (*fn)(struct collection *, void *), void *arg);
void collection_each_cache(struct collection *co, bool (*fn)(struct cache *, void *), void *arg);
size_t collection_ncaches(const struct collection *co);
size_t collection_octets(const struct collection *co);
const char *collection_default(struct collection *co); /* always a name */
kcode collection_set_default(struct collection *co, const char *name);
struct cache *cache_by_name(struct collection *co, const char *name);
struct cache *cache_by_uuid(struct collection *co, const uint8_t uuid[16]);
/* Reserve an unused name ("0", "1", ...; GEN_NEW). */
kcode collection_new_name(struct collection *co, char name[CACHE_NAME_MAX + 1]);

/* ---- caches */
/* Create or empty. A logon that only this cache used is closed (shredded). */
kcode cache_initialize(struct collection *co, const char *name, struct rd principal,
		       struct cache **cache);
void cache_destroy(struct cache *ca);
kcode cache_move(struct cache *from, const char *to); /* replaces `to` */
kcode cache_set_offset(struct cache *ca, int32_t offset);

/*
 * Add one credential; a TGT-class one is absorbed into lsaiso, and octets'
 * key bytes are wiped in place (octets is the caller's receive buffer).
 * Replaces an entry of the same server, and, for config entries, same name.
 * Quota: expired credentials go first; then KRB5_CC_WRITE ("no room") and
 * nothing is changed.
 */
kcode cache_store(struct cache *ca, uint8_t *octets, size_t len);

/* Add what a TGS exchange brought: blob empty, or sealed by lsaiso already. */
kcode cache_store_sealed(struct cache *ca, struct rd cred, uint32_t session, uint32_t generation,
			 struct rd blob);

/* The first live match of RETRIEVE, REMOVE_CRED flags and mcred; NULL: none. */
struct cred *cache_match(struct cache *ca, uint32_t flags, const struct wire_cred *match);
kcode cache_remove(struct cache *ca, struct cred *cr);
/* Drop expired service tickets. Returns how many. */
size_t cache_purge(struct cache *ca, uint32_t now);
/* hidden from every read path: fast_avail, ntlm-key-* */
bool cred_hidden(const struct cred *cr);

#endif
