/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 3961's simplified profile as RFC 3962 fills it in: etypes 17 and 18. */
#include <nettle/hmac.h>

#include "krb_impl.h"
#include "wipe.h"

#define NFOLD_MAX 32u
#define MAC_LEN	  12u /* HMAC-SHA1-96 */

/*
 * Octet at of copy number copy of in, where each copy is rotated right by 13
 * bits more than the one before it.
 */
static uint8_t
rotated(struct rd in, size_t copy, size_t at)
{
	size_t bits = in.len * 8;
	size_t from = (at * 8 + bits - 13 * copy % bits) % bits;
	uint32_t pair = (uint32_t)in.at[from / 8] << 8 | in.at[(from / 8 + 1) % in.len];

	return (uint8_t)(pair >> (8 - from % 8));
}

/* Copies of in, one after the other up to a common multiple, are added in
 * chunks of out's length, with end-around carry. */
void
krb_nfold(struct rd in, struct wr out)
{
	uint32_t sum[NFOLD_MAX] = { 0 };
	uint32_t carry = 0;
	size_t n = out.left, total = n;

	if (n == 0 || n > NFOLD_MAX || in.len == 0)
		return;
	while (total % in.len != 0)
		total += n;
	for (size_t i = 0; i < total; i++)
		sum[i % n] += rotated(in, i / in.len, i % in.len);
	do {
		for (size_t i = n; i > 0; i--) {
			carry += sum[i - 1];
			sum[i - 1] = carry & 0xff;
			carry >>= 8;
		}
	} while (carry != 0);
	for (size_t i = 0; i < n; i++)
		out.at[i] = (uint8_t)sum[i];
	wipe(sum, sizeof(sum));
}

/* DR and DK; for AES random-to-key is identity. */
void
krb_sha1_dk(const struct krb_key *base, struct rd constant, struct krb_derived *key)
{
	uint8_t block[16] = { 0 };

	key->len = base->type->key_len;
	krb_nfold(constant, (struct wr){ block, sizeof(block) });
	for (size_t i = 0; i < key->len; i += sizeof(block)) {
		krb_aes_block(base->octets, key->len, block, block);
		memcpy(key->octets + i, block, sizeof(block));
	}
	wipe(block, sizeof(block));
}

void
krb_sha1_derive(const struct krb_key *base, uint32_t usage, uint8_t kind, struct krb_derived *key)
{
	const uint8_t constant[5] = { (uint8_t)(usage >> 24), (uint8_t)(usage >> 16),
				      (uint8_t)(usage >> 8), (uint8_t)usage, kind };

	krb_sha1_dk(base, (struct rd){ constant, sizeof(constant) }, key);
}

void
krb_sha1_mac(const struct krb_derived *key, struct rd data, uint8_t mac[KRB_MAC_MAX])
{
	struct hmac_sha1_ctx ctx;

	hmac_sha1_set_key(&ctx, key->len, key->octets);
	hmac_sha1_update(&ctx, data.len, data.at);
	hmac_sha1_digest(&ctx, MAC_LEN, mac);
	wipe(&ctx, sizeof(ctx));
}
