/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long-term keys that outlive a restart. For key_keep and key_take.
 *
 * A nonce and the AES-SIV output (RFC 5297) over what is below, under a key
 * made of the root key alone; so only where that is kept. Associated data: whose it is.
 */
#ifndef LSAISO_KEPT_H
#define LSAISO_KEPT_H

#include "iso.h"
#include "krb.h"

#define KEPT_OVER 32u /* nonce and tag */

/* As it is sealed: little-endian, no holes, every key as long. */
struct kept {
	int32_t etype;
	uint8_t key[ISO_KEY_MAX];
};
_Static_assert(sizeof(struct kept) == 36, "no holes");
_Static_assert(KEPT_OVER + sizeof(struct kept) <= ISO_KEPT_MAX, "fits");

/*
 * out: ISO_KEPT_MAX octets; len: out. Returns ISO_OK, ISO_E_POLICY (the root
 * key is a random one), ISO_E_ENTROPY.
 */
enum iso_status kept_seal(const struct iso *iso, struct rd name, const struct kept *k,
			  struct wr out, uint32_t *len) RPC_CHECKED;

/* Returns ISO_OK, ISO_E_BLOB: of another root key or principal, or changed. */
enum iso_status kept_open(const struct iso *iso, struct rd name, struct rd sealed,
			  struct kept *k) RPC_CHECKED;

#endif
