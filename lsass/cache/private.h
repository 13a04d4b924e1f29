/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the store share among themselves; nobody else includes it.
 *
 *   store.c    the store, collections, names, the slow timer
 *   cache.c    caches and credentials as data: link, unlink, find
 *   change.c   the operations that change a cache: check, absorb, link, journal
 *   room.c     quotas and who goes first
 *   match.c    match credentials
 *   absorb.c   logons, stand-ins: the only file that asks lsaiso
 *   logon.c    logons that lsass/logon makes, and their notes
 *   kept.c     tickets that no cache has, and tickets found by their octets
 *   journal.c  the state files: records, appending, compaction
 *   load.c     the state files read back
 */
#ifndef LSASS_CACHE_PRIVATE_H
#define LSASS_CACHE_PRIVATE_H

#include <nettle/siv-cmac.h>
#include <time.h>

#include "lsass/cache/store.h"

#define STATE_KEY   64u
#define FILE_MAGIC  8u
#define FILE_NONCE  16u
#define KEY_ID	    16u
#define FILE_HEADER (FILE_MAGIC + KEY_ID + FILE_NONCE)
#define FRAME_HEAD  8u	       /* u32 length of what follows, u32 type */
#define RECORD_MAX  (8u << 20) /* of one record */

/* Types of records. */
enum {
	REC_BOOT = 1,	 /* boot id of the lsaiso that sealed what follows */
	REC_CACHE = 2,	 /* a cache made or emptied; its first n credentials follow */
	REC_CRED = 3,	 /* a credential stored */
	REC_REMOVE = 4,	 /* a credential gone */
	REC_DESTROY = 5, /* a cache gone */
	REC_MOVE = 6,
	REC_OFFSET = 7,
	REC_DEFAULT = 8,
	REC_LOGON = 9,	 /* a logon of lsass/logon, or news of it */
	REC_ALONE = 10,	 /* the same of one that no cache has */
	REC_KEPT = 11,	 /* a kept ticket */
	REC_UNKEPT = 12, /* it is gone */
};

struct buffer {
	uint8_t *at;
	size_t len, size;
	bool failed; /* no memory: what is in it is not whole */
};

/* The state file of one uid. */
struct journal {
	int fd;	       /* -1: not open now */
	bool exists;   /* the file is there, size and seq hold */
	bool behind;   /* a write failed: memory is ahead of the file */
	bool boot_now; /* the last REC_BOOT is of the present boot id */
	uint64_t size, seq;
	uint8_t nonce[FILE_NONCE];
	struct collection *older, *newer; /* open files, by last use */
};

struct collection {
	struct node by_uid;
	struct collection *next;
	struct store *store;
	uid_t uid;
	struct table names, uuids; /* of caches */
	struct table standins;	   /* TGT-class credentials by their stand-in */
	struct cache *first, *last;
	struct cache *kept; /* kept tickets, the least recently used first; NULL: never any */
	size_t ncaches, octets, nnotes;
	uint32_t clients;
	char *default_name; /* NULL: none set */
	uint64_t next_name, next_serial;
	struct journal jo;
};

struct store {
	const struct config *cf;
	struct table uids;
	struct collection *first;
	struct table sessions; /* live logons */
	struct table tickets;  /* credentials whose key is withheld */
	struct logon *logons;
	size_t ncollections, nlogons;
	uint8_t boot_id[16];
	bool has_boot, loading;
	void (*ended)(struct held *);
	uint8_t uuid_head[8];
	uint64_t next_id;
	uint64_t plain_refused;
	uint64_t absorbed, evicted, purged, damaged_files;
	/* journals */
	int dir; /* -1: nothing is kept */
	struct siv_cmac_aes256_ctx siv;
	uint8_t key_id[KEY_ID];
	struct buffer plain, batch; /* one record; the frames of one write */
	struct collection *open_newest, *open_oldest;
	size_t nopen;
};

static inline uint32_t
now_s(void)
{
	return (uint32_t)time(NULL);
}

/* ---- cache.c */
struct cache *cache_new(struct collection *co, const char *name, struct rd principal);
void cache_free(struct cache *ca); /* not linked any more; lets its logons go */
int cache_link(struct cache *ca);  /* -1: memory */
void cache_unlink(struct cache *ca);
void cache_rename(struct cache *ca, char *name);
/* Takes octets over on success; its members are filled from what wire_cred read. */
struct cred *cred_new(struct rd octets, const struct wire_cred *wc);
void cred_free(struct cred *cr);
int cred_link(struct cache *ca, struct cred *cr, uint64_t serial); /* -1: memory */
void cred_unlink(struct cred *cr);
/*
 * Unlink what a renewal has replaced. Copies of it may be in files, and are good until
 * it ends: its stand-in stays known for as long, or until the cache goes.
 */
