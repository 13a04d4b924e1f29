/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsass/ntlm/names.h"

#include <ctype.h>
#include <locale.h>
#include <string.h>
#include <wctype.h>

#define BMP_END	 0x10000u
#define NO_POINT UINT32_MAX

/* One code point off the front; NO_POINT: it is not UTF-8 (RFC 3629). */
static uint32_t
take(const char **text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, BMP_END };
	const uint8_t *at = (const uint8_t *)*text;
	uint32_t point = at[0];
	size_t n = point < 0x80 ? 1 : point < 0xe0 ? 2 : point < 0xf0 ? 3 : 4;

	if (point >= 0x80 && (point < 0xc2 || point > 0xf4))
		return NO_POINT;
	if (n > 1)
		point &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return NO_POINT;
		point = point << 6 | (at[i] & 0x3fu);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return NO_POINT;
	*text += n;
	return point;
}

/* C.UTF-8 is built into the C library; without it letters beyond ASCII stay as they are. */
static uint32_t
capital(uint32_t point)
{
	static locale_t locale;
	uint32_t is;

	if (locale == (locale_t)0)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (point < 0x80)
		return point >= 'a' && point <= 'z' ? point - 'a' + 'A' : point;
	if (locale == (locale_t)0 || point >= BMP_END)
		return point;
	is = (uint32_t)towupper_l((wint_t)point, locale);
	return is < BMP_END ? is : point;
}

static bool
put16(struct name16 *to, uint32_t unit)
{
	if (to->len + 2 > sizeof(to->at))
		return false;
	to->at[to->len++] = (uint8_t)unit;
	to->at[to->len++] = (uint8_t)(unit >> 8);
	return true;
}

bool
names_utf16(const char *text, bool capitals, struct name16 *to)
{
	to->len = 0;
	while (*text != '\0') {
		uint32_t point = take(&text);

		if (point == NO_POINT)
			return false;
		if (capitals)
			point = capital(point);
		if (point >= BMP_END) {
			point -= BMP_END;
			if (!put16(to, 0xd800 | point >> 10))
				return false;
			point = 0xdc00 | (point & 0x3ff);
		}
		if (!put16(to, point))
			return false;
	}
	return true;
}

bool
names_same(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		uint32_t x = take(&a), y = take(&b);

		if (x == NO_POINT || y == NO_POINT || capital(x) != capital(y))
			return false;
	}
	return *a == *b;
}

void
names_show(struct rd utf16, char *text, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i + 1 < utf16.len && at + 1 < n; i += 2) {
		uint32_t unit = utf16.at[i] | (uint32_t)utf16.at[i + 1] << 8;

		text[at++] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
	}
	text[at] = '\0';
}

bool
ntlm_split(const char *name, char domain[NTLM_NAME], char user[NTLM_NAME])
{
	size_t n = strcspn(name, "\\"), len = strlen(name);

	if (n == 0 || n >= NTLM_NAME || n + 1 >= len || len - n > NTLM_NAME ||
	    strchr(name + n + 1, '\\') != NULL)
		return false;
	memcpy(domain, name, n);
	domain[n] = '\0';
	memcpy(user, name + n + 1, len - n);
	return true;
}

/* What a quoted octet of RFC 1964 2.1.3 stands for. */
static char
unquoted(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	default:
		return c;
	}
}

bool
names_principal(const char *text, char user[NTLM_NAME], char realm[NTLM_NAME])
{
	char *to = user;
	size_t n = 0;
	bool quoted;

	user[0] = realm[0] = '\0';
	for (; *text != '\0'; text++) {
		if (to == user && *text == '@') {
			to = realm;
			n = 0;
			continue;
		}
		if (*text == '/' || *text == '@' || n + 1 >= NTLM_NAME)
			return false;
		quoted = *text == '\\';
		if (quoted && *++text == '\0')
			return false;
		to[n++] = quoted ? unquoted(*text) : *text;
		to[n] = '\0';
	}
	return user[0] != '\0';
}

void
names_label(const char *name, char label[NAMES_LABEL])
{
	size_t n = strcspn(name, ".");

	if (n >= NAMES_LABEL)
		n = NAMES_LABEL - 1;
	for (size_t i = 0; i < n; i++)
		label[i] = (char)toupper((unsigned char)name[i]);
	label[n] = '\0';
}
