/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of tests/vectors: a line with their source, then lines of words.
 */
#ifndef TESTS_ISO_VECTORS_H
#define TESTS_ISO_VECTORS_H

#include "rpc/rpc.h"

#define WORDS	 7
#define WORD_LEN 256

struct words {
	unsigned int n;
	char word[WORDS][WORD_LEN];
};

/* Check each line of a file, which must have this many words and a source. */
void each_line(const char *name, unsigned int words, void (*check)(const struct words *));

/* Octets of a word of hexadecimal digits, "-" for none; until d_reset. */
struct rd hex(const char *text);

#endif
