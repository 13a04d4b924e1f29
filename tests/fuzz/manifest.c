/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as manifest, key and signature file: there is one way only to
 * write each, so what is read is written again octet for octet.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_manifest(const char *text, size_t size)
{
	struct manifest m;
	char *again = NULL;
	size_t len = 0;
	FILE *to;

	if (manifest_parse(text, size, &m) != 0)
		return;
	to = open_memstream(&again, &len);
	if (to == NULL || manifest_write(&m, to) != 0 || fclose(to) != 0)
		abort();
	if (len != size || memcmp(text, again, size) != 0 || m.n == 0 || m.n > MANIFEST_PROGRAMS ||
	    manifest_svn(&m) > MANIFEST_SVN)
		abort();
	free(again);
}

static void
check_keys(const char *text, size_t size)
{
	struct sign_public public;
	struct sign_private private;
	char again[SIGN_TEXT];

	if (sign_read_public(text, size, &public) == 0) {
		sign_write_public(&public, again);
		if (strlen(again) != size || memcmp(text, again, size) != 0)
			abort();
	}
	if (sign_read_private(text, size, &private) == 0) {
		sign_write_private(&private, again);
		if (strlen(again) != size || memcmp(text, again, size) != 0)
			abort();
	}
}

/* No signature that a fuzzer finds is good. */
static void
check_signature(const char *text, size_t size)
{
	static const uint8_t seed[SIGN_KEY] = { 1 };
	static struct sign_private key;
	const struct sign_public *by = NULL;
	uint8_t id[SIGN_ID];

	if (key.seed[0] == 0)
		sign_from_seed(seed, &key);
	if (sign_check(&key.its, 1, SIGN_RELEASE, text, size, text, size, &by, id) == SIGN_GOOD ||
	    by != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_manifest(text, size);
	check_keys(text, size);
	check_signature(text, size);
	return 0;
}
