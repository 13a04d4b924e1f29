/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <nettle/hmac.h>
#include <nettle/memxor.h>
#include <nettle/sha1.h>

#include "krb_impl.h"
#include "wipe.h"

static const uint8_t label[] = { 'p', 'r', 'f' };

/* RFC 3961 section 5.3: one block of the hash, encrypted under DK(key, "prf"). */
static size_t
sha1_prf(const struct krb_key *key, struct rd data, uint8_t out[KRB_PRF])
{
	struct krb_derived kp = { 0 };
	struct sha1_ctx ctx;

	sha1_init(&ctx);
	sha1_update(&ctx, data.len, data.at);
	sha1_digest(&ctx, 16, out);
	krb_sha1_dk(key, (struct rd){ label, sizeof(label) }, &kp);
	krb_aes_block(kp.octets, kp.len, out, out);
	wipe(&kp, sizeof(kp));
	return 16;
}

static size_t
rc4_prf(const struct krb_key *key, struct rd data, uint8_t out[KRB_PRF])
{
	struct hmac_sha1_ctx ctx;

	hmac_sha1_set_key(&ctx, key->type->key_len, key->octets);
	hmac_sha1_update(&ctx, data.len, data.at);
	hmac_sha1_digest(&ctx, SHA1_DIGEST_SIZE, out);
	wipe(&ctx, sizeof(ctx));
	return SHA1_DIGEST_SIZE;
}

size_t
krb_prf(const struct krb_key *key, struct rd data, uint8_t out[KRB_PRF])
{
	size_t len = key->type->etype == KRB_ETYPE_AES256_SHA2 ? 48 : 32;

	if (key->type->profile == KRB_RC4)
		return rc4_prf(key, data, out);
	if (key->type->profile == KRB_SHA1)
		return sha1_prf(key, data, out);
	krb_sha2_kdf(key, (struct rd){ label, sizeof(label) }, data, (struct wr){ out, len });
	return len;
}

/* Add PRF+ of RFC 6113 section 5.1 to out: blocks numbered from 1. */
static void
prf_plus(const struct krb_key *key, const char *pepper, struct wr out)
{
	uint8_t in[KRB_PRF_IN] = { 0 }, block[KRB_PRF] = { 0 };
	size_t n = 1, len = 0;

	for (; *pepper != '\0' && n < sizeof(in); pepper++)
		in[n++] = (uint8_t)*pepper;
	for (size_t at = 0; at < out.left; at += len) {
		in[0]++;
		len = krb_prf(key, (struct rd){ in, n }, block);
		memxor(out.at + at, block, len < out.left - at ? len : out.left - at);
	}
	wipe(block, sizeof(block));
}

void
krb_cf2(const struct krb_key *a, const char *pepper_a, const struct krb_key *b,
	const char *pepper_b, struct krb_key *out)
{
	struct wr octets = { out->octets, a->type->key_len };

	out->type = a->type;
	wipe(out->octets, sizeof(out->octets));
	prf_plus(a, pepper_a, octets);
	prf_plus(b, pepper_b, octets);
}
