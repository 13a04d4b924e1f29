/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keytabs whose keys are stand-ins: the real ones are kept sealed under the
 * root key of lsaiso (ops.h key_keep), so that they survive its restart, in the folder
 * "keytab" of [host] directory. Loop thread only.
 *
 * The stand-in of a key stays the same when the key changes (rotate): what is behind it
 * may be several key versions, of which the KDC knows one.
 *
 * One file for each principal; what changes is in memory at once and on the
 * disk when keytab_commit says so: a new file, flushed, then in the place of the old one.
 */
#ifndef LSASS_KEYTAB_KEYTAB_H
#define LSASS_KEYTAB_KEYTAB_H

#include <stdbool.h>
#include <sys/types.h>

#include "lsass/wire.h"
#include "rpc/rpc.h"

struct keytab;
struct pool;

#define KEYTAB_KEYS_MAX	    4096 /* of all keytabs together */
#define KEYTAB_FAMILY_MAX   256	 /* of one principal */
#define KEYTAB_VERSIONS_MAX 4	 /* of one key that are kept */
#define KEYTAB_PATH_MAX	    4096

enum kept_state {
	KEPT_CURRENT,	/* what the KDC has, as far as we know: the first one */
	KEPT_CANDIDATE, /* a change to it was sent, or is about to be */
	KEPT_OLD,	/* what it had before */
};

/* A real key, sealed. */
struct kept_key {
	enum kept_state state;
	uint32_t kvno;
	int64_t since; /* seconds since 1970 */
	uint16_t len;
	uint8_t kept[ISO_KEPT_MAX];
};

/*
 * The real key behind it, for a session of lsaiso's; is has the blob, which the caller wipes.
 * name  principal, as in the box
 */
enum iso_status kept_take(const struct kept_key *kk, const char *name, uint32_t session,
			  uint32_t generation, uint32_t owner, struct iso_rep_key_take *is)
    __attribute__((warn_unused_result));

/* A key of a keytab. */
struct standin_key {
	struct standin_key *next;    /* of the same principal; newest kvno first */
	char name[ISO_NAME_MAX + 1]; /* principal, as in the box */
	int32_t etype;
	uint32_t kvno;		  /* in the file */
	uint8_t key[ISO_KEY_MAX]; /* the stand-in, as long as etype asks */
	uint8_t key_len;
	uid_t owner;				       /* of the file: who beside root may use it */
	char *path;				       /* of the file, as it was imported */
	struct kept_key versions[KEYTAB_VERSIONS_MAX]; /* the one to try first comes first */
	size_t nversions;
};

/*
 * Reads what is kept. A file that is damaged is set aside and said.
 *
 * folder  descriptor, which is the keytab's from now on; -1: nothing is kept
 * pool    writes are done there; NULL: at once, for tests
 *
 * NULL: no memory.
 */
struct keytab *keytab_open(int folder, struct pool *pool);
void keytab_close(struct keytab *kt);	    /* wipes; before pool_stop nobody may wait any more */
bool keytab_keeps(const struct keytab *kt); /* there is a folder */

/* The first key of that client (name and realm), NULL: none of ours. */
struct standin_key *keytab_find(struct keytab *kt, const struct wire_princ *client);
struct standin_key *keytab_named(struct keytab *kt, const char *name);
/* All; fn returns true to stop, and may drop the one it is given. */
void keytab_each(struct keytab *kt, bool (*fn)(struct standin_key *sk, void *arg), void *arg);

/* What a stand-in is called where it must not be seen: half of its SHA-256. */
#define KEYTAB_ID 16
void standin_id(const struct standin_key *sk, uint8_t id[KEYTAB_ID]);

/* For status. */
size_t keytab_count(const struct keytab *kt);

/* ---- changes: in memory, until keytab_commit */

/*
 * The key of the keytab at path with that etype and kvno: the one that is there,
 * or a new one with a random stand-in of len octets and no versions. NULL with errno
 * (ENOSPC: too many).
 */
struct standin_key *keytab_add(struct keytab *kt, const char *name, const char *path, int32_t etype,
			       uint32_t kvno, size_t len);
/*
 * A version of it: in place of one of the same kvno, else a new one. A current one
 * comes first and makes the others old, a candidate second. The last one goes if there are too
 * many.
 */
void standin_put(struct standin_key *sk, enum kept_state state, uint32_t kvno, struct rd kept);
/* The KDC took this one: it is the current one from now on. True: that is news. */
bool standin_worked(struct standin_key *sk, size_t version);
/* There was no change to the candidate. */
void standin_reject(struct standin_key *sk);
/* Drop all versions but the current one, that are older than since. How many. */
size_t standin_prune(struct standin_key *sk, int64_t since);
void keytab_drop(struct keytab *kt, struct standin_key *sk); /* wipes */

/*
 * Write down what that principal has now. done is called in the loop thread, once, perhaps before
 * this returns: 0, or an errno. May be NULL: what went wrong is in the log anyway.
 */
typedef void keytab_done(void *arg, int error);
void keytab_commit(struct keytab *kt, const char *name, keytab_done *done, void *arg);

/* ---- file.c: one principal's keys as octets, for keytab.c and its tests */

/* malloc, to be wiped and freed; NULL: no memory. */
uint8_t *family_write(const struct standin_key *first, size_t *n);
/*
 * first  out, all keys
 * Returns 0, or -1: that is not what family_write wrote.
 */
int family_read(struct rd octets, struct standin_key **first) __attribute__((warn_unused_result));
void standin_free(struct standin_key *sk); /* one; wipes */

/* A file in a folder, durably: 0 or an errno, and then what was there is still there. */
int family_store(int folder, const char *name, struct rd octets);

#endif
