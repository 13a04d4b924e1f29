/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does who asks have the stand-in? A TGS-REQ's authenticator says so: it must open
 * under that key, and say whose it is, of when, and over which body.
 */
#ifndef LSASS_FRONT_KDC_PROOF_H
#define LSASS_FRONT_KDC_PROOF_H

#include <krb5.h>

#include "lsass/tgs/der.h"
#include "lsass/wire.h"

#define PROOF_OTHER_KEY (-1) /* not made with this stand-in */

/* RFC 4120 7.5.9 */
#define PROOF_ETYPE_NOSUPP 14
#define PROOF_BAD_MATCH	   36
#define PROOF_SKEW	   37
#define PROOF_MSG_TYPE	   40
#define PROOF_MODIFIED	   41
#define PROOF_INAPP_CKSUM  50

#define PROOF_SKEW_MAX 300 /* seconds, as KDCs have it */

/* A key in the open: a stand-in, or a client's subkey. Wipe it. */
struct proof_key {
	int32_t etype; /* 0: none */
	uint8_t len;
	uint8_t octets[ISO_KEY_MAX];
};

/* For libkrb5; a view. */
krb5_keyblock proof_keyblock(const struct proof_key *key);

/*
 * Check the authenticator of req (RFC 4120 3.2.3, 3.3.2).
 *
 * client  whose ticket it is
 * now     seconds since 1970 by the KDC's clock
 * subkey  out, the client's; etype 0: it chose none
 *
 * Returns 0, PROOF_OTHER_KEY, or a code of a KRB-ERROR. No replay is looked for: the answer is
 * under the stand-in or the subkey, so that it says nothing to who has neither.
 */
int32_t proof_check(krb5_context ctx, const struct proof_key *standin,
		    const struct wire_princ *client, const struct der_tgs_req *req, int64_t now,
		    struct proof_key *subkey) __attribute__((warn_unused_result));

/*
 * PA-FOR-USER ([MS-SFU] 2.2.1), whose checksum is made with the stand-in.
 *
 * value  of the PA-DATA
 * text   room for S4UByteArray; out, what is in it
 * mac    out, the place of the checksum in value
 *
 * Returns 0 or a code of a KRB-ERROR.
 */
int32_t proof_for_user(krb5_context ctx, const struct proof_key *standin, struct rd value,
		       struct wr *text, struct rd *mac) __attribute__((warn_unused_result));

#endif
