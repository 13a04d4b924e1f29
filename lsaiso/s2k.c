/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <nettle/md4.h>
#include <nettle/pbkdf2.h>

#include "krb_impl.h"
#include "wipe.h"

#define NAME_LEN 27u /* of an encryption type in RFC 8009, and a zero octet */

static const uint8_t label[] = { 'k', 'e', 'r', 'b', 'e', 'r', 'o', 's' };

/* RFC 3962 section 4: DK of what PBKDF2 gives. */
static void
sha1_s2k(struct rd password, struct rd salt, uint32_t iterations, struct krb_key *key)
{
	struct krb_derived made = { 0 };

	pbkdf2_hmac_sha1(password.len, password.at, iterations, salt.len, salt.at,
			 key->type->key_len, key->octets);
	krb_sha1_dk(key, (struct rd){ label, sizeof(label) }, &made);
	memcpy(key->octets, made.octets, made.len);
	wipe(&made, sizeof(made));
}

/* RFC 8009 section 4: the type's name goes before the salt. */
static void
sha2_s2k(struct rd password, struct rd salt, uint32_t iterations, struct krb_key *key)
{
	bool sha384 = key->type->etype == KRB_ETYPE_AES256_SHA2;
	uint8_t named[NAME_LEN + ISO_SALT_MAX] = { 0 }, made[ISO_KEY_MAX] = { 0 };

	memcpy(named, sha384 ? "aes256-cts-hmac-sha384-192" : "aes128-cts-hmac-sha256-128",
	       NAME_LEN);
	memcpy(named + NAME_LEN, salt.at, salt.len);
	(sha384 ? pbkdf2_hmac_sha384 : pbkdf2_hmac_sha256)(password.len, password.at, iterations,
							   NAME_LEN + salt.len, named,
							   key->type->key_len, key->octets);
	krb_sha2_kdf(key, (struct rd){ label, sizeof(label) }, (struct rd){ label, 0 },
		     (struct wr){ made, key->type->key_len });
	memcpy(key->octets, made, key->type->key_len);
	wipe(made, sizeof(made));
}

/*
 * Take one character from the front of text, RFC 3629 section 4.
 * Returns ISO_OK, ISO_E_RANGE (that is none).
 */
static enum iso_status
utf8_next(struct rd *text, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = *text->at;
	size_t more = (size_t)(first >= 0xc0) + (first >= 0xe0) + (first >= 0xf0);

	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || text->len <= more)
		return ISO_E_RANGE;
	*c = more == 0 ? first : first & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((text->at[i] & 0xc0) != 0x80)
			return ISO_E_RANGE;
		*c = *c << 6 | (text->at[i] & 0x3fu);
	}
	*text = (struct rd){ text->at + more + 1, text->len - more - 1 };
	if (*c < least[more] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return ISO_E_RANGE;
	return ISO_OK;
}

enum iso_status
krb_nt_hash(struct rd password, uint8_t hash[KRB_NT_HASH])
{
	enum iso_status st = ISO_OK;
	uint8_t unit[4] = { 0 };
	struct md4_ctx ctx;
	uint32_t c = 0;

	md4_init(&ctx);
	while (st == ISO_OK && password.len > 0) {
		bool pair = false;

		st = utf8_next(&password, &c);
		pair = c >= 0x10000;
		if (pair)
			c = 0xd800 + ((c - 0x10000) >> 10) +
			    ((0xdc00 + ((c - 0x10000) & 0x3ff)) << 16);
		for (size_t i = 0; i < sizeof(unit); i++)
			unit[i] = (uint8_t)(c >> (8 * i));
		md4_update(&ctx, pair ? 4 : 2, unit);
	}
	md4_digest(&ctx, KRB_NT_HASH, hash);
	if (st != ISO_OK)
		wipe(hash, KRB_NT_HASH);
	wipe(&ctx, sizeof(ctx));
	wipe(unit, sizeof(unit));
	return st;
}

enum iso_status
krb_string_to_key(struct rd password, struct rd salt, uint32_t iterations, struct krb_key *key)
{
	if (key->type->profile == KRB_RC4)
		return krb_nt_hash(password, key->octets);
	if (key->type->profile == KRB_SHA1)
		sha1_s2k(password, salt, iterations, key);
	else
		sha2_s2k(password, salt, iterations, key);
	return ISO_OK;
}
