/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name is brought to its skeleton: each character becomes the plain letter
 * that it looks like. Two names with one skeleton look alike. The idea is that
 * of Unicode Technical Standard 39, section 4; the table has what looks like a
 * letter of our names, from its confusables and the decompositions of the
 * Unicode character database.
 */
#include "lsawatch/judge/names.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define LETTERS 40 /* of a skeleton; longer names are none of ours */

/* The programs of this project that run for long. */
static const char *const ours[] = { "lsaiso", "lsass",	 "lsainit",	"lsawatch",
				    "lsavmm", "lsalink", "lsaiso-host", "lsaiso-vm" };

/*
 * Programs one letter away from a name of ours that mean no harm.
 *   sass  the stylesheet compiler (packages ruby-sass, dart-sass, sass of npm)
 *   lass  a library and its tool (PyPI)
 *   lsas  an analysis program (PyPI)
 */
static const char *const harmless[] = { "sass", "lass", "lsas" };

/* ---- what looks like what */

struct twin {
	uint16_t first, last; /* code points */
	char letter;
};

/* Sorted. 0xffff of a pair of a capital and a small letter is spelled out. */
static const struct twin twins[] = {
	{ 0x00aa, 0x00aa, 'a' }, { 0x00ba, 0x00ba, 'o' }, { 0x00c0, 0x00c5, 'a' },
	{ 0x00c7, 0x00c7, 'c' }, { 0x00cc, 0x00cf, 'i' }, { 0x00d1, 0x00d1, 'n' },
	{ 0x00d2, 0x00d6, 'o' }, { 0x00d8, 0x00d8, 'o' }, { 0x00e0, 0x00e5, 'a' },
	{ 0x00e7, 0x00e7, 'c' }, { 0x00ec, 0x00ef, 'i' }, { 0x00f1, 0x00f1, 'n' },
	{ 0x00f2, 0x00f6, 'o' }, { 0x00f8, 0x00f8, 'o' }, { 0x0100, 0x0105, 'a' },
	{ 0x0106, 0x010d, 'c' }, { 0x0124, 0x0127, 'h' }, { 0x0128, 0x0131, 'i' },
	{ 0x0136, 0x0138, 'k' }, { 0x0139, 0x0142, 'l' }, { 0x0143, 0x014b, 'n' },
	{ 0x014c, 0x0151, 'o' }, { 0x015a, 0x0161, 's' }, { 0x0162, 0x0167, 't' },
	{ 0x0174, 0x0175, 'w' }, { 0x017f, 0x017f, 's' }, { 0x0196, 0x0197, 'i' },
	{ 0x0198, 0x0199, 'k' }, { 0x019a, 0x019a, 'l' }, { 0x019d, 0x019e, 'n' },
	{ 0x01a0, 0x01a1, 'o' }, { 0x01bd, 0x01bd, 's' }, { 0x01c0, 0x01c0, 'l' },
	{ 0x01cd, 0x01ce, 'a' }, { 0x01cf, 0x01d0, 'i' }, { 0x01d1, 0x01d2, 'o' },
	{ 0x0218, 0x0219, 's' }, { 0x021a, 0x021b, 't' }, { 0x0226, 0x0227, 'a' },
	{ 0x022e, 0x022f, 'o' }, { 0x0251, 0x0251, 'a' }, { 0x0254, 0x0254, 'c' },
	{ 0x0266, 0x0266, 'h' }, { 0x0268, 0x026a, 'i' }, { 0x026b, 0x026d, 'l' },
	{ 0x026f, 0x0271, 'm' }, { 0x0272, 0x0274, 'n' }, { 0x0275, 0x0275, 'o' },
	{ 0x0282, 0x0282, 's' }, { 0x0288, 0x0288, 't' }, { 0x028b, 0x028c, 'v' },
	{ 0x028d, 0x028d, 'w' }, { 0x029c, 0x029c, 'h' }, { 0x029f, 0x029f, 'l' },
	{ 0x0391, 0x0391, 'a' }, { 0x0397, 0x0397, 'h' }, { 0x0399, 0x0399, 'i' },
	{ 0x039a, 0x039a, 'k' }, { 0x039c, 0x039c, 'm' }, { 0x039d, 0x039d, 'n' },
	{ 0x039f, 0x039f, 'o' }, { 0x03a4, 0x03a4, 't' }, { 0x03ac, 0x03ac, 'a' },
	{ 0x03af, 0x03af, 'i' }, { 0x03b1, 0x03b1, 'a' }, { 0x03b9, 0x03b9, 'i' },
	{ 0x03ba, 0x03ba, 'k' }, { 0x03bd, 0x03bd, 'v' }, { 0x03bf, 0x03bf, 'o' },
	{ 0x03c3, 0x03c3, 'o' }, { 0x03c4, 0x03c4, 't' }, { 0x03c9, 0x03c9, 'w' },
	{ 0x03ca, 0x03ca, 'i' }, { 0x03cc, 0x03cc, 'o' }, { 0x03f2, 0x03f2, 'c' },
	{ 0x03f9, 0x03f9, 'c' }, { 0x0405, 0x0405, 's' }, { 0x0406, 0x0407, 'i' },
	{ 0x0410, 0x0410, 'a' }, { 0x041a, 0x041a, 'k' }, { 0x041c, 0x041c, 'm' },
	{ 0x041d, 0x041d, 'h' }, { 0x041e, 0x041e, 'o' }, { 0x0421, 0x0421, 'c' },
	{ 0x0422, 0x0422, 't' }, { 0x0430, 0x0430, 'a' }, { 0x043a, 0x043a, 'k' },
	{ 0x043c, 0x043c, 'm' }, { 0x043d, 0x043d, 'h' }, { 0x043e, 0x043e, 'o' },
	{ 0x0441, 0x0441, 'c' }, { 0x0442, 0x0442, 't' }, { 0x0455, 0x0455, 's' },
	{ 0x0456, 0x0457, 'i' }, { 0x0461, 0x0461, 'w' }, { 0x0474, 0x0475, 'v' },
	{ 0x04ba, 0x04bb, 'h' }, { 0x04c0, 0x04c0, 'l' }, { 0x04cf, 0x04cf, 'l' },
	{ 0x051c, 0x051d, 'w' }, { 0x054f, 0x054f, 's' }, { 0x0555, 0x0555, 'o' },
	{ 0x0561, 0x0561, 'w' }, { 0x0570, 0x0570, 'h' }, { 0x0578, 0x0578, 'n' },
	{ 0x0585, 0x0585, 'o' }, { 0x05c0, 0x05c0, 'l' }, { 0x05d5, 0x05d5, 'l' },
	{ 0x05df, 0x05df, 'l' }, { 0x0627, 0x0627, 'l' }, { 0x0647, 0x0647, 'o' },
	{ 0x0661, 0x0661, 'l' }, { 0x0665, 0x0665, 'o' }, { 0x06f1, 0x06f1, 'l' },
	{ 0x13a2, 0x13a2, 'i' }, { 0x13aa, 0x13aa, 'a' }, { 0x13d5, 0x13d5, 's' },
	{ 0x1d00, 0x1d00, 'a' }, { 0x1d04, 0x1d04, 'c' }, { 0x1d0b, 0x1d0b, 'k' },
	{ 0x1d0d, 0x1d0d, 'm' }, { 0x1d0f, 0x1d0f, 'o' }, { 0x1d1b, 0x1d1b, 't' },
	{ 0x1d20, 0x1d20, 'v' }, { 0x1d21, 0x1d21, 'w' }, { 0x1e00, 0x1e01, 'a' },
	{ 0x1e2c, 0x1e2f, 'i' }, { 0x1e30, 0x1e35, 'k' }, { 0x1e36, 0x1e3d, 'l' },
	{ 0x1e3e, 0x1e43, 'm' }, { 0x1e44, 0x1e4b, 'n' }, { 0x1e4c, 0x1e53, 'o' },
	{ 0x1e60, 0x1e69, 's' }, { 0x1e6a, 0x1e71, 't' }, { 0x1e7c, 0x1e7f, 'v' },
	{ 0x1e80, 0x1e89, 'w' }, { 0x1ea0, 0x1eb7, 'a' }, { 0x1ec8, 0x1ecb, 'i' },
	{ 0x1ecc, 0x1ee3, 'o' }, { 0x2010, 0x2015, '-' }, { 0x2113, 0x2113, 'l' },
	{ 0x212a, 0x212a, 'k' }, { 0x2160, 0x2160, 'i' }, { 0x2164, 0x2164, 'v' },
	{ 0x216c, 0x216c, 'l' }, { 0x216d, 0x216d, 'c' }, { 0x216f, 0x216f, 'm' },
	{ 0x2170, 0x2170, 'i' }, { 0x2174, 0x2174, 'v' }, { 0x217c, 0x217c, 'l' },
	{ 0x217d, 0x217d, 'c' }, { 0x217f, 0x217f, 'm' }, { 0x2212, 0x2212, '-' },
	{ 0x2223, 0x2223, 'l' }, { 0x237a, 0x237a, 'a' }, { 0x2373, 0x2373, 'i' },
	{ 0x23fd, 0x23fd, 'l' }, { 0x2c9f, 0x2c9f, 'o' }, { 0x2d4f, 0x2d4f, 'l' },
	{ 0xa4f2, 0xa4f2, 'i' }, { 0xa4ee, 0xa4ee, 'a' }, { 0xa4e2, 0xa4e2, 's' },
	{ 0xa4f3, 0xa4f3, 'o' }, { 0xa731, 0xa731, 's' }, { 0xffe8, 0xffe8, 'l' },
};

