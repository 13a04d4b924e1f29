/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One character after the other of text that need not be good UTF-8. */
#ifndef LSACTL_UTF8_H
#define LSACTL_UTF8_H

#include <stdint.h>

/*
 * The character at *text, which moves on; never past the end. An octet that
 * belongs to none is U+FFFD. Not to be called at the end.
 */
static inline uint32_t
utf8_next(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	unsigned int more = at[0] >= 0xf0 && at[0] < 0xf5   ? 3
			    : at[0] >= 0xe0 && at[0] < 0xf0 ? 2
			    : at[0] >= 0xc2 && at[0] < 0xe0 ? 1
							    : 0;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t code = more == 0 ? at[0] : at[0] & (0x3fu >> more);

	(*text)++;
	if (more == 0)
		return at[0] < 0x80 ? code : 0xfffd;
	for (unsigned int i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0xfffd;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[more] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0xfffd;
	*text += more;
	return code;
}

#endif
