/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 4757: etype 23. Only reached when the administrator allowed it. */
#include <nettle/arcfour.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>

#include "krb_impl.h"
#include "wipe.h"

static void
hmac(const uint8_t key[16], struct rd data, uint8_t mac[16])
{
	struct hmac_md5_ctx ctx;

	hmac_md5_set_key(&ctx, 16, key);
	hmac_md5_update(&ctx, data.len, data.at);
	hmac_md5_digest(&ctx, 16, mac);
	wipe(&ctx, sizeof(ctx));
}

/* Key usage as RFC 4757 section 3 numbers it, little-endian. */
static void
salt(uint32_t usage, uint8_t out[4])
{
	uint32_t t = usage == 3 || usage == 9 ? 8 : usage;

	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(t >> (8 * i));
}

static void
stream(const uint8_t k1[16], const uint8_t mac[16], struct wr text)
{
	struct arcfour_ctx ctx;
	uint8_t k3[16] = { 0 };

	hmac(k1, (struct rd){ mac, 16 }, k3);
	arcfour_set_key(&ctx, sizeof(k3), k3);
	arcfour_crypt(&ctx, text.left, text.at, text.at);
	wipe(&ctx, sizeof(ctx));
	wipe(k3, sizeof(k3));
}

void
krb_rc4_encrypt(const struct krb_key *key, uint32_t usage, struct wr text, uint8_t mac[16])
{
	uint8_t t[4] = { 0 }, k1[16] = { 0 };

	salt(usage, t);
	hmac(key->octets, (struct rd){ t, sizeof(t) }, k1);
	hmac(k1, (struct rd){ text.at, text.left }, mac);
	stream(k1, mac, text);
	wipe(k1, sizeof(k1));
}

void
krb_rc4_decrypt(const struct krb_key *key, uint32_t usage, struct wr text, const uint8_t mac[16],
		uint8_t expected[16])
{
	uint8_t t[4] = { 0 }, k1[16] = { 0 };

	salt(usage, t);
	hmac(key->octets, (struct rd){ t, sizeof(t) }, k1);
	stream(k1, mac, text);
	hmac(k1, (struct rd){ text.at, text.left }, expected);
	wipe(k1, sizeof(k1));
}

void
krb_rc4_checksum(const struct krb_key *key, uint32_t usage, struct rd data, uint8_t mac[16])
{
	static const uint8_t label[] = "signaturekey"; /* with its zero, RFC 4757 section 4 */
	uint8_t t[4] = { 0 }, sign[16] = { 0 }, digest[16] = { 0 };
	struct md5_ctx ctx;

	salt(usage, t);
	hmac(key->octets, (struct rd){ label, sizeof(label) }, sign);
	md5_init(&ctx);
	md5_update(&ctx, sizeof(t), t);
	md5_update(&ctx, data.len, data.at);
	md5_digest(&ctx, sizeof(digest), digest);
	hmac(sign, (struct rd){ digest, sizeof(digest) }, mac);
	wipe(sign, sizeof(sign));
}
