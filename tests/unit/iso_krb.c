/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the Kerberos cryptography of lsaiso what the RFCs say, and what libkrb5
 * does? Published vectors, then both ways against libkrb5.
 */
#include "krb.h"

#include <krb5/krb5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_host.h"
#include "iso_vectors.h"
#include "krb_impl.h"

static struct krb_key
key_of(const char *etype, const char *octets)
{
	struct krb_key key = { .type = krb_type((int32_t)strtol(etype, NULL, 10)) };
	struct rd k = hex(octets);

	assert_non_null(key.type);
	assert_int_equal(k.len, key.type->key_len);
	memcpy(key.octets, k.at, k.len);
	return key;
}

static void
check_nfold(const struct words *w)
{
	struct rd in = hex(w->word[0]), want = hex(w->word[1]);
	uint8_t out[32];

	krb_nfold(in, (struct wr){ out, want.len });
	assert_memory_equal(out, want.at, want.len);
}

static void
check_derive(const struct words *w)
{
	struct krb_key key = key_of(w->word[0], w->word[1]);
	uint32_t usage = (uint32_t)strtoul(w->word[2], NULL, 10);
	struct rd kind = hex(w->word[3]), want = hex(w->word[4]);
	struct krb_derived got = { 0 };

	if (key.type->profile == KRB_SHA1)
		krb_sha1_derive(&key, usage, kind.at[0], &got);
	else
		krb_sha2_derive(&key, usage, kind.at[0], &got);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.octets, want.at, want.len);
}

static void
check_cts(const struct words *w)
{
	struct krb_derived key = { .len = 16 };
	struct rd k = hex(w->word[0]), in = hex(w->word[1]), want = hex(w->word[2]);
	uint8_t text[128];

	memcpy(key.octets, k.at, k.len);
	memcpy(text, in.at, in.len);
	assert_int_equal(in.len, want.len);
	krb_cts_encrypt(&key, (struct wr){ text, in.len });
	assert_memory_equal(text, want.at, want.len);
	krb_cts_decrypt(&key, (struct wr){ text, in.len });
	assert_memory_equal(text, in.at, in.len);
}

static void
check_encrypt(const struct words *w)
{
	struct krb_key key = key_of(w->word[0], w->word[1]);
	struct rd plain = hex(w->word[3]), want = hex(w->word[4]);
	uint8_t out[256];
	size_t n = 0;

	test_host.script = hex(w->word[2]);
	assert_int_equal(krb_encrypt(&key, 2, plain, (struct wr){ out, sizeof(out) }, &n), ISO_OK);
	assert_int_equal(n, want.len);
	assert_memory_equal(out, want.at, n);
	assert_int_equal(krb_decrypt(&key, 2, want, (struct wr){ out, sizeof(out) }, &n), ISO_OK);
	assert_int_equal(n, plain.len);
	assert_memory_equal(out, plain.at, n);
}

static void
check_checksum(const struct words *w)
{
	struct krb_key key = key_of(w->word[0], w->word[1]);
	struct rd want = hex(w->word[3]);
	uint8_t mac[KRB_MAC_MAX];

	krb_checksum(&key, 2, hex(w->word[2]), mac);
	assert_int_equal(key.type->mac_len, want.len);
	assert_memory_equal(mac, want.at, want.len);
}

static void
vectors(void **state)
{
	(void)state;
	iso_fresh();
	each_line("rfc3961-nfold.txt", 2, check_nfold);
	each_line("derive.txt", 5, check_derive);
	each_line("rfc3962-cts.txt", 3, check_cts);
	each_line("rfc8009-encrypt.txt", 5, check_encrypt);
	each_line("rfc8009-checksum.txt", 4, check_checksum);
}

/* ---- against libkrb5 */

static const int32_t etypes[] = { 17, 18, 19, 20, 23 };
static krb5_context ctx;

static int
open_krb5(void **state)
{
	(void)state;
	setenv("KRB5_CONFIG", "/dev/null", 1);
	return krb5_init_context(&ctx);
}

static int
close_krb5(void **state)
{
	(void)state;
	krb5_free_context(ctx);
	return 0;
}

/* One random key in both forms. */
static krb5_keyblock
random_key(int32_t etype, struct krb_key *key)
{
	krb5_keyblock k = { 0 };

	key->type = krb_type(etype);
	test_random(key->octets, sizeof(key->octets));
	k.enctype = etype;
	k.length = key->type->key_len;
	k.contents = key->octets;
	return k;
}