void cred_retire(struct cred *cr);
void former_purge(struct cache *ca, uint32_t now);
size_t cred_cost(const struct cred *cr);
uint64_t cred_serial(const struct cred *cr);
struct cred *cred_by_serial(struct cache *ca, uint64_t serial);
/* The credential that storing this one would replace. */
struct cred *cred_twin(struct cache *ca, const struct wire_cred *wc, uint64_t hash);
void cred_bury(struct cred *cr); /* its logon died: shown as expired */
int cred_parse(const struct cred *cr, struct wire_cred *wc);

/* ---- store.c */
void collection_rename_default(struct collection *co, char *name); /* takes name over */
void store_bury(struct store *st); /* credentials of dead logons are shown as expired */

/* ---- room.c */
/*
 * See that one more cache, cost more octets, or one more credential of len
 * octets in ca stays within the quotas, dropping what expired (but never the
 * cache `keep` or ca). urgent: service tickets may go too. Credentials of any
 * cache may be gone afterwards. 0 or KRB5_CC_WRITE.
 */
kcode room_cache(struct collection *co, const char *name);
kcode room_octets(struct collection *co, struct cache *keep, size_t cost, bool urgent);
kcode room_cred(struct cache *ca, const struct wire_cred *wc, size_t len, bool urgent);

/* ---- kept.c */
int ticket_add(struct cred *cr); /* to the store's table; -1: memory */
void ticket_del(struct cred *cr);
/* Takes cr over, its logon and blob attached; -1: memory, and it is the caller's still. */
int kept_link(struct collection *co, struct cred *cr, uint64_t serial);
/* What expired before now, and if asked what is dead. Returns how many. */
size_t kept_purge(struct collection *co, uint32_t now, bool dead);
void kept_drop(struct cred *cr);
void kept_remove(struct cred *cr); /* and journal that; the caller commits */
void kept_free(struct collection *co);

/* ---- absorb.c */
struct sealed {
	struct logon *logon; /* a reference; NULL: nothing to withhold */
	uint16_t blob_len;
	uint8_t blob[ISO_BLOB_MAX];
};
#define ABSORB_DROP 1 /* not an error: nothing is to be stored */
kcode absorb(struct cache *ca, uint8_t *octets, const struct wire_cred *wc, struct sealed *out);
struct logon *logon_new(struct store *st, uid_t owner); /* dead, 1 reference */
int logon_live(struct logon *lo, uint32_t session, uint32_t generation, uint32_t expires);
/* False: there is no lsaiso to tell. */
bool logon_close(uid_t owner, uint32_t session, uint32_t generation);
void logon_die(struct logon *lo);
int logon_keep_note(struct logon *lo, const uint8_t *note, size_t n); /* in memory */
void logon_drop_note(struct logon *lo);
void logon_verify(struct store *st); /* asks lsaiso for each; dead ones die */
/* What could not be closed: now, with tell, or never more. */
void logon_settle(struct store *st, bool tell);
void logon_free_all(struct store *st); /* without a word to lsaiso */
void random_octets(uint8_t *at, size_t n);

/* ---- journal.c: add records, then commit: one write */
void journal_cache(const struct cache *ca, size_t follow);
void journal_cred(const struct cred *cr);
void journal_remove(const struct cred *cr);
void journal_kept(const struct cred *cr);
void journal_name(struct collection *co, uint32_t type, const char *name, const char *to);
void journal_offset(const struct cache *ca);
void journal_logon(struct collection *co, const struct logon *lo);
/* No cache, no logon: no file. */
void journal_settle(struct collection *co);
void journal_commit(struct collection *co);
/* Write the whole collection anew; 0 or -1, then it is tried again later. */
int journal_rewrite(struct collection *co);
void journal_close(struct collection *co);
int journal_setup(struct store *st, const uint8_t key[STATE_KEY]);
void journal_file(uid_t uid, char name[40]);
size_t journal_ad(const struct collection *co, uint64_t seq, uint32_t type, uint8_t ad[64]);
extern const uint8_t journal_magic[FILE_MAGIC];

/* ---- load.c */
void journal_load_all(struct store *st);

/* ---- buffers (journal.c) */
void buffer_put(struct buffer *bu, const void *at, size_t n);
uint8_t *buffer_grow(struct buffer *bu, size_t n); /* n octets to fill; NULL: memory */
void buffer_u32(struct buffer *bu, uint32_t value);
void buffer_u64(struct buffer *bu, uint64_t value);
void buffer_data(struct buffer *bu, struct rd data);
void buffer_wipe(struct buffer *bu); /* empty again; big ones are given back */
void buffer_free(struct buffer *bu);

#endif
