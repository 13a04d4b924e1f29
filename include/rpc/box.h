/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A box: one secret on its way from who has it to lsaiso, past everybody in
 * between. HPKE (RFC 9180) in base mode, DHKEM(X25519, HKDF-SHA256),
 * HKDF-SHA256, ChaCha20-Poly1305:
 *
 *   enc          BOX_ENC octets, the sealer's ephemeral public key
 *   ciphertext   of one struct box, BOX_TAG octets longer
 *
 * info is BOX_INFO, aad is empty, it is the first and only message of its
 * context. To: the public key that lsainit publishes (root's file, not what
 * lsass says). Always of the same length, so it does not tell how long a
 * password is. It answers a challenge of logon_challenge, which can be
 * answered once and within ISO_BOX_MS: that makes a box fresh without a
 * clock, and binds it to one lsaiso, session and owner.
 */
#ifndef RPC_BOX_H
#define RPC_BOX_H

#include <stdint.h>

#include "rpc/ops.h"

#define BOX_INFO "lsaiso box 1" /* without its NUL */
#define BOX_ENC	 32u
#define BOX_TAG	 16u

/* struct box.flags */
#define BOX_KEEP 1u /* a key, also one made of this password, lasts as long as the session */
#define BOX_NEW	 2u /* a password to change to: it can do nothing else; not with BOX_KEEP */

/* Little-endian, as it is in memory, no holes. */
struct box {
	uint64_t challenge;
	uint32_t session, generation, owner;
	uint32_t kind;	  /* ISO_KIND_PASSWORD, ISO_KIND_KEY or ISO_KIND_TGT */
	int32_t etype;	  /* of a key; 0 for a password */
	uint32_t flags;	  /* BOX_* */
	uint32_t len;	  /* octets of secret, 1..ISO_SECRET_MAX; of a key: as the etype asks;
			   * the last one of a password is not zero */
	uint8_t pad_[4];  /* zero */
	int64_t endtime;  /* of a TGT: seconds since 1970; else 0 */
	uint8_t name[32]; /* SHA-256 of the principal as the user wrote it, UTF-8; of a TGT: of
			   * the client as krb_tgs_seal has it */
	uint8_t secret[ISO_SECRET_MAX]; /* the rest is zero */
};

#define BOX_PLAIN 592u
_Static_assert(sizeof(struct box) == BOX_PLAIN, "no holes");
_Static_assert(BOX_ENC + BOX_PLAIN + BOX_TAG == ISO_BOX, "ops.h knows the length");

#endif