/* What lsaiso encrypts libkrb5 decrypts, and the other way round. */
static void
cross_one(int32_t etype, krb5_keyusage usage, size_t len)
{
	uint8_t plain[600], mine[700], back[700];
	struct krb_key key;
	krb5_keyblock k = random_key(etype, &key);
	krb5_enc_data enc = { .enctype = etype };
	krb5_data in = { .data = (char *)plain, .length = (unsigned int)len };
	krb5_data out = { .data = (char *)back, .length = sizeof(back) };
	size_t n = 0;

	test_random(plain, sizeof(plain));
	assert_int_equal(krb_encrypt(&key, (uint32_t)usage, (struct rd){ plain, len },
				     (struct wr){ mine, sizeof(mine) }, &n),
			 ISO_OK);
	enc.ciphertext.data = (char *)mine;
	enc.ciphertext.length = (unsigned int)n;
	assert_int_equal(krb5_c_decrypt(ctx, &k, usage, NULL, &enc, &out), 0);
	assert_int_equal(out.length, len);
	assert_memory_equal(back, plain, len);

	enc.ciphertext.length = sizeof(mine);
	assert_int_equal(krb5_c_encrypt(ctx, &k, usage, NULL, &in, &enc), 0);
	assert_int_equal(enc.ciphertext.length, n);
	assert_int_equal(krb_decrypt(&key, (uint32_t)usage, (struct rd){ mine, n },
				     (struct wr){ back, sizeof(back) }, &n),
			 ISO_OK);
	assert_int_equal(n, len);
	assert_memory_equal(back, plain, len);
}

static void
cross_encrypt(void **state)
{
	static const krb5_keyusage usages[] = { 7, 9, 3, 2, 1024 };

	(void)state;
	iso_fresh();
	for (size_t e = 0; e < sizeof(etypes) / sizeof(etypes[0]); e++) {
		for (size_t len = 0; len <= 600; len++)
			cross_one(etypes[e], usages[len % 5], len);
	}
}

static void
cross_checksum(void **state)
{
	uint8_t data[600], mac[KRB_MAC_MAX];
	struct krb_key key;

	(void)state;
	iso_fresh();
	for (size_t e = 0; e < sizeof(etypes) / sizeof(etypes[0]); e++) {
		for (unsigned int len = 0; len <= 600; len += 7) {
			krb5_keyblock k = random_key(etypes[e], &key);
			krb5_data in = { .data = (char *)data, .length = len };
			krb5_checksum sum = { 0 };

			test_random(data, sizeof(data));
			krb_checksum(&key, 6, (struct rd){ data, len }, mac);
			assert_int_equal(
			    krb5_c_make_checksum(ctx, key.type->cksumtype, &k, 6, &in, &sum), 0);
			assert_int_equal(sum.length, key.type->mac_len);
			assert_memory_equal(sum.contents, mac, sum.length);
			krb5_free_checksum_contents(ctx, &sum);
		}
	}
}

/* ---- negatives */

static bool
all_zero(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] != 0)
			return false;
	}
	return true;
}

static void
refuses_changes(void **state)
{
	uint8_t cipher[128], out[128] = { 0 };
	size_t n = 0, m = 0;

	(void)state;
	iso_fresh();
	for (size_t e = 0; e < sizeof(etypes) / sizeof(etypes[0]); e++) {
		struct krb_key key;

		random_key(etypes[e], &key);
		assert_int_equal(krb_encrypt(&key, 9, d_text("some plaintext, not short"),
					     (struct wr){ cipher, sizeof(cipher) }, &n),
				 ISO_OK);
		for (size_t i = 0; i < n * 8; i++) {
			cipher[i / 8] ^= (uint8_t)(1u << (i % 8));
			assert_int_equal(krb_decrypt(&key, 9, (struct rd){ cipher, n },
						     (struct wr){ out, sizeof(out) }, &m),
					 ISO_E_INTEGRITY);
			assert_true(all_zero(out, sizeof(out)));
			cipher[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		/* every shorter ciphertext, another usage, an output too small */
		for (size_t len = 0; len < n; len++)
			assert_int_equal(krb_decrypt(&key, 9, (struct rd){ cipher, len },
						     (struct wr){ out, sizeof(out) }, &m),
					 ISO_E_INTEGRITY);
		assert_int_equal(krb_decrypt(&key, 7, (struct rd){ cipher, n },
					     (struct wr){ out, sizeof(out) }, &m),
				 ISO_E_INTEGRITY);
		assert_int_equal(
		    krb_decrypt(&key, 9, (struct rd){ cipher, n }, (struct wr){ out, n - 1 }, &m),
		    ISO_E_RANGE);
		assert_int_equal(krb_encrypt(&key, 9, d_text("x"), (struct wr){ cipher, 10 }, &n),
				 ISO_E_RANGE);
		test_host.no_entropy = true;
		assert_int_equal(
		    krb_encrypt(&key, 9, d_text("x"), (struct wr){ cipher, sizeof(cipher) }, &n),
		    ISO_E_ENTROPY);
		test_host.no_entropy = false;
	}
}

static void
knows_only_its_types(void **state)
{
	(void)state;
	for (int32_t e = -300; e < 300; e++) {
		bool known = (e >= 17 && e <= 20) || e == 23;

		assert_int_equal(krb_type(e) != NULL, known);
	}
	assert_null(krb_type(INT32_MIN));
	assert_null(krb_type(INT32_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(cross_encrypt),
		cmocka_unit_test(cross_checksum),
		cmocka_unit_test(refuses_changes),
		cmocka_unit_test(knows_only_its_types),
	};

	return cmocka_run_group_tests(tests, open_krb5, close_krb5);
}
