/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points that tests of X25519 share, and hexadecimal text. */
#ifndef TESTS_X25519_WORDS_H
#define TESTS_X25519_WORDS_H

#include <stdint.h>
#include <stdio.h>

/*
 * Every point of small order that 255 bits can name: of the curve and of its
 * twist, below p and above. With any private key the result is zero.
 */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000", /* 0 */
	"0100000000000000000000000000000000000000000000000000000000000000", /* 1 */
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", /* of order 8 */
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", /* of order 8 */
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p - 1 */
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p */
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p + 1 */
};
#define LOW_ORDERS (sizeof(low_order) / sizeof(low_order[0]))

static inline void
unhex(const char *text, uint8_t out[32])
{
	for (unsigned int i = 0; i < 32; i++) {
		unsigned int octet = 0;

		(void)sscanf(text + (size_t)2 * i, "%2x", &octet);
		out[i] = (uint8_t)octet;
	}
}

#endif
