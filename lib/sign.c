/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/sign.h"

#include <errno.h>
#include <nettle/base64.h>
#include <nettle/eddsa.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ALGORITHM_LEN 2
#define PREFIX	      (ALGORITHM_LEN + SIGN_ID)
#define BODY_MAX      (PREFIX + SIGN_SIGNATURE)
#define TEXT_LINE     BASE64_ENCODE_RAW_LENGTH(BODY_MAX)

static const uint8_t algorithm[ALGORITHM_LEN] = { 'E', 'd' };

static const char head_public[] = "lsaiso public key 1\n";
static const char head_private[] = "lsaiso private key 1\n";
static const char head_signature[] = "lsaiso signature 1\n";

/* The zero octet at the end belongs to it. */
static const struct {
	const char *text;
	size_t len;
} domains[] = {
	[SIGN_MANIFEST] = { "lsaiso manifest 1", sizeof("lsaiso manifest 1") },
	[SIGN_RELEASE] = { "lsaiso guard release 1", sizeof("lsaiso guard release 1") },
};

/* ---- two lines, and back */

static void
write_file(const char *head, const uint8_t id[SIGN_ID], const uint8_t *what, size_t n,
	   char text[SIGN_TEXT])
{
	uint8_t body[BODY_MAX];
	char line[TEXT_LINE];
	size_t len = BASE64_ENCODE_RAW_LENGTH(PREFIX + n);

	memcpy(body, algorithm, sizeof(algorithm));
	memcpy(body + ALGORITHM_LEN, id, SIGN_ID);
	memcpy(body + PREFIX, what, n);
	base64_encode_raw(line, PREFIX + n, body);
	(void)snprintf(text, SIGN_TEXT, "%s%.*s\n", head, (int)len, line);
	explicit_bzero(body, sizeof(body));
	explicit_bzero(line, sizeof(line));
}

/* Only what write_file would have written: so it is written again and compared. */
static int
read_file(const char *head, const char *text, size_t len, uint8_t id[SIGN_ID], uint8_t *what,
	  size_t n)
{
	struct base64_decode_ctx ctx;
	uint8_t body[BASE64_DECODE_LENGTH(TEXT_LINE)];
	char again[SIGN_TEXT];
	size_t headlen = strlen(head), line = BASE64_ENCODE_RAW_LENGTH(PREFIX + n);
	size_t got = sizeof(body);
	int status = -1;

	if (len != headlen + line + 1 || memcmp(text, head, headlen) != 0)
		return -1;
	base64_decode_init(&ctx);
	if (base64_decode_update(&ctx, &got, body, line, text + headlen) == 1 &&
	    base64_decode_final(&ctx) == 1 && got == PREFIX + n) {
		memcpy(id, body + ALGORITHM_LEN, SIGN_ID);
		memcpy(what, body + PREFIX, n);
		write_file(head, id, what, n, again);
		status = memcmp(again, text, len) == 0 ? 0 : -1;
		explicit_bzero(again, sizeof(again));
	}
	explicit_bzero(body, sizeof(body));
	explicit_bzero(&ctx, sizeof(ctx));
	return status;
}

/* ---- keys */

static void
key_id(const uint8_t key[SIGN_KEY], uint8_t id[SIGN_ID])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, SIGN_KEY, key);
	sha256_digest(&ctx, SIGN_ID, id);
}

void
sign_from_seed(const uint8_t seed[SIGN_KEY], struct sign_private *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->seed, seed, SIGN_KEY);
	ed25519_sha512_public_key(key->its.key, key->seed);
	key_id(key->its.key, key->its.id);
}

int
sign_make(struct sign_private *key)
{
	uint8_t seed[SIGN_KEY];

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		errno = EIO;
		return -1;
	}
	sign_from_seed(seed, key);
	explicit_bzero(seed, sizeof(seed));
	return 0;
}

void
sign_wipe(struct sign_private *key)
{
	explicit_bzero(key, sizeof(*key));
}

int
sign_read_public(const char *text, size_t len, struct sign_public *key)
{
	uint8_t id[SIGN_ID];

	memset(key, 0, sizeof(*key));
	if (read_file(head_public, text, len, key->id, key->key, SIGN_KEY) != 0)
		return -1;
	key_id(key->key, id);
	return memcmp(id, key->id, SIGN_ID) == 0 ? 0 : -1;
}

int
sign_read_private(const char *text, size_t len, struct sign_private *key)
{
	uint8_t id[SIGN_ID], seed[SIGN_KEY];
	int status = -1;

	if (read_file(head_private, text, len, id, seed, SIGN_KEY) == 0) {
		sign_from_seed(seed, key);
		status = memcmp(id, key->its.id, SIGN_ID) == 0 ? 0 : -1;
		if (status != 0)
			sign_wipe(key);
	}
	explicit_bzero(seed, sizeof(seed));
	return status;
}

void
sign_write_public(const struct sign_public *key, char text[SIGN_TEXT])
{
	write_file(head_public, key->id, key->key, SIGN_KEY, text);
}

void
sign_write_private(const struct sign_private *key, char text[SIGN_TEXT])
{
	write_file(head_private, key->its.id, key->seed, SIGN_KEY, text);
}

void
sign_id_text(const uint8_t id[SIGN_ID], char text[SIGN_ID_TEXT])
{
	for (size_t i = 0; i < SIGN_ID; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", id[i]);
}

/* ---- signatures */

/* Domain and octets in one piece, as nettle takes them; NULL: none to be had. */
static uint8_t *
join(enum sign_domain domain, const void *data, size_t len, size_t *total)
{
	size_t head = domains[domain].len;
	uint8_t *at;

	if (len > SIGN_DATA_MAX)
		return NULL;
	at = malloc(head + len);
	if (at == NULL)
		return NULL;
	memcpy(at, domains[domain].text, head);
	if (len > 0)
		memcpy(at + head, data, len);
	*total = head + len;
	return at;
}

int
sign_data(const struct sign_private *key, enum sign_domain domain, const void *data, size_t len,
	  char text[SIGN_TEXT])
{
	uint8_t signature[SIGN_SIGNATURE];
	size_t total = 0;
	uint8_t *at = join(domain, data, len, &total);

	if (at == NULL)
		return -1;
	ed25519_sha512_sign(key->its.key, key->seed, total, at, signature);
	free(at);
	write_file(head_signature, key->its.id, signature, sizeof(signature), text);
	return 0;
}

enum sign_result
sign_check(const struct sign_public *keys, size_t n, enum sign_domain domain, const void *data,
	   size_t len, const char *text, size_t textlen, const struct sign_public **by,
	   uint8_t id[SIGN_ID])
{
	uint8_t signature[SIGN_SIGNATURE];
	size_t total = 0, i = 0;
	uint8_t *at;
	bool good;

	*by = NULL;
	if (read_file(head_signature, text, textlen, id, signature, sizeof(signature)) != 0)
		return SIGN_MALFORMED;
	while (i < n && memcmp(keys[i].id, id, SIGN_ID) != 0)
		i++;
	if (i == n)
		return SIGN_UNKNOWN;
	at = join(domain, data, len, &total);
	if (at == NULL)
		return SIGN_FAILED;
	good = ed25519_sha512_verify(keys[i].key, total, at, signature) == 1;
	free(at);
	if (!good)
		return SIGN_BAD;
	*by = &keys[i];
	return SIGN_GOOD;
}
