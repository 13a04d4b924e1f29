/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request for a ticket: genuine krb5_get_credentials over a MEMORY cache
 * of stand-in TGTs, with the two KDC hooks of its context handing to lsaiso
 * what needs a real key. Used by the pool's workers only.
 *
 * send hook  TGS-REQ of libkrb5 -> its body and the sealed key of its ticket
 *            go to ask_krb_tgs_seal -> TGS-REQ with lsaiso's authenticator
 * recv hook  TGS-REP of the KDC -> its enc-part goes to ask_krb_tgs_open ->
 *            TGS-REP whose enc-part is under the stand-in, which libkrb5
 *            accepts (RFC 4120 3.3.3, key usage 8)
 *
 * A TGT-class ticket that comes by (a referral, a cross-realm TGT) keeps its
 * key in lsaiso; its stand-in and blob are remembered here, so that libkrb5
 * can go on with it and the asker gets it too.
 */
#ifndef LSASS_TGS_EXCHANGE_H
#define LSASS_TGS_EXCHANGE_H

#include "lsass/tgs/creds.h"
#include "lsass/tgs/tgs.h"

#define EXCHANGE_TGTS_MAX   64 /* of the cache that are offered to libkrb5 */
#define EXCHANGE_GAINED_MAX 32 /* tickets in one exchange; libkrb5 stops at 10 hops */

/* A ticket that came out, owned. */
struct exchange_ticket {
	struct creds_octets cred;
	uint8_t blob[ISO_BLOB_MAX];
	size_t blob_len; /* 0: a service ticket */
	uint32_t session, generation;
};

/* A TGT that this exchange may use: views. */
struct exchange_tgt {
	struct rd cipher; /* of its ticket's enc-part, by which it is found */
	int32_t etype;
	struct rd key; /* the stand-in */
	uint32_t session, generation;
	struct rd blob;
};

struct exchange {
	/* given */
	krb5_context ctx;
	const struct tgs_request *req;
	/* A KDC of realm is about to be asked; not 0: give up with this code. */
	int32_t (*enter)(void *arg, struct rd realm);
	void *arg;
	/* out: free with exchange_free */
	struct exchange_ticket tickets[EXCHANGE_GAINED_MAX + 1]; /* the one asked for: last */
	size_t ntickets;
	bool kdc_refused; /* the code returned is the KDC's own word */
	/* its own */
	struct exchange_tgt tgts[EXCHANGE_TGTS_MAX + EXCHANGE_GAINED_MAX];
	size_t ntgts;
	const struct exchange_tgt *asked_with; /* by the request that is out */
	uint64_t pending;		       /* its number in lsaiso */
	int32_t broken;			       /* code of a hook that failed; 0: none */
	enum iso_status unopened;	       /* why, if lsaiso did not open the answer */
	uint8_t client[ISO_CLIENT_MAX];	       /* DER, as lsaiso wants it */
	size_t client_len;
};

/*
 * Run it; blocks for as long as KDCs take. What lsaiso forgot meanwhile is asked
 * for anew (again.h), from the cache's own TGT on. Returns 0 or a krb5_error_code as
 * tgs.h has them; tickets are there only with 0.
 */
int32_t exchange_run(struct exchange *ex);
/* Hand the tickets over to who outlives the exchange, to be freed; 0 or ENOMEM. */
int32_t exchange_take(struct exchange *ex, struct exchange_ticket **tickets, size_t *n);
void exchange_free(struct exchange *ex); /* wipes the tickets */

#endif
