/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of an attacker for a terminal. */
#include <string.h>

#include "lsactl/utf8.h"
#include "lsactl/watch.h"

const char *
watch_safe(const char *text, char *to, size_t n)
{
	size_t have = 0, dots = 0; /* where they would go */

	to[0] = '\0';
	while (*text != '\0') {
		char piece[16];
		uint32_t code = utf8_next(&text);
		size_t len;

		if (code >= 0x20 && code < 0x7f)
			(void)snprintf(piece, sizeof(piece), "%c", (int)code);
		else
			(void)snprintf(piece, sizeof(piece), "\\u{%x}", (unsigned int)code);
		len = strlen(piece);
		if (have + 4 <= n)
			dots = have;
		if (have + len + 1 > n) {
			(void)snprintf(to + dots, n - dots, "...");
			break;
		}
		memcpy(to + have, piece, len + 1);
		have += len;
	}
	return to;
}
