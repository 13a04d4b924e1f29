/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hpke.h"

#include <nettle/chacha-poly1305.h>
#include <nettle/hmac.h>

#include "wipe.h"
#include "x25519.h"

#define HASH	32u
#define TEXT(s) ((struct rd){ (const uint8_t *)(s), sizeof(s) - 1 })
#define NONE	TEXT("")

/* suite_id of the KEM and of the whole, RFC 9180 section 7. */
#define KEM   TEXT("KEM\0\x20")
#define SUITE TEXT("HPKE\0\x20\0\1\0\3")

/* LabeledExtract or, of one block, LabeledExpand; out may be key or in. */
static void
labeled(bool expand, struct rd id, struct rd label, struct rd key, struct rd in, struct wr out)
{
	const uint8_t len[2] = { 0, (uint8_t)out.left }, block = 1;
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key.len, key.at);
	hmac_sha256_update(&ctx, expand ? sizeof(len) : 0, len);
	hmac_sha256_update(&ctx, 7, (const uint8_t *)"HPKE-v1");
	hmac_sha256_update(&ctx, id.len, id.at);
	hmac_sha256_update(&ctx, label.len, label.at);
	hmac_sha256_update(&ctx, in.len, in.at);
	hmac_sha256_update(&ctx, expand ? 1 : 0, &block);
	hmac_sha256_digest(&ctx, out.left, out.at);
	wipe(&ctx, sizeof(ctx));
}

/* Decap, section 4.1. */
static enum iso_status
decap(const struct hpke_pair *own, const uint8_t *enc, struct wr shared)
{
	uint8_t keys[HPKE_ENC + ISO_PUBLIC], dh[ISO_PUBLIC];
	const struct rd view = { dh, sizeof(dh) };
	enum iso_status st = x25519(dh, own->private, enc);

	memcpy(keys, enc, HPKE_ENC);
	memcpy(keys + HPKE_ENC, own->public, ISO_PUBLIC);
	labeled(false, KEM, TEXT("eae_prk"), NONE, view, (struct wr){ dh, sizeof(dh) });
	labeled(true, KEM, TEXT("shared_secret"), view, (struct rd){ keys, sizeof(keys) }, shared);
	wipe(dh, sizeof(dh));
	return st;
}

/* KeySchedule, section 5.1, without a key that both had before. */
static void
schedule(struct wr secret, struct rd info, struct chacha_poly1305_ctx *aead)
{
	/* mode, hashes of psk_id and info */
	uint8_t context[1 + 2 * HASH] = { 0 }, key[CHACHA_POLY1305_KEY_SIZE],
				nonce[CHACHA_POLY1305_NONCE_SIZE];
	const struct rd whole = { context, sizeof(context) }, view = { secret.at, secret.left };

	labeled(false, SUITE, TEXT("psk_id_hash"), NONE, NONE, (struct wr){ context + 1, HASH });
	labeled(false, SUITE, TEXT("info_hash"), NONE, info,
		(struct wr){ context + 1 + HASH, HASH });
	labeled(false, SUITE, TEXT("secret"), view, NONE, secret);
	labeled(true, SUITE, TEXT("key"), view, whole, (struct wr){ key, sizeof(key) });
	labeled(true, SUITE, TEXT("base_nonce"), view, whole, (struct wr){ nonce, sizeof(nonce) });
	chacha_poly1305_set_key(aead, key);
	chacha_poly1305_set_nonce(aead, nonce);
	wipe(key, sizeof(key));
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
	st = decap(own, sealed.at, (struct wr){ shared, HASH });
	schedule((struct wr){ shared, HASH }, info, &aead);
	wipe(shared, sizeof(shared));
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
