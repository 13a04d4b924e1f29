/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets on their way out and back, sealed: a nonce, and the AES-SIV output
 * (RFC 5297: 16 octets of tag, then the encrypted secret). What seals them is
 * made of the root key and, for what ends with its session, of that one's.
 */
#ifndef LSAISO_SEAL_H
#define LSAISO_SEAL_H

#include "iso.h"
#include "krb.h"

#define SEAL_NONCE 16u
#define SEAL_SIV   16u
#define SEAL_OVER  (SEAL_NONCE + SEAL_SIV)

/* Beside ISO_KIND_*, what is sealed under the root key alone. */
#define SEAL_VERIFIER 16u /* offline.h */
#define SEAL_KEPT     17u

/*
 * A long-term key that outlives a restart, for key_keep and key_take. As it is
 * sealed: little-endian, no holes, every key as long.
 */
struct kept {
	int32_t etype;
	uint8_t key[ISO_KEY_MAX];
};
_Static_assert(sizeof(struct kept) == 36, "no holes");
_Static_assert(SEAL_OVER + sizeof(struct kept) <= ISO_KEPT_MAX, "fits");

/* Which key seals: one per kind; session: a session's key, empty: of none. */
struct seal {
	uint8_t kind;
	struct rd session;
	struct rd with; /* associated data */
};

/*
 * Seal a secret: SEAL_OVER octets longer than it, into at; len: that, out.
 * Returns ISO_OK, ISO_E_ENTROPY (len is 0 then).
 */
enum iso_status seal_put(const struct iso *iso, const struct seal *how, struct rd secret,
			 uint8_t *at, uint32_t *len) RPC_CHECKED;

/*
 * Open it into secret, which is as long as what was sealed, and which the
 * caller wipes, also if it is not authentic: that is ISO_E_BLOB.
 */
enum iso_status seal_open(const struct iso *iso, const struct seal *how, struct rd sealed,
			  struct wr secret) RPC_CHECKED;

#endif
