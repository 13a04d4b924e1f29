/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsaseal/wrap.h"

#include <nettle/pbkdf2.h>
#include <nettle/siv-cmac.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int
value_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	at = c == '\0' ? NULL : strchr(alphabet, c);
	return at == NULL ? -1 : (int)(at - alphabet);
}

/* Of four characters and the place of their group: swapped groups tell too. */
static int
check_of(const int value[WRAP_GROUP - 1], unsigned int group)
{
	int sum = (int)group + 1;

	for (int i = 0; i < (int)WRAP_GROUP - 1; i++)
		sum += (2 * i + 3) * value[i]; /* odd factors: no single error is lost */
	return sum % 32;
}

void
wrap_passphrase(const uint8_t *random, char text[WRAP_TEXT])
{
	unsigned int bit = 0;
	char *to = text;

	for (unsigned int g = 0; g < WRAP_GROUPS; g++) {
		int value[WRAP_GROUP - 1] = { 0 };

		for (unsigned int i = 0; i < (WRAP_GROUP - 1) * 5; i++, bit++)
			value[i / 5] = value[i / 5] * 2 + (random[bit / 8] >> (7 - bit % 8) & 1);
		for (unsigned int i = 0; i < WRAP_GROUP - 1; i++)
			*to++ = alphabet[value[i]];
		*to++ = alphabet[check_of(value, g)];
		*to++ = g + 1 < WRAP_GROUPS ? '-' : '\0';
		explicit_bzero(value, sizeof(value));
	}
}

int
wrap_read(char *typed)
{
	int value[WRAP_GROUPS * WRAP_GROUP] = { 0 }, bad = 0;
	unsigned int n = 0;
	char *to = typed;

	for (const char *at = typed; *at != '\0'; at++) {
		if (*at == '-' || *at == ' ' || *at == '\t')
			continue;
		if (n == WRAP_GROUPS * WRAP_GROUP || value_of(*at) < 0) {
			n = 0;
			break;
		}
		value[n++] = value_of(*at);
	}
	if (n != WRAP_GROUPS * WRAP_GROUP)
		bad = -1;
	for (unsigned int g = 0; g < WRAP_GROUPS && bad == 0; g++) {
		const int *of = value + (size_t)g * WRAP_GROUP;

		if (check_of(of, g) != of[WRAP_GROUP - 1])
			bad = (int)g + 1;
		for (unsigned int i = 0; i < WRAP_GROUP; i++)
			*to++ = alphabet[of[i]];
		*to++ = g + 1 < WRAP_GROUPS ? '-' : '\0';
	}
	explicit_bzero(value, sizeof(value));
	return bad;
}

void
wrap_derive(const char *passphrase, struct rd salt, uint32_t iterations, uint8_t wrap[64])
{
	pbkdf2_hmac_sha512(strlen(passphrase), (const uint8_t *)passphrase, iterations, salt.len,
			   salt.at, SIV_CMAC_AES256_KEY_SIZE, wrap);
}

/* The salt makes each key new, so the nonce need not. */
static const uint8_t nonce[16];

int
wrap_seal(struct file *fi, const uint8_t wrap[64], const uint8_t key[ISO_ROOT_KEY])
{
	struct siv_cmac_aes256_ctx siv;
	uint8_t text[FILE_MAX_SIZE];
	size_t head = 0;

	if (file_encode(fi, text, &head) == 0)
		return -1;
	siv_cmac_aes256_set_key(&siv, wrap);
	siv_cmac_aes256_encrypt_message(&siv, sizeof(nonce), nonce, head, text, FILE_WRAPPED,
					fi->wrapped, key);
	explicit_bzero(&siv, sizeof(siv));
	return 0;
}

int
wrap_open(const struct file *fi, const uint8_t wrap[64], uint8_t key[ISO_ROOT_KEY])
{
	struct siv_cmac_aes256_ctx siv;
	uint8_t text[FILE_MAX_SIZE];
	size_t head = 0;
	int good;

	memset(key, 0, ISO_ROOT_KEY);
	if (file_encode(fi, text, &head) == 0)
		return -1;
	siv_cmac_aes256_set_key(&siv, wrap);
	good = siv_cmac_aes256_decrypt_message(&siv, sizeof(nonce), nonce, head, text, ISO_ROOT_KEY,
					       key, fi->wrapped);
	explicit_bzero(&siv, sizeof(siv));
	if (!good)
		explicit_bzero(key, ISO_ROOT_KEY);
	return good ? 0 : -1;
}
