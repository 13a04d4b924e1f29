/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 8009: etypes 19 (SHA-256) and 20 (SHA-384). */
#include <nettle/hmac.h>

#include "krb_impl.h"
#include "wipe.h"

union hmac_ctx {
	struct hmac_sha256_ctx sha256;
	struct hmac_sha384_ctx sha384;
};

/* HMAC of a | b; by key length of the encryption type, SHA-256 or SHA-384. */
static void
hmac(int sha384, struct rd key, struct rd a, struct rd b, struct wr mac)
{
	union hmac_ctx ctx;

	if (sha384) {
		hmac_sha384_set_key(&ctx.sha384, key.len, key.at);
		hmac_sha384_update(&ctx.sha384, a.len, a.at);
		hmac_sha384_update(&ctx.sha384, b.len, b.at);
		hmac_sha384_digest(&ctx.sha384, mac.left, mac.at);
	} else {
		hmac_sha256_set_key(&ctx.sha256, key.len, key.at);
		hmac_sha256_update(&ctx.sha256, a.len, a.at);
		hmac_sha256_update(&ctx.sha256, b.len, b.at);
		hmac_sha256_digest(&ctx.sha256, mac.left, mac.at);
	}
	wipe(&ctx, sizeof(ctx));
}

/* One block suffices for all that is made here. */
void
krb_sha2_kdf(const struct krb_key *base, struct rd label, struct rd context, struct wr out)
{
	/* counter, label, a zero octet, context, length in bits */
	uint8_t info[64] = { 0, 0, 0, 1 };
	size_t n = 4;

	memcpy(info + n, label.at, label.len);
	n += label.len + 1;
	memcpy(info + n, context.at, context.len);
	n += context.len + 2;
	info[n++] = (uint8_t)(out.left * 8 >> 8);
	info[n++] = (uint8_t)(out.left * 8);
	hmac(base->type->etype == KRB_ETYPE_AES256_SHA2,
	     (struct rd){ base->octets, base->type->key_len }, (struct rd){ info, n },
	     (struct rd){ info, 0 }, out);
}

/* Ke is as long as the base key; Kc and Ki are half the hash (section 5). */
void
krb_sha2_derive(const struct krb_key *base, uint32_t usage, uint8_t kind, struct krb_derived *key)
{
	const uint8_t label[5] = { (uint8_t)(usage >> 24), (uint8_t)(usage >> 16),
				   (uint8_t)(usage >> 8), (uint8_t)usage, kind };

	key->len = kind == KRB_KE ? base->type->key_len : base->type->mac_len;
	krb_sha2_kdf(base, (struct rd){ label, sizeof(label) }, (struct rd){ label, 0 },
		     (struct wr){ key->octets, key->len });
}

void
krb_sha2_mac(const struct krb_derived *key, int iv, struct rd data, uint8_t mac[KRB_MAC_MAX])
{
	static const uint8_t zero[16];

	/* The integrity key is as long as its tag: 16 or 24 octets. */
	hmac(key->len == 24, (struct rd){ key->octets, key->len },
	     (struct rd){ zero, iv ? sizeof(zero) : 0 }, data, (struct wr){ mac, key->len });
}
