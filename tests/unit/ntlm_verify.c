/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm_verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- MD5, RFC 1321 */

static uint32_t
rotate(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static void
block(uint32_t h[4], const uint8_t *at)
{
	static const unsigned int turn[4][4] = {
		{ 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 }
	};
	uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3];

	for (size_t i = 0; i < 16; i++)
		w[i] = at[4 * i] | (uint32_t)at[4 * i + 1] << 8 | (uint32_t)at[4 * i + 2] << 16 |
		       (uint32_t)at[4 * i + 3] << 24;
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t f, k = (uint32_t)(int64_t)floor(4294967296.0 * fabs(sin((double)i + 1)));
		unsigned int g;

		switch (i / 16) {
		case 0:
			f = (b & c) | (~b & d);
			g = i;
			break;
		case 1:
			f = (d & b) | (~d & c);
			g = (5 * i + 1) % 16;
			break;
		case 2:
			f = b ^ c ^ d;
			g = (3 * i + 5) % 16;
			break;
		default:
			f = c ^ (b | ~d);
			g = 7 * i % 16;
			break;
		}
		f += a + k + w[g];
		a = d;
		d = c;
		c = b;
		b += rotate(f, turn[i / 16][i % 4]);
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

static void
md5(struct rd a, struct rd b, uint8_t digest[16])
{
	uint32_t h[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	size_t len = a.len + b.len, padded = (len + 8) / 64 * 64 + 64;
	uint8_t *all = calloc(1, padded);

	if (all == NULL)
		abort();
	if (a.len > 0)
		memcpy(all, a.at, a.len);
	if (b.len > 0)
		memcpy(all + a.len, b.at, b.len);
	all[len] = 0x80;
	for (size_t i = 0; i < 8; i++)
		all[padded - 8 + i] = (uint8_t)((uint64_t)len * 8 >> (8 * i));
	for (size_t at = 0; at < padded; at += 64)
		block(h, all + at);
	for (size_t i = 0; i < 16; i++)
		digest[i] = (uint8_t)(h[i / 4] >> (8 * (i % 4)));
	free(all);
}

/* RFC 2104; keys are no longer than a block. */
void
v_hmac(struct rd key, struct rd data, uint8_t mac[16])
{
	uint8_t pad[64] = { 0 }, inner[16];

	memcpy(pad, key.at, key.len);
	for (size_t i = 0; i < 64; i++)
		pad[i] ^= 0x36;
	md5((struct rd){ pad, 64 }, data, inner);
	for (size_t i = 0; i < 64; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	md5((struct rd){ pad, 64 }, (struct rd){ inner, 16 }, mac);
}

static void
rc4(const uint8_t key[16], struct rd in, uint8_t *out)
{
	uint8_t s[256], i = 0, j = 0;

	for (unsigned int n = 0; n < 256; n++)
		s[n] = (uint8_t)n;
	for (unsigned int n = 0; n < 256; n++) {
		uint8_t t = s[n];

		j = (uint8_t)(j + t + key[n % 16]);
		s[n] = s[j];
		s[j] = t;
	}
	j = 0;
	for (size_t n = 0; n < in.len; n++) {
		uint8_t t;

		i++;
		t = s[i];
		j = (uint8_t)(j + t);
		s[i] = s[j];
		s[j] = t;
		out[n] = (uint8_t)(in.at[n] ^ s[(uint8_t)(s[i] + t)]);
	}
}

/* ---- the message */

static uint32_t
number(struct rd m, size_t at, size_t octets)
{
	uint32_t n = 0;

	for (size_t i = octets; i > 0; i--)
		n = n << 8 | m.at[at + i - 1];
	return n;
}

static struct rd
joined(struct rd a, struct rd b, uint8_t **all)
{
	*all = malloc(a.len + b.len + 1);
	if (*all == NULL)
		abort();
	if (a.len > 0)
		memcpy(*all, a.at, a.len);
	if (b.len > 0)
		memcpy(*all + a.len, b.at, b.len);
	return (struct rd){ *all, a.len + b.len };
}

static void
hmac2(const uint8_t key[16], struct rd a, struct rd b, uint8_t mac[16])
{
	uint8_t *all = NULL;

	v_hmac((struct rd){ key, 16 }, joined(a, b, &all), mac);
	free(all);
}

/* Fields lie in the payload, in this order, without gaps: no octet is unaccounted for. */
static const char *
fields(struct rd m, size_t fixed, struct rd value[6])
{
	static const size_t at[] = { 28, 36, 44, 12, 20, 52 };
	size_t next = fixed;

	for (size_t i = 0; i < 6; i++) {
		size_t len = number(m, at[i], 2), from = number(m, at[i] + 4, 4);

		if (len != number(m, at[i] + 2, 2))
			return "two lengths";
		if (from != next || len > m.len - from)
			return "a field is not where it should be";
		value[i] = (struct rd){ m.at + from, len };
		next = from + len;
	}
	return next == m.len ? NULL : "octets after the last field";
}

static const char *
read_temp(struct rd temp, struct v_seen *seen)
{
	size_t at = 28;

	if (temp.len < 36 || number(temp, 0, 4) != 0x101 || number(temp, 4, 4) != 0 ||
	    number(temp, 24, 4) != 0)
		return "head of NTLMv2_CLIENT_CHALLENGE";
	seen->time = number(temp, 8, 4) | (uint64_t)number(temp, 12, 4) << 32;
	for (;;) {
		uint32_t id, len;

		if (temp.len - at < 4)
			return "no MsvAvEOL";
		id = number(temp, at, 2);
		len = number(temp, at + 2, 2);
		at += 4;
		if (len > temp.len - at)
			return "a pair beyond the end";
		if (id < 16) {
			if (seen->av[id].at != NULL)
				return "a pair twice";
			seen->av[id] = (struct rd){ temp.at + at, len };
		}
		at += len;
		if (id == 0)
			break;
	}
	if (temp.len - at != 4 || number(temp, at, 4) != 0)
		return "end of NTLMv2_CLIENT_CHALLENGE";
	seen->has_av_flags = seen->av[6].at != NULL;
	if (seen->has_av_flags && seen->av[6].len != 4)
		return "MsvAvFlags";
	seen->av_flags = seen->has_av_flags ? number(seen->av[6], 0, 4) : 0;
	return NULL;
}

/* Key and MIC, from SessionBaseKey on. */
static const char *
keys(const struct v_exchange *x, struct rd m, struct rd enc, struct v_seen *seen)
{
	uint8_t mic[16], *copy = NULL, *first = NULL;
	struct rd two, all;
	bool right;

	memcpy(seen->key, seen->base, 16);
	if ((seen->flags & 0x40000000) != 0) {
		if (enc.len != 16)
			return "KEY_EXCH without a key";
		rc4(seen->base, enc, seen->key);
	} else if (enc.len != 0) {
		return "a key without KEY_EXCH";
	}
	if (!seen->has_mic)
		return NULL;
	two = joined(x->negotiate, x->challenge, &first);
	all = joined(two, m, &copy);
	memset(copy + two.len + 72, 0, 16);
	v_hmac((struct rd){ seen->key, 16 }, all, mic);
	right = memcmp(mic, m.at + 72, 16) == 0;
	free(copy);
	free(first);
	return right ? NULL : "MIC";
}

const char *
v_check(const struct v_exchange *x, struct rd m, struct v_seen *seen)
{
	static const uint8_t none[24];
	struct rd value[6];
	uint8_t proof[16], *all = NULL;
	struct rd challenge;
	const char *bad;

	memset(seen, 0, sizeof(*seen));
	if (m.len < 88 || memcmp(m.at, "NTLMSSP", 8) != 0 || number(m, 8, 4) != 3)
		return "head";
	seen->flags = number(m, 60, 4);
	seen->has_mic = number(m, 32, 4) == 88; /* the first field's place */
	bad = fields(m, seen->has_mic ? 88 : 72, value);
	if (bad != NULL)
		return bad;
	seen->domain = value[0];
	seen->user = value[1];
	seen->workstation = value[2];
	if (value[3].len != 24 || memcmp(value[3].at, none, 24) != 0)
		return "LmChallengeResponse is not Z(24)";
	if (value[4].len < 16)
		return "NtChallengeResponse";
	seen->temp = (struct rd){ value[4].at + 16, value[4].len - 16 };
	bad = read_temp(seen->temp, seen);
	if (bad != NULL)
		return bad;
	if (((seen->av_flags & 2) != 0) != seen->has_mic)
		return "MsvAvFlags and the MIC do not agree";
	hmac2(x->hash, x->upper, x->domain, seen->owf);
	challenge = joined((struct rd){ x->challenge.at + 24, 8 }, seen->temp, &all);
	v_hmac((struct rd){ seen->owf, 16 }, challenge, proof);
	free(all);
	if (memcmp(proof, value[4].at, 16) != 0)
		return "NTProofStr";
	v_hmac((struct rd){ seen->owf, 16 }, (struct rd){ proof, 16 }, seen->base);
	return keys(x, m, value[5], seen);
}
