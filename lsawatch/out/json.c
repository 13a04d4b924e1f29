/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hostile text, made fit for people and parsers; small helpers for JSON. */
#include "lsawatch/out/out.h"

#include <string.h>

#define TEXT_MAX 2048

/* The octets of one well-formed UTF-8 character (RFC 3629 section 4), its number in *code; 0. */
static size_t
take_utf8(const unsigned char *at, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = at[0] < 0x80		    ? 1
		   : (at[0] & 0xe0) == 0xc0 ? 2
		   : (at[0] & 0xf0) == 0xe0 ? 3
		   : (at[0] & 0xf8) == 0xf0 ? 4
					    : 0;

	if (n <= 1) {
		*code = at[0];
		return n;
	}
	*code = at[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3fu);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

static bool
is_harmless(uint32_t code)
{
	return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) && code != 0x200e &&
	       code != 0x200f && !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2066 && code <= 0x2069);
}

void
out_clean(char *to, size_t n, const char *from)
{
	const unsigned char *at = (const unsigned char *)from;
	size_t put = 0, len;
	uint32_t code;

	while (*at != '\0' && n != 0) {
		len = take_utf8(at, &code);
		if (len == 0 || !is_harmless(code)) {
			at += len == 0 ? 1 : len;
			if (put + 1 >= n)
				break;
			to[put++] = '?';
			continue;
		}
		if (put + len >= n)
			break;
		memcpy(to + put, at, len);
		put += len;
		at += len;
	}
	if (n != 0)
		to[put] = '\0';
}

json_t *
out_string(const char *text)
{
	char clean[TEXT_MAX];

	out_clean(clean, sizeof(clean), text);
	return json_string(clean);
}

void
out_text(json_t *to, const char *name, const char *text)
{
	if (text[0] != '\0')
		(void)json_object_set_new(to, name, out_string(text));
}

void
out_number(json_t *to, const char *name, int64_t value)
{
	(void)json_object_set_new(to, name, json_integer((json_int_t)value));
}

void
out_object(json_t *to, const char *name, json_t *object)
{
	if (json_object_size(object) != 0)
		(void)json_object_set_new(to, name, object);
	else
		json_decref(object);
}
