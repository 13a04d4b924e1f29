/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kept.h"

#include <nettle/siv-cmac.h>

#include "blob.h"
#include "host.h"
#include "wipe.h"

#define NONCE 16u

static void
derive(const struct iso *iso, struct siv_cmac_aes256_ctx *siv)
{
	uint8_t key[SIV_CMAC_AES256_KEY_SIZE];

	iso_derive(iso, "lsaiso keeping", (struct wr){ key, 32 });
	iso_derive(iso, "lsaiso keepkey", (struct wr){ key + 32, 32 });
	siv_cmac_aes256_set_key(siv, key);
	wipe(key, sizeof(key));
}

enum iso_status
kept_seal(const struct iso *iso, struct rd name, const struct kept *k, struct wr out, uint32_t *len)
{
	struct siv_cmac_aes256_ctx siv;
	uint8_t who[ISO_HASH];
	enum iso_status st = ISO_E_POLICY;

	if (iso->root_kind != ISO_ROOT_KEPT)
		return st;
	st = iso_host_entropy((struct wr){ out.at, NONCE });
	if (st != ISO_OK)
		return st;
	*len = KEPT_OVER + sizeof(*k);
	blob_client_hash(name, who);
	derive(iso, &siv);
	siv_cmac_aes256_encrypt_message(&siv, NONCE, out.at, sizeof(who), who,
					SIV_DIGEST_SIZE + sizeof(*k), out.at + NONCE,
					(const uint8_t *)k);
	wipe(&siv, sizeof(siv));
	return ISO_OK;
}

enum iso_status
kept_open(const struct iso *iso, struct rd name, struct rd sealed, struct kept *k)
{
	struct siv_cmac_aes256_ctx siv;
	uint8_t who[ISO_HASH];
	int authentic = 0;

	if (sealed.len != KEPT_OVER + sizeof(*k))
		return ISO_E_BLOB;
	blob_client_hash(name, who);
	derive(iso, &siv);
	authentic = siv_cmac_aes256_decrypt_message(&siv, NONCE, sealed.at, sizeof(who), who,
						    sizeof(*k), (uint8_t *)k, sealed.at + NONCE);
	wipe(&siv, sizeof(siv));
	return authentic ? ISO_OK : ISO_E_BLOB;
}
