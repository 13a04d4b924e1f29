/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Octets as hexadecimal digits, as they are in JSON: boxes, and blobs in the
 * notes of logons.
 */
#ifndef LIB_HEX_H
#define LIB_HEX_H

#include <stddef.h>
#include <stdint.h>

/* text: room for 2 * n + 1 */
static inline void
hex_put(const uint8_t *at, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[at[i] >> 4];
		text[2 * i + 1] = digits[at[i] & 15];
	}
	text[2 * n] = '\0';
}

static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Returns how many octets came out of text, at most room; -1: it is not such. */
static inline long
hex_get(const char *text, uint8_t *at, size_t room)
{
	size_t n = 0;

	for (; text[2 * n] != '\0'; n++) {
		int high = hex_digit(text[2 * n]), low = high < 0 ? -1 : hex_digit(text[2 * n + 1]);

		if (n == room || low < 0)
			return -1;
		at[n] = (uint8_t)(high << 4 | low);
	}
	return (long)n;
}

#endif
