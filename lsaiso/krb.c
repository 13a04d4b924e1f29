/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "krb.h"

#include "host.h"
#include "krb_impl.h"
#include "wipe.h"

/* Checksum types: RFC 3962 section 7, RFC 8009 section 7, RFC 4757 section 4. */
static const struct krb_type types[] = {
	{ KRB_ETYPE_AES128_SHA1, 15, KRB_SHA1, 16, 16, 12 },
	{ KRB_ETYPE_AES256_SHA1, 16, KRB_SHA1, 32, 16, 12 },
	{ KRB_ETYPE_AES128_SHA2, 19, KRB_SHA2, 16, 16, 16 },
	{ KRB_ETYPE_AES256_SHA2, 20, KRB_SHA2, 32, 16, 24 },
	{ KRB_ETYPE_RC4, -138, KRB_RC4, 16, 8, 16 },
};

const struct krb_type *
krb_type(int32_t etype)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].etype == etype)
			return &types[i];
	}
	return NULL;
}

static void
derive(const struct krb_key *key, uint32_t usage, uint8_t kind, struct krb_derived *out)
{
	if (key->type->profile == KRB_SHA1)
		krb_sha1_derive(key, usage, kind, out);
	else
		krb_sha2_derive(key, usage, kind, out);
}

/* Tag over the plaintext (RFC 3961), which therefore comes before the cipher;
 * RFC 8009 has it the other way round. */
static void
aes_seal(const struct krb_key *key, uint32_t usage, struct wr text, uint8_t mac[KRB_MAC_MAX])
{
	struct krb_derived ke = { 0 }, ki = { 0 };
	struct rd view = { text.at, text.left };

	derive(key, usage, KRB_KE, &ke);
	derive(key, usage, KRB_KI, &ki);
	if (key->type->profile == KRB_SHA1)
		krb_sha1_mac(&ki, view, mac);
	krb_cts_encrypt(&ke, text);
	if (key->type->profile == KRB_SHA2)
		krb_sha2_mac(&ki, 1, view, mac);
	wipe(&ke, sizeof(ke));
	wipe(&ki, sizeof(ki));
}

static void
aes_open(const struct krb_key *key, uint32_t usage, struct wr text, uint8_t mac[KRB_MAC_MAX])
{
	struct krb_derived ke = { 0 }, ki = { 0 };
	struct rd view = { text.at, text.left };

	derive(key, usage, KRB_KE, &ke);
	derive(key, usage, KRB_KI, &ki);
	if (key->type->profile == KRB_SHA2)
		krb_sha2_mac(&ki, 1, view, mac);
	krb_cts_decrypt(&ke, text);
	if (key->type->profile == KRB_SHA1)
		krb_sha1_mac(&ki, view, mac);
	wipe(&ke, sizeof(ke));
	wipe(&ki, sizeof(ki));
}

enum iso_status
krb_encrypt(const struct krb_key *key, uint32_t usage, struct rd plain, struct wr out, size_t *len)
{
	const struct krb_type *t = key->type;
	bool mac_first = t->profile == KRB_RC4;
	struct wr text = { out.at, t->conf_len + plain.len };
	uint8_t *mac_at = out.at + text.left;
	uint8_t mac[KRB_MAC_MAX] = { 0 };
	enum iso_status st = ISO_OK;

	*len = 0;
	if (out.left < text.left || out.left - text.left < t->mac_len)
		return ISO_E_RANGE;
	if (mac_first) {
		text.at = out.at + t->mac_len;
		mac_at = out.at;
	}
	st = iso_host_entropy((struct wr){ text.at, t->conf_len });
	if (st != ISO_OK)
		return st;
	memcpy(text.at + t->conf_len, plain.at, plain.len);
	if (mac_first)
		krb_rc4_encrypt(key, usage, text, mac);
	else
		aes_seal(key, usage, text, mac);
	memcpy(mac_at, mac, t->mac_len);
	wipe(mac, sizeof(mac));
	*len = text.left + t->mac_len;
	return ISO_OK;
}

enum iso_status
krb_decrypt(const struct krb_key *key, uint32_t usage, struct rd cipher, struct wr out, size_t *len)
{
	const struct krb_type *t = key->type;
	bool mac_first = t->profile == KRB_RC4;
	uint8_t expected[KRB_MAC_MAX] = { 0 }, mac[KRB_MAC_MAX] = { 0 };
	struct wr text = { out.at, 0 };
	bool good = false;

	*len = 0;
	if (cipher.len < (size_t)t->conf_len + t->mac_len)
		return ISO_E_INTEGRITY;
	if (out.left < cipher.len)
		return ISO_E_RANGE;
	text.left = cipher.len - t->mac_len;
	memcpy(mac, cipher.at + (mac_first ? 0 : text.left), t->mac_len);
	memmove(text.at, cipher.at + (mac_first ? t->mac_len : 0), text.left);
	if (mac_first)
		krb_rc4_decrypt(key, usage, text, mac, expected);
	else
		aes_open(key, usage, text, expected);
	good = ct_equal(mac, expected, t->mac_len);
	wipe(expected, sizeof(expected));
	if (!good) {
		wipe(text.at, text.left);
		return ISO_E_INTEGRITY;
	}
	*len = text.left - t->conf_len;
	memmove(text.at, text.at + t->conf_len, *len);
	wipe(text.at + *len, t->conf_len);
	return ISO_OK;
}

void
krb_checksum(const struct krb_key *key, uint32_t usage, struct rd data, uint8_t mac[KRB_MAC_MAX])
{
	struct krb_derived kc = { 0 };

	if (key->type->profile == KRB_RC4) {
		krb_checksum_md5(key, usage, data, mac);
		return;
	}
	derive(key, usage, KRB_KC, &kc);
	if (key->type->profile == KRB_SHA1)
		krb_sha1_mac(&kc, data, mac);
	else
		krb_sha2_mac(&kc, 0, data, mac);
	wipe(&kc, sizeof(kc));
}
