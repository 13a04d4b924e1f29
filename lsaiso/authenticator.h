/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Authenticator of an AP-REQ or TGS-REQ, RFC 4120 section 5.5.1, with a
 * subkey of ours: had the caller chosen it, it could read off the wire what
 * comes back. And the time stamps in what lsaiso makes.
 *
 * For the handlers that make one.
 */
#ifndef LSAISO_AUTHENTICATOR_H
#define LSAISO_AUTHENTICATOR_H

#include "iso.h"
#include "krb.h"

/* A KerberosTime with its microseconds. */
struct stamp {
	int64_t seconds; /* since 1970 */
	uint32_t micros;
};

#define SKEW_MAX 86400 /* seconds, either way */

/*
 * The time now by a KDC whose clock is skew seconds ahead of ours; one that
 * no stamp of ours had before (RFC 4120 3.2.2).
 * Returns ISO_OK, ISO_E_RANGE (more than a day off).
 */
enum iso_status stamp_make(struct iso *iso, int32_t skew, struct stamp *s) RPC_CHECKED;

struct authenticator {
	struct rd client; /* DER of crealm [1], cname [2] */
	struct stamp stamp;
	uint32_t usage;	       /* KRB_USAGE_TGS_REQ_AUTH, KRB_USAGE_AP_REQ_AUTH */
	struct rd body;	       /* of a TGS-REQ: its checksum is put in; at NULL: none */
	struct krb_key subkey; /* out, drawn here; the caller wipes it */
	uint32_t seq;	       /* out, drawn here, positive also as a signed number */
};

/*
 * Make and encrypt it under a ticket's key, with a subkey of the same type.
 * out  EncryptedData.cipher; len: of it
 * Returns ISO_OK, ISO_E_RANGE (client too long), ISO_E_ENTROPY.
 */
enum iso_status authenticator_seal(const struct krb_key *key, struct authenticator *a,
				   struct wr out, uint32_t *len) RPC_CHECKED;

#endif