/* ASCII: what is taken for another in the fonts of terminals. */
static char
plain(char c)
{
	switch (c) {
	case '1':
	case '|':
	case '!':
	case 'i':
		return 'l';
	case '0':
		return 'o';
	case '5':
	case '$':
		return 's';
	case '@':
	case '4':
		return 'a';
	case '7':
		return 't';
	default:
		return c;
	}
}

/* Accents, and what has no width; also blanks, which end a name unseen. */
static bool
unseen(uint32_t c)
{
	return c == ' ' || c == 0xad || c == 0xa0 || (c >= 0x300 && c <= 0x36f) || c == 0x34f ||
	       (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
	       (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0x3164 || c == 0xfeff ||
	       (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0000 && c <= 0xe01ef);
}

/* The letter that c looks like; 0: none. */
static char
letter_of(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e) /* fullwidth */
		c -= 0xfee0;
	else if (c >= 0x1d400 && c <= 0x1d6a3) /* mathematical: capitals and small in turn */
		c = (c - 0x1d400) % 52 < 26 ? 'A' + (c - 0x1d400) % 26 : 'a' + (c - 0x1d400) % 26;
	else if (c >= 0x1d7ce && c <= 0x1d7ff) /* and digits */
		c = '0' + (c - 0x1d7ce) % 10;
	else if (c >= 0x24b6 && c <= 0x24e9) /* in circles */
		c = 'a' + (c - 0x24b6) % 26;
	if (c < 0x80)
		return plain(c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : (char)c);
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		if (c >= twins[i].first && c <= twins[i].last)
			return plain(twins[i].letter);
	}
	return 0;
}

