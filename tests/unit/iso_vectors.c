/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_host.h"

void
each_line(const char *name, unsigned int words, void (*check)(const struct words *))
{
	char path[512], line[1024];
	unsigned int lines = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(strncmp(line, "source: ", 8), 0);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct words w = { 0 };
		char *at = line, *one, *state = NULL;

		if (line[0] == '#')
			continue;
		for (; (one = strtok_r(at, " \n", &state)) != NULL && w.n < WORDS; at = NULL)
			snprintf(w.word[w.n++], WORD_LEN, "%s", one);
		assert_int_equal(w.n, words);
		check(&w);
		lines++;
	}
	fclose(f);
	assert_true(lines > 0);
}

struct rd
hex(const char *text)
{
	uint8_t octets[WORD_LEN / 2];
	size_t n = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		char two[3] = { text[2 * i], text[2 * i + 1], 0 };

		octets[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return d_raw(octets, n);
}
