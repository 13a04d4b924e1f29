/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KCM operations on caches. Each takes its payload, checks it, acts. */
#include <krb5.h>
#include <string.h>

#include "lsass/front/kcm/private.h"

/* Nothing may follow what was understood. */
static kcode
end(const struct call *ca)
{
	return ca->in.len == 0 ? 0 : KRB5_CC_FORMAT;
}

static void
put_name(struct call *ca, const char *name)
{
	reply_put(ca->reply, name, strlen(name) + 1);
}

static kcode
take_uuid(struct call *ca, uint8_t uuid[16])
{
	if (ca->in.len != 16)
		return KRB5_CC_FORMAT;
	memcpy(uuid, ca->in.at, 16);
	return 0;
}

kcode
kcm_noop(struct call *ca)
{
	return end(ca);
}

kcode
kcm_nosupp(struct call *ca)
{
	return KRB5_CC_NOSUPP;
}

kcode
kcm_gen_new(struct call *ca)
{
	char name[CACHE_NAME_MAX + 1];
	kcode code = end(ca);

	if (code == 0)
		code = collection_new_name(ca->co, name);
	if (code == 0)
		put_name(ca, name);
	return code;
}

kcode
kcm_initialize(struct call *ca)
{
	struct wire_princ princ;
	struct cache *cache;

	if (wire_princ(&ca->in, &princ) != 0 || ca->in.len != 0)
		return KRB5_CC_FORMAT;
	return cache_initialize(ca->co, ca->name, princ.octets, &cache);
}

kcode
kcm_destroy(struct call *ca)
{
	kcode code = end(ca);

	if (code == 0)
		cache_destroy(ca->cache);
	return code;
}

kcode
kcm_get_principal(struct call *ca)
{
	kcode code = end(ca);

	if (code == 0)
		reply_put(ca->reply, ca->cache->principal, ca->cache->principal_len);
	return code;
}

/* Nothing is done with the flags (Heimdal's klist sets one). */
kcode
kcm_set_flags(struct call *ca)
{
	uint32_t flags;

	return wire_u32(&ca->in, &flags) == 0 ? end(ca) : KRB5_CC_FORMAT;
}

kcode
kcm_move_cache(struct call *ca)
{
	char to[CACHE_NAME_MAX + 1];
	kcode code = kcm_name(&ca->in, to);

	if (code == 0)
		code = end(ca);
	return code == 0 ? cache_move(ca->cache, to) : code;
}

static bool
put_cache_uuid(struct cache *cache, void *arg)
{
	struct call *ca = arg;

	reply_put(ca->reply, cache->uuid, sizeof(cache->uuid));
	return false;
}

kcode
kcm_cache_uuid_list(struct call *ca)
{
	kcode code = end(ca);

	if (code == 0)
		collection_each_cache(ca->co, put_cache_uuid, ca);
	return code;
}

kcode
kcm_cache_by_uuid(struct call *ca)
{
	uint8_t uuid[16];
	struct cache *cache;
	kcode code = take_uuid(ca, uuid);

	if (code != 0)
		return code;
	cache = cache_by_uuid(ca->co, uuid);
	if (cache == NULL)
		return KRB5_CC_END;
	put_name(ca, cache->name);
	return 0;
}

kcode
kcm_get_default(struct call *ca)
{
	put_name(ca, collection_default(ca->co)); /* must always succeed */
	return 0;
}

kcode
kcm_set_default(struct call *ca)
{
	kcode code = end(ca);

	return code == 0 ? collection_set_default(ca->co, ca->name) : code;
}

kcode
kcm_get_offset(struct call *ca)
{
	kcode code = end(ca);

	if (code == 0)
		reply_u32(ca->reply, (uint32_t)ca->cache->kdc_offset);
	return code;
}

kcode
kcm_set_offset(struct call *ca)
{
	uint32_t offset;

	if (wire_u32(&ca->in, &offset) != 0 || ca->in.len != 0)
		return KRB5_CC_FORMAT;
	return cache_set_offset(ca->cache, (int32_t)offset);
}