/* One character of *at; an octet that begins none is a character of its own. */
static uint32_t
next(const unsigned char **at)
{
	const unsigned char *p = *at;
	int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = more == 0 ? p[0] : (uint32_t)(p[0] & (0x3f >> more));

	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*at = p + 1;
			return 0xfffd;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*at = p + 1 + more;
	return c;
}

/* False: too long, or it has a character that looks like none of ours. */
static bool
skeleton(const char *name, char to[LETTERS])
{
	const unsigned char *at = (const unsigned char *)name;
	size_t n = 0;

	while (*at != '\0') {
		uint32_t c = next(&at);
		char letter = letter_of(c);

		if (unseen(c))
			continue;
		if (letter == 0 || n + 1 >= LETTERS)
			return false;
		/* vv for w, rn for m */
		if (letter == 'v' && n > 0 && to[n - 1] == 'v')
			to[n - 1] = 'w';
		else if (letter == 'n' && n > 0 && to[n - 1] == 'r')
			to[n - 1] = 'm';
		else
			to[n++] = letter;
	}
	to[n] = '\0';
	return n > 0;
}

/* ---- one letter away */

/* One inserted, left out, changed, or two neighbours swapped. */
static bool
one_apart(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), at = 0;

	if (na < nb) {
		const char *c = a;
		size_t n = na;

		a = b, na = nb, b = c, nb = n;
	}
	if (na - nb > 1)
		return false;
	while (at < nb && a[at] == b[at])
		at++;
	if (na > nb)
		return strcmp(a + at + 1, b + at) == 0;
	if (at == na)
		return false; /* the same */
	if (strcmp(a + at + 1, b + at + 1) == 0)
		return true;
	return a[at] == b[at + 1] && a[at + 1] == b[at] && strcmp(a + at + 2, b + at + 2) == 0;
}

static bool
is_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (strcmp(name, harmless[i]) == 0)
			return true;
	}
	return false;
}

enum name_like
name_like(const char *name, const char **of)
{
	char is[LETTERS], want[LETTERS];
	bool could = skeleton(name, is);
	enum name_like found = NAME_OTHER;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]) && found != NAME_SAME; i++) {
		enum name_like like = NAME_OTHER;

		if (strcmp(name, ours[i]) == 0)
			like = NAME_SAME;
		else if (could && skeleton(ours[i], want) && strcmp(is, want) == 0)
			like = NAME_ALIKE;
		else if (one_apart(name, ours[i]) && !is_harmless(name))
			like = NAME_NEAR;
		if (like > found) {
			found = like;
			*of = ours[i];
		}
	}
	return found;
}
