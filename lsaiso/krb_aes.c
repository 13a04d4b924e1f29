/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/memxor.h>

#include "krb_impl.h"
#include "wipe.h"

#define BLOCK 16u

/* A key schedule of either length and direction. */
struct schedule {
	nettle_cipher_func *cipher;
	union {
		struct aes128_ctx k128;
		struct aes256_ctx k256;
	} u;
};

static void
set_key(struct schedule *s, const uint8_t *key, size_t key_len, bool encrypt)
{
	if (key_len == AES256_KEY_SIZE && encrypt) {
		aes256_set_encrypt_key(&s->u.k256, key);
		s->cipher = (nettle_cipher_func *)aes256_encrypt;
	} else if (key_len == AES256_KEY_SIZE) {
		aes256_set_decrypt_key(&s->u.k256, key);
		s->cipher = (nettle_cipher_func *)aes256_decrypt;
	} else if (encrypt) {
		aes128_set_encrypt_key(&s->u.k128, key);
		s->cipher = (nettle_cipher_func *)aes128_encrypt;
	} else {
		aes128_set_decrypt_key(&s->u.k128, key);
		s->cipher = (nettle_cipher_func *)aes128_decrypt;
	}
}

void
krb_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[16], uint8_t out[16])
{
	struct schedule s = { 0 };

	set_key(&s, key, key_len, true);
	s.cipher(&s.u, BLOCK, out, in);
	wipe(&s, sizeof(s));
}

/* Octets of the last, possibly short, block: 1..16. */
static size_t
tail_of(size_t len)
{
	return len % BLOCK != 0 ? len % BLOCK : BLOCK;
}

void
krb_cts_encrypt(const struct krb_derived *key, struct wr text)
{
	struct schedule s = { 0 };
	uint8_t iv[BLOCK] = { 0 }, last[BLOCK] = { 0 };
	size_t tail = tail_of(text.left);
	size_t whole = text.left > BLOCK ? text.left - tail : BLOCK;
	uint8_t *steal = text.at + whole - BLOCK; /* the last whole block */

	set_key(&s, key->octets, key->len, true);
	cbc_encrypt(&s.u, s.cipher, BLOCK, iv, whole, text.at, text.at);
	if (text.left > BLOCK) {
		memcpy(last, text.at + whole, tail);
		memcpy(text.at + whole, steal, tail);
		cbc_encrypt(&s.u, s.cipher, BLOCK, iv, BLOCK, steal, last);
	}
	wipe(&s, sizeof(s));
	wipe(last, sizeof(last));
}

void
krb_cts_decrypt(const struct krb_derived *key, struct wr text)
{
	struct schedule s = { 0 };
	uint8_t iv[BLOCK] = { 0 }, last[BLOCK] = { 0 };
	size_t tail = tail_of(text.left);
	size_t whole = text.left > BLOCK ? text.left - tail : BLOCK;
	uint8_t *steal = text.at + whole - BLOCK;

	set_key(&s, key->octets, key->len, false);
	if (text.left > BLOCK) {
		cbc_decrypt(&s.u, s.cipher, BLOCK, iv, whole - BLOCK, text.at, text.at);
		s.cipher(&s.u, BLOCK, last,
			 steal); /* last plain block, xored with steal's cipher */
		memcpy(steal, text.at + whole, tail);
		memcpy(steal + tail, last + tail, BLOCK - tail);
		memxor3(text.at + whole, last, steal, tail);
		cbc_decrypt(&s.u, s.cipher, BLOCK, iv, BLOCK, steal, steal);
	} else {
		cbc_decrypt(&s.u, s.cipher, BLOCK, iv, BLOCK, text.at, text.at);
	}
	wipe(&s, sizeof(s));
	wipe(last, sizeof(last));
}
