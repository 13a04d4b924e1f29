/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hpke.h"

#include <nettle/chacha-poly1305.h>
#include <nettle/hmac.h>

#include "wipe.h"
#include "x25519.h"

#define HASH	32u
#define CONTEXT (1 + 2 * HASH) /* mode, hashes of psk_id and info */

/* suite_id of the KEM and of the whole, RFC 9180 section 7. */
static const uint8_t kem[] = { 'K', 'E', 'M', 0, 0x20 };
static const uint8_t suite[] = { 'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 3 };

/* Where in the key schedule a hash is made. */
#define TEXT(s)                                                                                    \
	(struct rd)                                                                                \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
struct step {
	struct rd id, label;
	bool expand; /* LabeledExpand, of one block; else LabeledExtract */
};

static void
labeled(struct step at, struct rd key, struct rd input, struct wr out)
{
	const uint8_t len[2] = { 0, (uint8_t)out.left }, block = 1;
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key.len, key.at);
	if (at.expand)
		hmac_sha256_update(&ctx, sizeof(len), len);
	hmac_sha256_update(&ctx, 7, (const uint8_t *)"HPKE-v1");
	hmac_sha256_update(&ctx, at.id.len, at.id.at);
	hmac_sha256_update(&ctx, at.label.len, at.label.at);
	hmac_sha256_update(&ctx, input.len, input.at);
	if (at.expand)
		hmac_sha256_update(&ctx, 1, &block);
	hmac_sha256_digest(&ctx, out.left, out.at);
	wipe(&ctx, sizeof(ctx));
}

/* Decap, section 4.1. */
static enum iso_status
decap(const struct hpke_pair *own, const uint8_t *enc, uint8_t shared[HASH])
{
	const struct rd id = { kem, sizeof(kem) };
	uint8_t context[HPKE_ENC + ISO_PUBLIC], dh[ISO_PUBLIC];
	enum iso_status st = x25519(dh, own->private, enc);

	memcpy(context, enc, HPKE_ENC);
	memcpy(context + HPKE_ENC, own->public, ISO_PUBLIC);
	labeled((struct step){ id, TEXT("eae_prk"), false }, (struct rd){ dh, 0 },
		(struct rd){ dh, sizeof(dh) }, (struct wr){ dh, sizeof(dh) });
	labeled((struct step){ id, TEXT("shared_secret"), true }, (struct rd){ dh, sizeof(dh) },
		(struct rd){ context, sizeof(context) }, (struct wr){ shared, HASH });
	wipe(dh, sizeof(dh));
	return st;
}

/* KeySchedule, section 5.1, without a key that both had before. secret: in and out, wiped. */
static void
schedule(uint8_t secret[HASH], struct rd info, struct chacha_poly1305_ctx *aead)
{
	const struct rd id = { suite, sizeof(suite) }, none = { suite, 0 };
	uint8_t context[CONTEXT] = { 0 }, key[CHACHA_POLY1305_KEY_SIZE],
		nonce[CHACHA_POLY1305_NONCE_SIZE];

	labeled((struct step){ id, TEXT("psk_id_hash"), false }, none, none,
		(struct wr){ context + 1, HASH });
	labeled((struct step){ id, TEXT("info_hash"), false }, none, info,
		(struct wr){ context + 1 + HASH, HASH });
	labeled((struct step){ id, TEXT("secret"), false }, (struct rd){ secret, HASH }, none,
		(struct wr){ secret, HASH });
	labeled((struct step){ id, TEXT("key"), true }, (struct rd){ secret, HASH },
		(struct rd){ context, sizeof(context) }, (struct wr){ key, sizeof(key) });
	labeled((struct step){ id, TEXT("base_nonce"), true }, (struct rd){ secret, HASH },
		(struct rd){ context, sizeof(context) }, (struct wr){ nonce, sizeof(nonce) });
	chacha_poly1305_set_key(aead, key);
	chacha_poly1305_set_nonce(aead, nonce);
	wipe(key, sizeof(key));
	wipe(nonce, sizeof(nonce));
	wipe(secret, HASH);
}

enum iso_status
hpke_open(const struct hpke_pair *own, struct rd info, struct rd aad, struct rd sealed,
	  struct wr plain)
{
	uint8_t shared[HASH], tag[HPKE_TAG];
	struct chacha_poly1305_ctx aead;
	enum iso_status st = ISO_E_INTEGRITY;
	bool good = false;

	wipe(plain.at, plain.left);
	if (sealed.len != HPKE_ENC + plain.left + HPKE_TAG)
		return st;
	st = decap(own, sealed.at, shared);
	schedule(shared, info, &aead);
	chacha_poly1305_update(&aead, aad.len, aad.at);
	chacha_poly1305_decrypt(&aead, plain.left, plain.at, sealed.at + HPKE_ENC);
	chacha_poly1305_digest(&aead, sizeof(tag), tag);
	wipe(&aead, sizeof(aead));
	/* the one thing of the key that time may tell, as the answer does */
	good = (int)ct_equal(tag, sealed.at + HPKE_ENC + plain.left, sizeof(tag)) &
	       (int)(st == ISO_OK);
	if (good)
		return ISO_OK;
	wipe(plain.at, plain.left);
	return ISO_E_INTEGRITY;
}
