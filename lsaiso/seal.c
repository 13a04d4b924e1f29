/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seal.h"

#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <nettle/siv-cmac.h>

#include "host.h"
#include "wipe.h"

/* HKDF-SHA256 (RFC 5869): salt is the root key, the label names the kind. */
static void
derive(const struct iso *iso, const struct seal *how, struct siv_cmac_aes256_ctx *siv)
{
	const uint8_t label[] = { 'l', 's', 'a', 'i', 's', 'o',	     ' ',
				  'b', 'l', 'o', 'b', 0,   how->kind };
	uint8_t prk[SHA256_DIGEST_SIZE] = { 0 }, key[SIV_CMAC_AES256_KEY_SIZE] = { 0 };
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(iso->root), iso->root);
	hkdf_extract(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(prk), how->session.len,
		     how->session.at, prk);
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
seal_put(const struct iso *iso, const struct seal *how, struct rd secret, uint8_t *at,
	 uint32_t *len)
{
	struct siv_cmac_aes256_ctx siv;

	*len = 0;
	if (iso_host_entropy((struct wr){ at, SEAL_NONCE }) != ISO_OK)
		return ISO_E_ENTROPY;
	derive(iso, how, &siv);
	siv_cmac_aes256_encrypt_message(&siv, SEAL_NONCE, at, how->with.len, how->with.at,
					SEAL_SIV + secret.len, at + SEAL_NONCE, secret.at);
	wipe(&siv, sizeof(siv));
	*len = SEAL_OVER + (uint32_t)secret.len;
	return ISO_OK;
}

enum iso_status
seal_open(const struct iso *iso, const struct seal *how, struct rd sealed, struct wr secret)
{
	struct siv_cmac_aes256_ctx siv;
	int authentic = 0;

	if (sealed.len != SEAL_OVER + secret.left)
		return ISO_E_BLOB;
	derive(iso, how, &siv);
	authentic = siv_cmac_aes256_decrypt_message(&siv, SEAL_NONCE, sealed.at, how->with.len,
						    how->with.at, secret.left, secret.at,
						    sealed.at + SEAL_NONCE);
	wipe(&siv, sizeof(siv));
	return authentic ? ISO_OK : ISO_E_BLOB;
}
