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

#include "lsass/cache/table.h"
#include "lsass/wire.h"

struct config;
struct store;
struct collection;
struct held; /* lsass/logon/logons.h */

#define CACHE_NAME_MAX 255 /* octets, without the NUL */

struct logon {
	uint32_t refs;
	uint32_t session, generation;
	uid_t owner;
	uint32_t expires;	/* seconds since 1970, of the session */
	bool dead;		/* its lsaiso is gone: log on again */
	bool alone;		/* no cache has it: lsass/logon does, also after a restart */
	bool unclosed;		/* nobody's any more, but lsaiso could not be told */
	struct node by_session; /* while alive */
	uint8_t *note;		/* what lsass/logon keeps of it; NULL: it came by STORE */
	size_t note_len;
	struct held *held;	   /* lsass/logon's reading of the note */
	int64_t forwardable_until; /* lsass/front/kdc/forward.c's */
	struct logon *next, *prev; /* of the store */
	struct store *store;
};

struct cred {
	struct node by_server, by_uuid, by_standin, by_ticket; /* the store's tables */
	struct cred *next, *prev;			       /* arrival order */
	struct cache *cache;
	uint8_t uuid[16];
	uint32_t endtime;   /* KDC clock; 0 for config entries */
	int32_t kdc_offset; /* of a kept ticket: KDC clock minus ours, seconds */
	int32_t etype;
	bool is_skey, is_config, is_tgt_class, hidden;
	bool loose;	     /* kept, until a cache of ours stores it */
	struct logon *logon; /* TGT-class or absorbed NTLM: not NULL; NULL: key not withheld */
	uint16_t blob_len;   /* 0 unless logon */
	uint32_t len;
	uint8_t *octets; /* wire.h cred, malloc; wiped before free */
	uint8_t *blob;
};

struct cache {
	struct node by_name, by_uuid;
	struct cache *next, *prev; /* of the collection, order of creation */
	struct collection *collection;
	uint64_t id; /* new at every initialize and replace; never reused */
	uint8_t uuid[16];
	char *name;
	uint8_t *principal; /* wire.h principal */
	size_t principal_len;
	int32_t kdc_offset;  /* KDC clock minus ours, seconds */
	bool linked;	     /* in its collection; else still being made */
	bool kept;	     /* no cache, but where a collection has its kept tickets */
	struct logon *logon; /* takes what is absorbed next; NULL: none yet */
	size_t ncreds, nlisted;
	struct cred *first, *last;
	struct cred *former; /* what renewals replaced: only found by ticket, in memory only */
	struct table servers, uuids; /* of creds */
	size_t octets;		     /* as the quota counts them */
	size_t listed;		     /* octets of the creds that are not hidden */
	struct renewal *renewal;     /* lsass/logon/renew.c's, one malloc; NULL: none */
};

/* All functions below that can fail return 0 or a krb5_error_code that the
 * KCM front can send as it is (KRB5_FCC_NOFILE, KRB5_CC_NOTFOUND, ...). */
typedef int32_t kcode;

/*
 * Open the store: loads every journal of the state folder (state.keep), sets
 * torn or edited ones aside as NAME.damaged-N and logs it. state_key is
 * copied; the caller wipes its own. Call when lsaiso is attached:
 * credentials of another boot id come up with a dead logon. NULL: no memory.
 */
struct store *store_open(const struct config *cf, const uint8_t state_key[64]);
void store_close(struct store *st); /* wipes everything; the journals stay */

/*
 * The running lsaiso changed (NULL: it is gone): all logons so far are dead.
 * Is it the same as before, sessions are closed that could not be meanwhile.
 */
void store_boot_id(struct store *st, const uint8_t boot_id[16]);

/* Once a minute: purges expired tickets, retries journals that failed. */
void store_tick(struct store *st);

/* Totals, for lsactl status. */
struct store_totals {
	size_t users, caches, creds, octets, logons;
	size_t kept; /* tickets of collection_keep_ticket; creds has them too */
	uint64_t absorbed, evicted, purged, damaged_files;
	uint64_t plain_refused; /* [kcm] plain_logon = refuse */
};
void store_totals(const struct store *st, struct store_totals *totals);

