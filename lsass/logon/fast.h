/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FAST (RFC 6113) for logons: what goes to the KDC goes under an armour key
 * that nobody on the way has, and what comes back under it is the KDC's. The
 * armour is a ticket that is had already: this machine's, or an anonymous
 * one (machine.h). In a worker thread.
 *
 * libkrb5's own requests are without FAST; here they are wrapped. The armour
 * key of a machine's ticket is made in lsaiso of keys that stay there; what
 * it gives away protects this one exchange.
 */
#ifndef LSASS_LOGON_FAST_H
#define LSASS_LOGON_FAST_H

#include "lsass/logon/as.h"

/* One armour; the AP-REQ is owned. */
struct fast_armor {
	int32_t etype;
	uint8_t key[ISO_KEY_MAX];
	size_t len;
	struct creds_octets ap_req;
	bool known; /* the KDC has said, in a way that nobody else could, that it knows FAST */
};
void fast_armor_free(struct fast_armor *armor); /* wipes */

/* Where armour comes from. */
struct fast_source {
	void *arg; /* first argument of both */
	/*
	 * ctx    a context of the exchange, for its configuration
	 * skew   KDC's clock minus ours, seconds; 0: not known
	 * armor  out
	 * Returns 0 or a krb5_error_code; KRB5_KDC_UNREACH and
	 * KRB5_REALM_CANT_RESOLVE end the exchange also where armour is not a must.
	 */
	int32_t (*get)(void *arg, krb5_context ctx, struct rd realm, int32_t skew,
		       struct fast_armor *armor);
	/* The KDC did not take it: do not give its ticket out again. */
	void (*drop)(void *arg, struct rd realm);
	bool must; /* nothing goes without; KRB5_ERR_FAST_REQUIRED if there is none */
};

/*
 * as_run with armour of source (NULL: without). Runs again, once, if the KDC did not take
 * the ticket. as->armor is set here. Returns what as_run returns.
 */
int32_t fast_run(struct as_exchange *as, const struct fast_source *source)
    __attribute__((warn_unused_result));

/*
 * The hooks by themselves, for fast_run and tests.
 */
struct fast {
	/* given */
	krb5_context ctx;
	const struct fast_source *source;
	/* its own */
	struct fast_armor armor;
	struct creds_octets realm;  /* that it is for */
	int32_t skew;		    /* with which it was made */
	int64_t made;		    /* CLOCK_MONOTONIC, seconds */
	uint32_t nonce;		    /* of the request that is out */
	struct creds_octets opened; /* the last KrbFastResponse */
	bool plain;		    /* the KDC knows no FAST: go without */
	bool again;		    /* the KDC did not take the ticket */
};
void fast_hooks(struct fast *fa, struct as_armor *hooks);
void fast_end(struct fast *fa); /* wipes */

#endif
