/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are keys and signatures read strictly, and is everything that was changed refused? */
#define _GNU_SOURCE
#include <nettle/base64.h>
#include <nettle/eddsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/manifest.h"
#include "lib/sign.h"

static const char manifest[] =
    "lsaiso manifest 1\n"
    "created 2026-11-24T10:42:00Z\n"
    "program lsaiso size 343744 sha256 "
    "f62221cbcb67d9fddda85476aaae88a8e0d12d87ec16a4ae9cccec95769d75c6 version 0.1.0 svn 1\n"
    "program lsass size 657360 sha256 "
    "797c9e0db9f56a86b17a912910a99c479f6d35215d30204042412517d4039dc9 version 0.1.0 svn 1\n";
#define MANIFEST_LEN (sizeof(manifest) - 1)

static struct sign_private
key_of(uint8_t octet)
{
	uint8_t seed[SIGN_KEY];
	struct sign_private key;

	memset(seed, octet, sizeof(seed));
	sign_from_seed(seed, &key);
	return key;
}

static enum sign_result
check(const struct sign_private *key, enum sign_domain domain, const void *data, size_t len,
      const char *text, size_t textlen)
{
	const struct sign_public *by = NULL;
	uint8_t id[SIGN_ID];
	enum sign_result result = sign_check(&key->its, 1, domain, data, len, text, textlen, &by,
					     id);

	assert_ptr_equal(by, result == SIGN_GOOD ? &key->its : NULL);
	return result;
}

static size_t
unhex(const char *text, uint8_t *out, size_t most)
{
	size_t n = 0;

	if (strcmp(text, "-") == 0)
		return 0;
	for (; text[2 * n] != '\0'; n++) {
		char two[3] = { text[2 * n], text[2 * n + 1], '\0' }, *end;

		assert_true(n < most);
		out[n] = (uint8_t)strtoul(two, &end, 16);
		assert_ptr_equal(end, two + 2);
	}
	return n;
}

static void
test_rfc8032(void **state)
{
	FILE *file = fopen(VECTORS "/rfc8032-ed25519.txt", "re");
	char line[1024], word[4][256];
	int rows = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		uint8_t seed[32], public[32], message[32], want[64], got[64];
		struct sign_private key;
		size_t n;

		if (sscanf(line, "%255s %255s %255s %255s", word[0], word[1], word[2], word[3]) !=
			4 ||
		    strlen(word[0]) != 64)
			continue;
		assert_int_equal(unhex(word[0], seed, sizeof(seed)), 32);
		assert_int_equal(unhex(word[1], public, sizeof(public)), 32);
		n = unhex(word[2], message, sizeof(message));
		assert_int_equal(unhex(word[3], want, sizeof(want)), 64);
		sign_from_seed(seed, &key);
		assert_memory_equal(key.its.key, public, 32);
		ed25519_sha512_sign(key.its.key, key.seed, n, message, got);
		assert_memory_equal(got, want, 64);
		assert_int_equal(ed25519_sha512_verify(public, n, message, want), 1);
		rows++;
	}
	(void)fclose(file);
	assert_int_equal(rows, 3);
}

/* What is in the file is RFC 8032's signature of domain, zero octet, data. */
static void
test_domain_is_signed(void **state)
{
	static const char want[] = "lsaiso manifest 1\0abc";
	struct sign_private key = key_of(1);
	struct base64_decode_ctx ctx;
	uint8_t body[128];
	char text[SIGN_TEXT], *line;
	size_t got = sizeof(body);

	assert_int_equal(sign_data(&key, SIGN_MANIFEST, "abc", 3, text), 0);
	line = strchr(text, '\n') + 1;
	base64_decode_init(&ctx);
	assert_int_equal(base64_decode_update(&ctx, &got, body, strlen(line), line), 1);
	assert_int_equal(got, 2 + SIGN_ID + SIGN_SIGNATURE);
	assert_memory_equal(body, "Ed", 2);
	assert_memory_equal(body + 2, key.its.id, SIGN_ID);
	assert_int_equal(ed25519_sha512_verify(key.its.key, sizeof(want) - 1, (const uint8_t *)want,
					       body + 2 + SIGN_ID),
			 1);
}