/* ---- logons of lsass/logon: made there, used by caches as the others are
 * The session is open already; a reference, NULL: no memory (and it is closed). */
struct logon *logon_begin(struct store *st, uid_t owner, uint32_t session, uint32_t generation,
			  uint32_t expires);
/* A note of it, opaque, sealed in the journal like a credential: -1: no memory. */
int logon_set_note(struct logon *lo, const uint8_t *note, size_t n);
/* Close its session now, whoever holds it. */
void logon_end(struct logon *lo);
struct logon *logon_find(struct store *st, uid_t owner, uint32_t session, uint32_t generation);
struct logon *logon_ref(struct logon *lo);
void logon_unref(struct logon *lo); /* the last one closes the session */
void store_each_logon(struct store *st, bool (*fn)(struct logon *, void *), void *arg);
/* Who frees held, when a logon goes that has one. */
void store_on_end(struct store *st, void (*ended)(struct held *));
/* Does anything of this cache belong to the logon? */
bool cache_uses(const struct cache *ca, const struct logon *lo);

/* ---- collections */
struct collection *store_collection(struct store *st,
				    uid_t uid); /* made if missing; NULL: memory */
uid_t collection_uid(const struct collection *co);
uint32_t *collection_clients(struct collection *co); /* a counter for the KCM front */
/* Call fn for each; fn returns true to stop. Safe against destroying the current one. */
void store_each_collection(struct store *st, bool (*fn)(struct collection *, void *), void *arg);
void collection_each_cache(struct collection *co, bool (*fn)(struct cache *, void *), void *arg);
size_t collection_ncaches(const struct collection *co);
size_t collection_octets(const struct collection *co);
/*
 * The default cache: the one set, if it exists or is still to be made; else
 * the oldest with a live TGT, else the oldest, else "0". Always a name.
 */
const char *collection_default(struct collection *co);
kcode collection_set_default(struct collection *co, const char *name);
struct cache *cache_by_name(struct collection *co, const char *name);
struct cache *cache_by_uuid(struct collection *co, const uint8_t uuid[16]);
struct cache *cache_by_id(struct collection *co, uint64_t id);
/* An unused name ("0", "1", ...; GEN_NEW) that is given out only once. */
kcode collection_new_name(struct collection *co, char name[CACHE_NAME_MAX + 1]);

/* ---- caches
 * Names are 1..255 octets of printable ASCII, checked by the caller. */
/*
 * Create or empty. A logon that only this cache used is closed (shredded).
 * At the quota of caches the one that expired first goes (only those with no
 * live credential); if all are live: KRB5_CC_WRITE.
 */
kcode cache_initialize(struct collection *co, const char *name, struct rd principal,
		       struct cache **cache);
/*
 * INITIALIZE, offset and n STOREs in one, all or nothing (KCM REPLACE).
 * creds[i] are views into the caller's receive buffer, which is written to as
 * with cache_store.
 */
struct octets {
	uint8_t *at;
	size_t len;
};
kcode cache_replace(struct collection *co, const char *name, struct rd principal, int32_t offset,
		    const struct octets *creds, size_t n);
void cache_destroy(struct cache *ca);
kcode cache_move(struct cache *from, const char *to); /* replaces `to` */
kcode cache_set_offset(struct cache *ca, int32_t offset);

/*
 * Add one credential; the key of a TGT-class one is absorbed into lsaiso, and
 * the caller's octets get the stand-in in place of it.
 *
 * Replaces an entry of the same client, server, key type and is_skey (with
 * is_skey: and second ticket; TGT-class: whatever the key type); config
 * entries: of the same name. Quota: expired tickets of all the user's caches
 * go first, then caches with nothing live; for a TGT-class credential also
 * the oldest service tickets, so that logging on again always works; then
 * KRB5_CC_WRITE and nothing is changed.
 *
 * Errors: KRB5_CC_FORMAT (malformed, key length), KRB5_PROG_ETYPE_NOSUPP,
 * KRB5_FCC_PERM (policy), KRB5KDC_ERR_SVC_UNAVAILABLE (no lsaiso),
 * KRB5_CC_NOMEM, KRB5_CC_WRITE.
 */
