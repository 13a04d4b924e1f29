/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as a name in the report of lsactl watch and on a terminal: no
 * markup but ours comes out, no control character, and nothing that is no UTF-8.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsactl/page.h"
#include "lsactl/utf8.h"
#include "lsactl/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool true_one)
{
	if (!true_one)
		abort();
}

/* What page_text may write beside text. */
static const char *
skip_ours(const char *at)
{
	static const char *const tags[] = { "<span class=\"odd\">", "</span>",
					    "<bdi class=\"odd\" title=\"U+", "</bdi>" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t len = strlen(tags[i]);

		if (strncmp(at, tags[i], len) != 0)
			continue;
		at += len;
		if (i == 2) {
			at += strspn(at, "0123456789ABCDEF");
			must(strncmp(at, "\">", 2) == 0);
			at += 2;
		}
		return at;
	}
	return NULL;
}

static void
check_text(const char *at)
{
	while (*at != '\0') {
		const char *next = *at == '<' ? skip_ours(at) : at;

		must(next != NULL);
		if (*at == '<') {
			at = next;
			continue;
		}
		must(utf8_next(&at) >= 0x20 && at[-1] != '>' && at[-1] != '"' && at[-1] != '\'');
	}
}

static void
check_plain(const char *at, bool escaped)
{
	for (; *at != '\0'; at++) {
		must(*at >= 0x20 && *at < 0x7f);
		must(!escaped || strchr("<>\"'", *at) == NULL);
	}
}

static void
written(void (*write)(FILE *out, const char *text), const char *text, bool plain)
{
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);

	if (out == NULL)
		return;
	write(out, text);
	must(fclose(out) == 0);
	if (plain)
		check_plain(page, true);
	else
		check_text(page);
	free(page);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[600], safe[300];
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;

	if (size == 0)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	written(page_text, text, false);
	written(page_plain, text, true);
	check_plain(watch_safe(text, safe, 5 + data[0]), false);
	must(strlen(safe) < 5u + data[0]);
	return 0;
}
