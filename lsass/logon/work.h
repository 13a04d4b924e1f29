/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a worker thread does for a logon: a box is opened by lsaiso, then a
 * ticket got with the password (work_logon), or with a key that is kept
 * (work_again), or a locked session unlocked (work_unlock), or a password
 * changed (work_change). All that is
 * needed is copied into struct work before; nothing of the loop's is touched.
 */
#ifndef LSASS_LOGON_WORK_H
#define LSASS_LOGON_WORK_H

#include "lsass/logon/as.h"
#include "lsass/logon/logons.h"
#include "lsass/logon/offline.h"
#include "lsass/logon/passwd.h"
#include "lsass/logon/pool.h"
#include "lsass/logon/verify.h"

/* Where it failed. */
enum work_step {
	WORK_DONE,
	WORK_BOX,      /* lsaiso did not take the box: status */
	WORK_AS,       /* the exchange: code, who, ... of struct as_exchange */
	WORK_KDC,      /* the KDC could not be shown to be the real one */
	WORK_OFFLINE,  /* no KDC, and the password is not the one of last time: offline, wait */
	WORK_PASSWORD, /* unlock: another password */
	WORK_NEW,      /* change: the server does not want the new one, or none answers: passwd */
	WORK_ISO,      /* lsaiso refused something else: status */
};

struct work {
	struct pool_job job; /* job.run is one of the functions below */
	/* given */
	const struct config *cf;
	uint32_t session, generation, owner;
	char name[ISO_NAME_MAX + 1];		/* as in the box */
	uint8_t box[ISO_BOX], new_box[ISO_BOX]; /* the second: change */
	bool keep;				/* logon: make a key that lasts */
	int32_t lifetime, renewable;		/* of the ticket, seconds; 0: as krb5.conf has it */
	struct as_anchor anchor;		/* unlock */
	uint8_t key[ISO_BLOB_MAX];		/* again; out of logon with keep, of unlock */
	size_t key_len;
	int32_t key_etype;
	uint8_t ntlm[ISO_BLOB_MAX]; /* out of logon: the NT hash, where [ntlm] is switched on */
	size_t ntlm_len;
	/* out */
	enum work_step step;
	enum iso_status status;
	int32_t code;
	struct as_exchange as; /* of WORK_DONE, to be freed with work_free */
	struct passwd passwd;  /* change */
	enum verify_verdict verdict;
	int32_t verify_code;
	bool offline; /* let in without a KDC: there is no ticket */
	enum offline_verdict offline_verdict;
	uint32_t wait;	    /* seconds until the next try without a KDC */
	bool verifier_lost; /* of [logon] offline = yes: nothing to compare with next time */
	/* the caller's */
	struct logons *logons;
	struct logon *logon; /* a reference */
	struct admin_later *later;
	void *arg;
	uint64_t cache_id;
	char choice[CACHE_NAME_MAX + 1];
};

/* In a worker thread. */
void work_logon(struct pool_job *job, struct context *co);
void work_again(struct pool_job *job, struct context *co);
void work_unlock(struct pool_job *job, struct context *co);
void work_change(struct pool_job *job, struct context *co); /* of a password */

/*
 * A work about lo, which it takes a reference on; NULL: no memory. Set run's
 * input, then pool_submit.
 */
struct work *work_new(struct logons *lg, struct logon *lo, const char *name);
/*
 * Of a work_logon that succeeded: the registry keeps what it made, and its ticket goes
 * into a cache (choice; name: out, "" without a KDC). Else the logon is to be ended.
 */
kcode work_finish(struct work *wo, char name[CACHE_NAME_MAX + 1]);
void work_free(struct work *wo); /* in the loop thread; lets the logon go, wipes */

static inline struct work *
work_of(struct pool_job *job)
{
	return (struct work *)(void *)((char *)job - offsetof(struct work, job));
}

#endif
