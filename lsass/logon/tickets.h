/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets to armour logons with: one for each realm, in memory only. Whoever
 * needs one that is not there gets it, in their own thread; others who need
 * the same wait for that; one that could not be had is not asked for again
 * for a while. For lsass/logon/machine.c.
 */
#ifndef LSASS_LOGON_TICKETS_H
#define LSASS_LOGON_TICKETS_H

#include <pthread.h>

#include "lsass/logon/fast.h"

#define TICKETS_MAX 16 /* realms */

/* A TGT for a realm. */
struct ticket {
	struct creds_octets cred; /* wire.h cred */
	/* Its key is in lsaiso, and cred has a stand-in. blob_len 0: cred has it (anonymous). */
	uint32_t session, generation, owner;
	uint8_t blob[ISO_BLOB_MAX];
	size_t blob_len;
	int32_t offset; /* seconds, KDC's clock minus ours */
	bool fast;	/* the KDC said under the ticket's key that it knows FAST */
};
void ticket_free(struct ticket *ticket); /* wipes */

/* Get one. Returns 0 or a krb5_error_code. */
typedef int32_t ticket_getter(void *arg, krb5_context ctx, struct rd realm, struct ticket *ticket);

struct tickets_row {
	struct creds_octets realm;
	struct ticket ticket;
	int32_t code;	/* not 0: it could not be had */
	int64_t until;	/* that code: CLOCK_MONOTONIC, seconds */
	uint64_t used;	/* the least is taken for another realm */
	bool busy;	/* somebody is getting it */
	bool forgotten; /* meanwhile: it is not kept */
};

struct tickets {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t uses;
	struct tickets_row rows[TICKETS_MAX];
};

void tickets_start(struct tickets *ts);
void tickets_end(struct tickets *ts);

/* A copy of the ticket for realm, gotten by get if it must be. As ticket_getter. */
int32_t tickets_get(struct tickets *ts, krb5_context ctx, struct rd realm, ticket_getter *get,
		    void *arg, struct ticket *copy) __attribute__((warn_unused_result));

/* That of realm; NULL: all. */
void tickets_forget(struct tickets *ts, const struct rd *realm);

/* ---- kinds of tickets; return 0 or a krb5_error_code */

/* For another realm, with the TGT of the own one, which is home. */
int32_t ticket_for_realm(krb5_context ctx, const struct ticket *own, struct rd home,
			 struct rd realm, struct ticket *ticket)
    __attribute__((warn_unused_result));

/* Of nobody, by anonymous PKINIT (RFC 8062); lsass has its key. */
int32_t ticket_anonymous(krb5_context ctx, struct rd realm, struct ticket *ticket)
    __attribute__((warn_unused_result));

/* Armour of it. skew: KDC's clock minus ours, seconds */
int32_t ticket_armor(krb5_context ctx, const struct ticket *ticket, int32_t skew,
		     struct fast_armor *armor) __attribute__((warn_unused_result));

#endif
