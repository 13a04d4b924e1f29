/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies: built in a buffer of the front, wiped when they are sent. */
#include <krb5.h>
#include <stdlib.h>
#include <string.h>

#include "lsass/front/kcm/private.h"

#define REPLY_KEEP 65536u

void
reply_begin(struct reply *re)
{
	re->len = 0;
	re->failed = false;
	(void)reply_grow(re, KCM_REPLY_HEAD);
}

uint8_t *
reply_grow(struct reply *re, size_t n)
{
	size_t size = re->size == 0 ? 8192 : re->size;
	uint8_t *at;

	if (re->failed)
		return NULL;
	if (re->size - re->len < n) {
		while (size - re->len < n)
			size *= 2;
		at = malloc(size);
		if (at == NULL) {
			re->failed = true;
			return NULL;
		}
		if (re->len > 0) {
			memcpy(at, re->at, re->len);
			explicit_bzero(re->at, re->len);
		}
		free(re->at);
		re->at = at;
		re->size = size;
	}
	re->len += n;
	return re->at + re->len - n;
}

void
reply_put(struct reply *re, const void *at, size_t n)
{
	uint8_t *to = reply_grow(re, n);

	if (to != NULL && n > 0)
		memcpy(to, at, n);
}

void
reply_u32(struct reply *re, uint32_t value)
{
	uint8_t *to = reply_grow(re, 4);

	if (to != NULL)
		wire_set_u32(to, value);
}

void
reply_wipe(struct reply *re)
{
	if (re->len > 0)
		explicit_bzero(re->at, re->len);
	re->len = 0;
	if (re->size > REPLY_KEEP) {
		free(re->at);
		re->at = NULL;
		re->size = 0;
	}
}

void
kcm_finish(struct reply *re, kcode code)
{
	if (re->failed) {
		re->failed = false;
		code = KRB5_CC_NOMEM;
	}
	if (code != 0 && re->len > KCM_REPLY_HEAD) {
		explicit_bzero(re->at + KCM_REPLY_HEAD, re->len - KCM_REPLY_HEAD);
		re->len = KCM_REPLY_HEAD;
	}
	if (re->len < KCM_REPLY_HEAD) /* not even memory for the head: an empty reply, cut off */
		return;
	wire_set_u32(re->at, (uint32_t)(re->len - 8));
	wire_set_u32(re->at + 4, 0);
	wire_set_u32(re->at + 8, (uint32_t)code);
}
