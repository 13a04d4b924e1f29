/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <nettle/hmac.h>

#include "op.h"
#include "x25519.h"

ISO_HANDLER(prove)
{
	struct hmac_sha256_ctx ctx;
	uint8_t key[ISO_PUBLIC];
	enum iso_status st;

	iso_derive(iso, ISO_PRIVATE, (struct wr){ key, sizeof(key) });
	st = x25519(key, key, req->public);
	memcpy(rep->public, iso->public, sizeof(rep->public));
	memcpy(rep->boot_id, iso->boot_id, sizeof(rep->boot_id));
	rep->sequence = iso->records;
	memcpy(rep->chain, iso->chain, sizeof(rep->chain));
	hmac_sha256_set_key(&ctx, sizeof(key), key);
	hmac_sha256_update(&ctx, 12, (const uint8_t *)"lsaiso prove");
	hmac_sha256_update(&ctx, sizeof(req->public), req->public);
	hmac_sha256_update(&ctx, sizeof(rep->public), rep->public);
	hmac_sha256_update(&ctx, sizeof(req->nonce), req->nonce);
	hmac_sha256_update(&ctx, sizeof(rep->boot_id), rep->boot_id);
	hmac_sha256_update(&ctx, sizeof(rep->sequence), (const uint8_t *)&rep->sequence);
	hmac_sha256_update(&ctx, sizeof(rep->chain), rep->chain);
	hmac_sha256_digest(&ctx, sizeof(rep->proof), rep->proof);
	wipe(&ctx, sizeof(ctx));
	wipe(key, sizeof(key));
	return st;
}
