/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening what was sealed to a public key: HPKE, RFC 9180, base mode, with
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. Only the
 * receiver's side, and only the first message of a context. For logon_absorb.
 */
#ifndef LSAISO_HPKE_H
#define LSAISO_HPKE_H

#include "rpc/rpc.h"

#define HPKE_ENC 32u /* the sender's ephemeral public key */
#define HPKE_TAG 16u

struct hpke_pair {
	uint8_t private[ISO_PUBLIC], public[ISO_PUBLIC];
};

/*
 * Open one message.
 *
 * sealed  enc, ciphertext, tag
 * plain   as long as the ciphertext, exactly; zero unless ISO_OK
 *
 * Returns ISO_OK, ISO_E_INTEGRITY (also when enc is of low order, which
 * RFC 9180 section 7.1.4 refuses, or the lengths do not fit).
 * Constant time. RFC 9180 sections 4.1, 5.1, 5.2.
 */
enum iso_status hpke_open(const struct hpke_pair *own, struct rd info, struct rd aad,
			  struct rd sealed, struct wr plain) RPC_CHECKED;

#endif
