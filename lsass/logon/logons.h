/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The logons that were made inside lsaiso: what lsass knows of each beside
 * the cache that it fills. One is begun (a session is open, its challenge is
 * out), then finished (a cache has its ticket), then ended: by logoff, by the
 * destruction of its last cache, by its lsaiso.
 *
 * A struct held belongs to its struct logon (lsass/cache/store.h), is written
 * into the journal beside its caches, and goes with the last reference.
 * Only the loop thread calls.
 */
#ifndef LSASS_LOGON_LOGONS_H
#define LSASS_LOGON_LOGONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lsass/cache/store.h"
#include "lsass/logon/as.h"
#include "lsass/logon/machine.h"

#define LOGONS_BEGUN_SECONDS 300 /* to be finished within: as long as a challenge lives */
#define LOGONS_BEGUN_USER    8	 /* at once, of one user; the oldest one makes room */
#define LOGONS_TEXT	     24	 /* "SESSION.GENERATION" with its NUL */

struct config;
struct ntlm;
struct pool;
struct tgs;

/* All that logons need of lsass. */
struct logons {
	const struct config *cf;
	struct store *store;
	struct pool *pool;
	struct tgs *tgs;
	struct machine *machine;
	struct ntlm *ntlm; /* NULL: none is answered here */
};

struct held {
	struct logon *logon;
	bool begun;   /* not finished: the registry has a reference */
	bool own;     /* the registry has a reference */
	bool at_work; /* a job of a worker is about it */
	bool keep, locked, machine, armored, verified, offline;
	bool keytab; /* of the KDC endpoint, for a principal whose keys are stand-ins: no cache */
	bool told;   /* that it ends soon */
	uint32_t started;
	uint32_t wrong;		  /* passwords since the last right one */
	int64_t password_expires; /* seconds since 1970; 0: not known */
	char *name;		  /* as typed: the name in its boxes */
	char *principal;	  /* as the KDC has it; NULL: not finished */
	struct as_anchor anchor;
	int32_t key_etype; /* with keep: */
	uint8_t key[ISO_BLOB_MAX];
	size_t key_len;		    /* 0: none is kept */
	uint8_t ntlm[ISO_BLOB_MAX]; /* the NT hash; [ntlm] mode */
	size_t ntlm_len;	    /* 0: none is kept */
	bool ntlm_only;		    /* it has nothing else, and never a cache: lsass/ntlm */
	bool ntlm_stale;	    /* it is gone, for the password was changed */
};

/* Read the notes of the logons that came back with the journal. */
void logons_open(struct logons *lg);

/* Once in a while: those that nobody finishes, and those without a cache that expired, end. */
void logons_tick(struct logons *lg);

/*
 * Begin one: a session is opened.
 * status  out, why there is none
 * Returns NULL if there is none.
 */
struct held *logons_begin(struct logons *lg, uid_t owner, const char *name,
			  enum iso_status *status);

/*
 * The session for tickets that this user gets with the kept keys of a principal: the one that
 * there is, until half of its life is over, else a new one.
 * Returns NULL and status if there is none.
 */
struct logon *logons_keytab(struct logons *lg, uid_t owner, const char *name,
			    enum iso_status *status);

/*
 * A password that a program sent to lsass, in the box that the user's own
 * program would have made for the begun logon. The caller wipes the password.
 * Returns ISO_OK, ISO_E_RANGE (its length), ISO_E_ENTROPY, what lsaiso says.
 */
enum iso_status logons_seal(const struct held *he, const char *password, uint8_t sealed[ISO_BOX])
    __attribute__((warn_unused_result));

/* Write down what changed. */
void logons_save(struct held *he);

/* The principal as the KDC has it, of a wire.h principal. */
void logons_set_principal(struct held *he, struct rd octets);

/*
 * The ticket of a finished exchange into a cache of the owner.
 *
 * choice  "default" (as kinit chooses), "new", or a name
 * name    out, of the cache
 *
 * On failure the logon is as it was, to be ended by the caller.
 */
kcode logons_finish(struct logons *lg, struct held *he, const struct as_exchange *as,
		    const char *choice, char name[CACHE_NAME_MAX + 1]);

/*
 * Finished another way: its tickets are kept (collection_keep_ticket) and hold
 * it from now on; if there are none, it ends.
 */
void logons_settle(struct held *he);

/* A fresh ticket in place of the one that ca has. */
kcode logons_refresh(struct cache *ca, const struct as_exchange *as);

/* End it now, with every cache that uses it. Returns how many those were. */
size_t logons_end(struct logons *lg, struct logon *lo);

/*
 * Lock it inside lsaiso, until its password is sent.
 * Returns 1: it is locked now; 0: it has no password to unlock it with; -1:
 * lsaiso refused, and said status.
 */
int logons_lock(struct logon *lo, enum iso_status *status) __attribute__((warn_unused_result));

/*
 * All of all users: lock what can be, end the others, but leave the machine's.
 * What lsawatch asks for.
 */
void logons_lock_all(struct logons *lg);

/* The first of its caches with a ticket of its session; NULL: none. */
struct cache *logons_cache(struct logons *lg, const struct logon *lo);

void logons_text(const struct logon *lo, char text[LOGONS_TEXT]);
/* The live one that text names, whoever it is of; NULL: none. */
struct logon *logons_by_text(struct logons *lg, const char *text);

#endif