static void
test_good(void **state)
{
	struct sign_private one = key_of(1), two = key_of(2);
	struct sign_public both[2] = { one.its, two.its };
	const struct sign_public *by = NULL;
	uint8_t id[SIGN_ID];
	char text[SIGN_TEXT];

	assert_int_equal(sign_data(&two, SIGN_MANIFEST, manifest, MANIFEST_LEN, text), 0);
	assert_int_equal(
	    sign_check(both, 2, SIGN_MANIFEST, manifest, MANIFEST_LEN, text, strlen(text), &by, id),
	    SIGN_GOOD);
	assert_ptr_equal(by, &both[1]);
	assert_memory_equal(id, two.its.id, SIGN_ID);
	assert_int_equal(check(&one, SIGN_MANIFEST, manifest, MANIFEST_LEN, text, strlen(text)),
			 SIGN_UNKNOWN);
	assert_int_equal(check(&two, SIGN_RELEASE, manifest, MANIFEST_LEN, text, strlen(text)),
			 SIGN_BAD);
}

/* A key that took the id of another has not its signatures. */
static void
test_borrowed_id(void **state)
{
	struct sign_private one = key_of(1), two = key_of(2);
	char text[SIGN_TEXT];

	assert_int_equal(sign_data(&one, SIGN_MANIFEST, "x", 1, text), 0);
	memcpy(two.its.id, one.its.id, SIGN_ID);
	assert_int_equal(check(&two, SIGN_MANIFEST, "x", 1, text, strlen(text)), SIGN_BAD);
}

static void
test_every_octet_of_the_data(void **state)
{
	struct sign_private key = key_of(1);
	char text[SIGN_TEXT], copy[MANIFEST_LEN];

	assert_int_equal(sign_data(&key, SIGN_MANIFEST, manifest, MANIFEST_LEN, text), 0);
	for (size_t i = 0; i < MANIFEST_LEN; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(copy, manifest, MANIFEST_LEN);
			copy[i] = (char)(copy[i] ^ (1 << bit));
			assert_int_equal(
			    check(&key, SIGN_MANIFEST, copy, MANIFEST_LEN, text, strlen(text)),
			    SIGN_BAD);
		}
		assert_int_equal(check(&key, SIGN_MANIFEST, manifest, i, text, strlen(text)),
				 SIGN_BAD);
	}
}

static void
test_every_octet_of_the_signature(void **state)
{
	struct sign_private key = key_of(1);
	char text[SIGN_TEXT], copy[SIGN_TEXT];
	size_t len;

	assert_int_equal(sign_data(&key, SIGN_MANIFEST, manifest, MANIFEST_LEN, text), 0);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		for (unsigned int other = 0; other < 256; other++) {
			if ((char)other == text[i])
				continue;
			memcpy(copy, text, len);
			copy[i] = (char)other;
			assert_int_not_equal(
			    check(&key, SIGN_MANIFEST, manifest, MANIFEST_LEN, copy, len),
			    SIGN_GOOD);
		}
		assert_int_equal(check(&key, SIGN_MANIFEST, manifest, MANIFEST_LEN, text, i),
				 SIGN_MALFORMED);
	}
	memcpy(copy, text, len);
	copy[len] = '\n';
	assert_int_equal(check(&key, SIGN_MANIFEST, manifest, MANIFEST_LEN, copy, len + 1),
			 SIGN_MALFORMED);
}

