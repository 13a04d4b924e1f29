/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: the recorded messages of tests/vectors/kdc-messages.txt. */
#ifndef TESTS_UNIT_TGS_VECTORS_H
#define TESTS_UNIT_TGS_VECTORS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/rpc.h"

/*
 * The octets called name, in memory of exactly their size, so that a
 * sanitizer notices a read past the end. The caller frees at. len is 0 if
 * there are none.
 */
static inline struct rd
vector_octets(const char *name)
{
	FILE *f = fopen(VECTORS "/kdc-messages.txt", "r");
	struct rd octets = { NULL, 0 };
	char *line = NULL, *hex;
	size_t room = 0;

	while (f != NULL && octets.at == NULL && getline(&line, &room, f) > 0) {
		uint8_t *at;

		hex = strchr(line, ' ');
		if (hex == NULL || (size_t)(hex - line) != strlen(name) ||
		    strncmp(line, name, strlen(name)) != 0)
			continue;
		hex++;
		octets.len = strcspn(hex, "\n") / 2;
		at = malloc(octets.len);
		for (size_t i = 0; at != NULL && i < octets.len; i++) {
			char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

			at[i] = (uint8_t)strtoul(two, NULL, 16);
		}
		octets.at = at;
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return octets;
}

#endif
