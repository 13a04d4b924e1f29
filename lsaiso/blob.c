/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "blob.h"

#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <nettle/siv-cmac.h>

#include "host.h"
#include "session.h"
#include "wipe.h"

/* Offsets of the picture in blob.h. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_KIND = 5,
	AT_MAY = 6,
	AT_ETYPE = 8,
	AT_FLAGS = 12,
	AT_SESSION = 16,
	AT_GENERATION = 20,
	AT_OWNER = 24,
	AT_BOOT_ID = 28,
	AT_CREATED = 44,
	AT_EXPIRES = 52,
	AT_CLIENT = 60,
};
_Static_assert(AT_CLIENT + ISO_HASH == BLOB_HEADER, "the header has no holes");

#define REMAINING_MAX (INT64_C(10) * 366 * 86400) /* longer credentials end then */

static const uint8_t magic[4] = { 'L', 'S', 'A', 'B' };

static void
put(uint8_t *at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
get(const uint8_t *at, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

void
blob_client_hash(struct rd client, uint8_t hash[ISO_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, client.len, client.at);
	sha256_digest(&ctx, ISO_HASH, hash);
}

enum iso_status
blob_deadline(struct iso *iso, int64_t endtime, int32_t skew, uint64_t *expires_ms)
{
	int64_t real = (int64_t)(iso_host_clock(ISO_CLOCK_REAL) / 1000000) + skew;
	int64_t remaining = 0;

	*expires_ms = 0;
	if (endtime <= real || endtime <= 0)
		return ISO_E_EXPIRED;
	remaining = endtime - (real > 0 ? real : 0);
	if (remaining > REMAINING_MAX)
		remaining = REMAINING_MAX;
	*expires_ms = iso_now(iso) + (uint64_t)remaining * 1000;
	return ISO_OK;
}

/* HKDF-SHA256 (RFC 5869): salt is the root key, the label names the kind. */
static void
derive(const struct iso *iso, const struct session *s, uint8_t kind,
       struct siv_cmac_aes256_ctx *siv)
{
	const uint8_t label[] = { 'l', 's', 'a', 'i', 's', 'o', ' ', 'b', 'l', 'o', 'b', 0, kind };
	uint8_t prk[SHA256_DIGEST_SIZE] = { 0 }, key[SIV_CMAC_AES256_KEY_SIZE] = { 0 };
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(iso->root), iso->root);
	hkdf_extract(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(prk), sizeof(s->key),
		     s->key, prk);
	hmac_sha256_set_key(&ctx, sizeof(prk), prk);
	hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(prk), sizeof(label),
		    label, sizeof(key), key);
	siv_cmac_aes256_set_key(siv, key);
	wipe(&ctx, sizeof(ctx));
	wipe(prk, sizeof(prk));
	wipe(key, sizeof(key));
}

enum iso_status
blob_seal(struct iso *iso, const struct session *s, const struct blob *b, struct rd secret,
	  struct wr out, uint32_t *len)
{
	uint8_t *h = out.at;
	struct siv_cmac_aes256_ctx siv;

	*len = 0;
	if (secret.len < 1 || secret.len > ISO_KEY_MAX || out.left < BLOB_OVER + secret.len)
		return ISO_E_RANGE;
	if (iso_host_entropy((struct wr){ h + BLOB_HEADER, BLOB_NONCE }) != ISO_OK)
		return ISO_E_ENTROPY;
	memcpy(h + AT_MAGIC, magic, sizeof(magic));
	put(h + AT_VERSION, BLOB_VERSION, 1);
	put(h + AT_KIND, b->kind, 1);
	put(h + AT_MAY, b->may, 2);
	put(h + AT_ETYPE, (uint32_t)b->etype, 4);
	put(h + AT_FLAGS, 0, 4);
	put(h + AT_SESSION, session_slot(iso, s), 4);
	put(h + AT_GENERATION, s->generation, 4);
	put(h + AT_OWNER, s->owner, 4);
	memcpy(h + AT_BOOT_ID, iso->boot_id, ISO_BOOT_ID);
	put(h + AT_CREATED, iso->now_ms, 8);
	put(h + AT_EXPIRES, b->expires_ms, 8);
	memcpy(h + AT_CLIENT, b->client, ISO_HASH);
	derive(iso, s, b->kind, &siv);
	siv_cmac_aes256_encrypt_message(&siv, BLOB_NONCE, h + BLOB_HEADER, BLOB_HEADER, h,
					BLOB_SIV + secret.len, h + BLOB_HEADER + BLOB_NONCE,
					secret.at);
	wipe(&siv, sizeof(siv));
	*len = BLOB_OVER + (uint32_t)secret.len;
	return ISO_OK;
}

/* An authentic header against the call. */
static enum iso_status
judge(struct iso *iso, const struct session *s, const uint8_t *h, const struct blob *want,
      struct blob *got)
{
	got->kind = h[AT_KIND];
	got->may = (uint16_t)get(h + AT_MAY, 2);
	got->etype = (int32_t)get(h + AT_ETYPE, 4);
	got->expires_ms = get(h + AT_EXPIRES, 8);
	memcpy(got->client, h + AT_CLIENT, ISO_HASH);
	if (get(h + AT_FLAGS, 4) != 0 || get(h + AT_SESSION, 4) != session_slot(iso, s) ||
	    get(h + AT_GENERATION, 4) != s->generation ||
	    memcmp(h + AT_BOOT_ID, iso->boot_id, ISO_BOOT_ID) != 0)
		return ISO_E_BLOB;
	if (get(h + AT_OWNER, 4) != s->owner)
		return ISO_E_OWNER;
	if (got->kind != want->kind || (got->may & want->may) != want->may)
		return ISO_E_KIND;
	if (got->expires_ms <= iso_now(iso))
		return ISO_E_EXPIRED;
	if (!ct_equal(got->client, want->client, ISO_HASH))
		return ISO_E_OWNER;
	return ISO_OK;
}

enum iso_status
blob_open(struct iso *iso, const struct session *s, struct rd blob, const struct blob *want,
	  struct blob *got, uint8_t secret[ISO_KEY_MAX], size_t *len)
{
	const uint8_t *h = blob.at;
	struct siv_cmac_aes256_ctx siv;
	enum iso_status st = ISO_E_BLOB;
	int authentic = 0;

	*len = 0;
	if (blob.len <= BLOB_OVER || blob.len > BLOB_OVER + ISO_KEY_MAX ||
	    memcmp(h + AT_MAGIC, magic, sizeof(magic)) != 0 || h[AT_VERSION] != BLOB_VERSION)
		return ISO_E_BLOB;
	derive(iso, s, h[AT_KIND], &siv);
	authentic = siv_cmac_aes256_decrypt_message(&siv, BLOB_NONCE, h + BLOB_HEADER, BLOB_HEADER,
						    h, blob.len - BLOB_OVER, secret,
						    h + BLOB_HEADER + BLOB_NONCE);
	wipe(&siv, sizeof(siv));
	if (authentic)
		st = judge(iso, s, h, want, got);
	if (st != ISO_OK) {
		wipe(secret, ISO_KEY_MAX);
		return st;
	}
	*len = blob.len - BLOB_OVER;
	return ISO_OK;
}
