/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsactl/ccache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_DELTATIME 1

static void
skip(struct rd *in, size_t n)
{
	in->at += n;
	in->len -= n;
}

/* Format 4 has fields before the principal; one is the KDC's clock. */
static int
header(struct ccache *cc)
{
	struct rd fields;
	uint16_t len, tag, n;

	if (wire_u16(&cc->left, &len) != 0 || cc->left.len < len)
		return -1;
	fields = (struct rd){ cc->left.at, len };
	skip(&cc->left, len);
	while (fields.len > 0) {
		if (wire_u16(&fields, &tag) != 0 || wire_u16(&fields, &n) != 0 || fields.len < n)
			return -1;
		if (tag == TAG_DELTATIME && n == 8)
			cc->offset = (int32_t)wire_get_u32(fields.at);
		skip(&fields, n);
	}
	return 0;
}

int
ccache_begin(struct ccache *cc, struct rd file, char *error, size_t n)
{
	const char *why = "it is no credential cache";

	memset(cc, 0, sizeof(*cc));
	cc->left = file;
	if (file.len == 0) {
		why = "it is empty; kinit first";
	} else if (file.len >= 2 && file.at[0] == 5 && (file.at[1] == 1 || file.at[1] == 2)) {
		why = "it is of an old format (1 or 2); kinit writes a new one";
	} else if (file.len >= 2 && file.at[0] == 5 && (file.at[1] == 3 || file.at[1] == 4)) {
		cc->three = file.at[1] == 3;
		skip(&cc->left, 2);
		if ((cc->three || header(cc) == 0) && wire_princ(&cc->left, &cc->principal) == 0)
			return 0;
		why = "it is damaged";
	}
	(void)snprintf(error, n, "%s", why);
	return -1;
}

/* Where the key of the credential in front begins: after two principals. */
static int
before_key(struct rd in, size_t *at)
{
	size_t whole = in.len;
	struct wire_princ princ;

	for (int i = 0; i < 2; i++) {
		if (wire_princ(&in, &princ) != 0)
			return -1;
	}
	if (in.len < 4)
		return -1;
	*at = whole - in.len;
	return 0;
}

int
ccache_next(struct ccache *cc, struct ccache_item *it)
{
	size_t at = 0, twice = cc->three ? 2 : 0;
	struct rd in;

	memset(it, 0, sizeof(*it));
	if (cc->left.len == 0)
		return 0;
	if (before_key(cc->left, &at) != 0)
		return -1;
	it->len = cc->left.len - twice;
	it->octets = malloc(it->len);
	if (it->octets == NULL)
		return -1;
	memcpy(it->octets, cc->left.at, at);
	memcpy(it->octets + at, cc->left.at + at + twice, it->len - at);
	in = (struct rd){ it->octets, it->len };
	if (wire_cred(&in, &it->wc) != 0) {
		ccache_end(it);
		return -1;
	}
	explicit_bzero(it->octets + (it->len - in.len), in.len);
	it->len -= in.len;
	it->view = (struct rd){ cc->left.at, it->len + twice };
	it->key = at + twice + 6; /* type, length */
	skip(&cc->left, it->view.len);
	return 1;
}

void
ccache_end(struct ccache_item *it)
{
	if (it->octets != NULL)
		explicit_bzero(it->octets, it->len);
	free(it->octets);
	memset(it, 0, sizeof(*it));
}

bool
ccache_is_fast_hint(const struct wire_cred *wc)
{
	return wire_is_config(&wc->server) && wc->server.ncomp > 1 &&
	       wire_is(wc->server.comp[1], "fast_avail");
}