static void
test_limits(void **state)
{
	struct sign_private key = key_of(1);
	char *data = calloc(1, SIGN_DATA_MAX + 1), text[SIGN_TEXT];

	assert_non_null(data);
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, data, 0, text), 0);
	assert_int_equal(check(&key, SIGN_MANIFEST, data, 0, text, strlen(text)), SIGN_GOOD);
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, data, SIGN_DATA_MAX, text), 0);
	assert_int_equal(check(&key, SIGN_MANIFEST, data, SIGN_DATA_MAX, text, strlen(text)),
			 SIGN_GOOD);
	assert_int_equal(check(&key, SIGN_MANIFEST, data, SIGN_DATA_MAX + 1, text, strlen(text)),
			 SIGN_FAILED);
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, data, SIGN_DATA_MAX + 1, text), -1);
	free(data);
}

/* Read back as it was; with one octet changed, or one less or more, not at all. */
static void
refused_when_changed(const char *text, int (*read_it)(const char *text, size_t len))
{
	size_t len = strlen(text);
	char copy[SIGN_TEXT + 1];

	assert_int_equal(read_it(text, len), 0);
	for (size_t i = 0; i < len; i++) {
		for (unsigned int other = 0; other < 256; other++) {
			memcpy(copy, text, len + 1);
			copy[i] = (char)other;
			if (copy[i] != text[i])
				assert_int_equal(read_it(copy, len), -1);
		}
		assert_int_equal(read_it(text, i), -1);
	}
	memcpy(copy, text, len + 1);
	copy[len] = 'A';
	assert_int_equal(read_it(copy, len + 1), -1);
}

static int
read_public(const char *text, size_t len)
{
	struct sign_public key;

	return sign_read_public(text, len, &key);
}

static int
read_private(const char *text, size_t len)
{
	struct sign_private key;

	return sign_read_private(text, len, &key);
}

static void
test_key_files(void **state)
{
	struct sign_private key, again;
	struct sign_public public;
	char text[SIGN_TEXT];

	assert_int_equal(sign_make(&key), 0);
	sign_write_private(&key, text);
	assert_int_equal(sign_read_private(text, strlen(text), &again), 0);
	assert_memory_equal(&again, &key, sizeof(key));
	assert_int_equal(read_public(text, strlen(text)), -1);
	refused_when_changed(text, read_private);
	sign_write_public(&key.its, text);
	assert_int_equal(sign_read_public(text, strlen(text), &public), 0);
	assert_memory_equal(&public, &key.its, sizeof(public));
	assert_int_equal(read_private(text, strlen(text)), -1);
	refused_when_changed(text, read_public);
	sign_wipe(&key);
	for (size_t i = 0; i < sizeof(key); i++)
		assert_int_equal(((const uint8_t *)&key)[i], 0);
}

static void
test_token(void **state)
{
	static const char id[] = "6d0a2b0c-9f0e-4f5c-8a44-3f8c2f7c9e11";
	static const char other[] = "6d0a2b0c-9f0e-4f5c-8a44-3f8c2f7c9e12";
	struct sign_private key = key_of(1), stranger = key_of(2);
	char text[SIGN_TEXT], error[512] = "";

	assert_int_equal(sign_data(&key, SIGN_RELEASE, id, SIGN_BOOT_ID, text), 0);
	assert_int_equal(token_verify(&key.its, 1, text, strlen(text), id, error, sizeof(error)),
			 0);
	assert_int_equal(token_verify(&key.its, 1, text, strlen(text), other, error, sizeof(error)),
			 -1);
	assert_non_null(strstr(error, "not for this boot"));
	assert_int_equal(
	    token_verify(&stranger.its, 1, text, strlen(text), id, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "not among the trusted ones"));
	assert_int_equal(token_verify(&key.its, 1, text, 10, id, error, sizeof(error)), -1);
	assert_int_equal(token_verify(&key.its, 1, text, strlen(text), "", error, sizeof(error)),
			 -1);
	/* one for the manifest's domain is none */
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, id, SIGN_BOOT_ID, text), 0);
	assert_int_equal(token_verify(&key.its, 1, text, strlen(text), id, error, sizeof(error)),
			 -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8032),
		cmocka_unit_test(test_domain_is_signed),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_borrowed_id),
		cmocka_unit_test(test_every_octet_of_the_data),
		cmocka_unit_test(test_every_octet_of_the_signature),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