kcode cache_store(struct cache *ca, uint8_t *octets, size_t len);

/*
 * Add what a TGS exchange brought: blob empty, or sealed by lsaiso already.
 * KRB5_CC_NOTFOUND: the logon of that session is gone.
 */
kcode cache_store_sealed(struct cache *ca, struct rd cred, uint32_t session, uint32_t generation,
			 struct rd blob);

/* Match flags of RETRIEVE and REMOVE_CRED (krb5.h, KRB5_TC_*, and Heimdal's). */
#define MATCH_DONT_MATCH_REALM 0x80000000u
#define MATCH_KEYTYPE	       0x40000000u
#define MATCH_SRV_NAMEONLY     0x20000000u
#define MATCH_FLAGS_EXACT      0x10000000u
#define MATCH_FLAGS	       0x08000000u
#define MATCH_TIMES_EXACT      0x04000000u
#define MATCH_TIMES	       0x02000000u
#define MATCH_AUTHDATA	       0x01000000u
#define MATCH_2ND_TKT	       0x00800000u
#define MATCH_IS_SKEY	       0x00400000u
#define MATCH_GC_CACHED	       0x00000001u /* no meaning here */

/* ---- kept tickets: TGT-class ones that programs have in caches of their own
 * (FILE), so that the KDC endpoint knows their stand-ins. No KCM operation
 * shows them; they end with their logon, and go when they expire. */
/*
 * Keep one: cred has the stand-in, blob the key as lsaiso sealed it, for that
 * session. Any number of the same client and server. At the quota what
 * is dead or was not used for longest goes first.
 *
 * kdc_offset  KDC clock minus ours, seconds
 * loose       nobody knows which cache it goes to: is it stored in one of ours, it is
 *             that one's alone, so that its destruction ends it
 *
 * Errors: KRB5_CC_FORMAT, KRB5_CC_NOTFOUND (the logon of that session is
 * gone), KRB5_CC_NOMEM, KRB5_CC_WRITE (quota).
 */
kcode collection_keep_ticket(struct collection *co, struct rd cred, uint32_t session,
			     uint32_t generation, struct rd blob, int32_t kdc_offset, bool loose);
/* They are the credentials of this one, which has no principal; NULL: there are none. */
struct cache *collection_kept(const struct collection *co);
size_t collection_nkept(const struct collection *co);
/* Let those of a logon go (NULL: all). Returns how many. */
size_t collection_drop_kept(struct collection *co, const struct logon *lo);
/* It was used: others go first. */
void cred_touch(struct cred *cr);

/*
 * Call fn for each credential, of any user, whose key is withheld and whose ticket ends as
 * this one (a Ticket's DER) does: the same ticket may be known with several stand-ins, and
 * only who has one of them has proven anything. fn returns true to stop, and changes nothing.
 */
void store_each_ticket(struct store *st, struct rd ticket, bool (*fn)(struct cred *, void *),
		       void *arg);
int32_t cred_offset(const struct cred *cr); /* KDC clock minus ours, seconds */

/* The first match in order of arrival, hidden ones included; NULL: none. */
struct cred *cache_match(struct cache *ca, uint32_t flags, const struct wire_cred *match);
bool cred_matches(const struct cred *cr, uint32_t flags, const struct wire_cred *match);
struct cred *cred_by_uuid(struct cache *ca, const uint8_t uuid[16]);
kcode cache_remove(struct cache *ca, struct cred *cr);
/* Drop expired service tickets. Returns how many. */
size_t cache_purge(struct cache *ca, uint32_t now);
/* The ticket-granting ticket of the cache's own realm; NULL: none. */
struct cred *cache_tgt(struct cache *ca);
/* Past its end by the KDC's clock, or of a dead logon. Config entries never. */
bool cred_expired(const struct cred *cr, uint32_t now);
/* Hidden from every read path: fast_avail, ntlm-key-*. */
bool cred_hidden(const struct cred *cr);

#endif
