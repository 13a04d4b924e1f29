/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 4757: etype 23. Only reached when the administrator allowed it. */
#include <nettle/arcfour.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>

#include "krb_impl.h"
#include "wipe.h"

void
krb_hmac_md5(struct rd key, const struct rd *parts, size_t n, uint8_t mac[16])
{
	struct hmac_md5_ctx ctx;

	hmac_md5_set_key(&ctx, key.len, key.at);
	for (size_t i = 0; i < n; i++)
		hmac_md5_update(&ctx, parts[i].len, parts[i].at);
	hmac_md5_digest(&ctx, 16, mac);
	wipe(&ctx, sizeof(ctx));
}

void
krb_rc4(const uint8_t key[16], struct wr text)
{
	struct arcfour_ctx ctx;

	arcfour_set_key(&ctx, 16, key);
	arcfour_crypt(&ctx, text.left, text.at, text.at);
	wipe(&ctx, sizeof(ctx));
}

/* RFC 4757 section 3: replies, whatever key they are under, have number 8. */
static uint32_t
number(uint32_t usage)
{
	return usage == 3 || usage == KRB_USAGE_TGS_REP_SUB ? 8 : usage;
}

/* A key usage as it goes into a hash: little-endian. */
static void
salt(uint32_t t, uint8_t out[4])
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(t >> (8 * i));
}

static void
stream(const uint8_t k1[16], const uint8_t mac[16], struct wr text)
{
	uint8_t k3[16] = { 0 };

	krb_hmac_md5((struct rd){ k1, 16 }, &(struct rd){ mac, 16 }, 1, k3);
	krb_rc4(k3, text);
	wipe(k3, sizeof(k3));
}

static void
derive(const struct krb_key *key, uint32_t t, uint8_t k1[16])
{
	uint8_t octets[4] = { 0 };

	salt(t, octets);
	krb_hmac_md5((struct rd){ key->octets, 16 }, &(struct rd){ octets, sizeof(octets) }, 1, k1);
}

void
krb_rc4_encrypt(const struct krb_key *key, uint32_t usage, struct wr text, uint8_t mac[16])
{
	uint8_t k1[16] = { 0 };

	derive(key, number(usage), k1);
	krb_hmac_md5((struct rd){ k1, 16 }, &(struct rd){ text.at, text.left }, 1, mac);
	stream(k1, mac, text);
	wipe(k1, sizeof(k1));
}

void
krb_rc4_decrypt(const struct krb_key *key, uint32_t usage, struct wr text, const uint8_t mac[16],
		uint8_t expected[16])
{
	uint8_t k1[16] = { 0 };

	derive(key, number(usage), k1);
	stream(k1, mac, text);
	krb_hmac_md5((struct rd){ k1, 16 }, &(struct rd){ text.at, text.left }, 1, expected);
	if (number(usage) != usage && !ct_equal(mac, expected, 16)) {
		/* MIT's KDC takes RFC 4120's number as it is: once more. */
		stream(k1, mac, text);
		derive(key, usage, k1);
		stream(k1, mac, text);
		krb_hmac_md5((struct rd){ k1, 16 }, &(struct rd){ text.at, text.left }, 1,
			     expected);
	}
	wipe(k1, sizeof(k1));
}

void
krb_checksum_md5(const struct krb_key *key, uint32_t usage, struct rd data, uint8_t mac[16])
{
	static const uint8_t label[] = "signaturekey"; /* with its zero, RFC 4757 section 4 */
	uint8_t t[4] = { 0 }, sign[16] = { 0 }, digest[16] = { 0 };
	struct md5_ctx ctx;

	salt(number(usage), t);
	krb_hmac_md5((struct rd){ key->octets, key->type->key_len },
		     &(struct rd){ label, sizeof(label) }, 1, sign);
	md5_init(&ctx);
	md5_update(&ctx, sizeof(t), t);
	md5_update(&ctx, data.len, data.at);
	md5_digest(&ctx, sizeof(digest), digest);
	krb_hmac_md5((struct rd){ sign, 16 }, &(struct rd){ digest, sizeof(digest) }, 1, mac);
	wipe(sign, sizeof(sign));
}
