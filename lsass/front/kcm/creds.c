/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KCM operations on credentials. Hidden ones are passed over everywhere. */
#include <krb5.h>
#include <stdlib.h>
#include <string.h>

#include "lsass/front/kcm/private.h"

/* The octets of a view into the request, to be written to. */
static uint8_t *
writable(const struct call *ca, struct rd data)
{
	return ca->frame + (data.at - ca->frame);
}

kcode
kcm_store(struct call *ca)
{
	return cache_store(ca->cache, writable(ca, ca->in), ca->in.len);
}

/* Read the n credentials of a REPLACE. */
static kcode
take_creds(struct call *ca, struct octets *creds, uint32_t n)
{
	struct rd data;

	for (uint32_t i = 0; i < n; i++) {
		if (wire_data(&ca->in, &data) != 0)
			return KRB5_CC_FORMAT;
		creds[i].at = writable(ca, data);
		creds[i].len = data.len;
	}
	return ca->in.len == 0 ? 0 : KRB5_CC_FORMAT;
}

kcode
kcm_replace(struct call *ca)
{
	struct octets *creds;
	struct wire_princ princ;
	uint32_t offset, n;
	kcode code;

	if (wire_u32(&ca->in, &offset) != 0 || wire_princ(&ca->in, &princ) != 0 ||
	    wire_u32(&ca->in, &n) != 0 || n > ca->in.len / 4)
		return KRB5_CC_FORMAT;
	creds = calloc(n > 0 ? n : 1, sizeof(*creds));
	if (creds == NULL)
		return KRB5_CC_NOMEM;
	code = take_creds(ca, creds, n);
	if (code == 0)
		code = cache_replace(ca->co, ca->name, princ.octets, (int32_t)offset, creds, n);
	free(creds);
	return code;
}

kcode
kcm_cred_uuid_list(struct call *ca)
{
	if (ca->in.len != 0)
		return KRB5_CC_FORMAT;
	for (const struct cred *cr = ca->cache->first; cr != NULL; cr = cr->next) {
		if (!cred_hidden(cr))
			reply_put(ca->reply, cr->uuid, sizeof(cr->uuid));
	}
	return 0;
}

kcode
kcm_cred_by_uuid(struct call *ca)
{
	const struct cred *cr;

	if (ca->in.len != 16)
		return KRB5_CC_FORMAT;
	cr = cred_by_uuid(ca->cache, ca->in.at);
	if (cr == NULL || cred_hidden(cr))
		return KRB5_CC_END;
	reply_put(ca->reply, cr->octets, cr->len);
	return 0;
}

/* One pass: the sizes are known before. */
kcode
kcm_cred_list(struct call *ca)
{
	const struct cache *cache = ca->cache;
	uint8_t *to;

	if (ca->in.len != 0)
		return KRB5_CC_FORMAT;
	to = reply_grow(ca->reply, 4 + 4 * cache->nlisted + cache->listed);
	if (to == NULL)
		return KRB5_CC_NOMEM;
	wire_set_u32(to, (uint32_t)cache->nlisted);
	to += 4;
	for (const struct cred *cr = cache->first; cr != NULL; cr = cr->next) {
		if (cred_hidden(cr))
			continue;
		wire_set_u32(to, cr->len);
		memcpy(to + 4, cr->octets, cr->len);
		to += 4 + cr->len;
	}
	return 0;
}

kcode
kcm_remove_cred(struct call *ca)
{
	struct wire_cred match;
	uint32_t flags;
	size_t removed = 0;

	if (wire_u32(&ca->in, &flags) != 0 || wire_mcred(&ca->in, &match) != 0 || ca->in.len != 0)
		return KRB5_CC_FORMAT;
	for (struct cred *cr; (cr = cache_match(ca->cache, flags, &match)) != NULL; removed++) {
		kcode code = cache_remove(ca->cache, cr);

		if (code != 0)
			return code;
	}
	return removed > 0 ? 0 : KRB5_CC_NOTFOUND;
}
