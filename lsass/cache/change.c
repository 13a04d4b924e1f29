/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations that change a cache. Each one checks, makes what is new,
 * links it (which cannot half-fail), and writes the journal once.
 */
#include <krb5.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lsass/cache/private.h"

/* Put a sealed key beside the credential; takes the logon's reference over. */
static int
attach(struct cred *cr, struct sealed *se)
{
	if (se->blob_len > 0) {
		cr->blob = malloc(se->blob_len);
		if (cr->blob == NULL)
			return -1;
		memcpy(cr->blob, se->blob, se->blob_len);
		cr->blob_len = se->blob_len;
	}
	cr->logon = se->logon;
	se->logon = NULL;
	return 0;
}

static struct cred *
twin(struct cache *ca, const struct wire_cred *wc)
{
	return cred_twin(ca, wc, wire_princ_hash(&wc->server));
}

/*
 * Link a new credential in place of an old one. On failure cr is freed and
 * nothing has changed. The old one goes last: it may hold the same logon.
 */
static kcode
put(struct cache *ca, struct cred *cr, struct sealed *se, struct cred *old)
{
	if (attach(cr, se) != 0 || cred_link(ca, cr, ++ca->collection->next_serial) != 0) {
		cred_free(cr);
		return KRB5_CC_NOMEM;
	}
	if (cr->logon != NULL && cr->logon->dead)
		cred_bury(cr);
	if (old != NULL && old->logon != NULL && old->logon == cr->logon) {
		cred_retire(old);
	} else if (old != NULL) {
		cred_unlink(old);
		cred_free(old);
	}
	return 0;
}

/* Parse, make room, absorb, link; the journal is the caller's. */
static kcode
add(struct cache *ca, uint8_t *octets, size_t len, bool count, struct cred **made)
{
	struct rd in = { octets, len };
	struct cred *cr;
	struct wire_cred wc;
	struct sealed se;
	kcode code;

	*made = NULL;
	if (wire_cred(&in, &wc) != 0 || in.len != 0)
		return KRB5_CC_FORMAT;
	if (count) {
		code = room_cred(ca, &wc, len + ISO_BLOB_MAX,
				 wire_is_tgt_class(&wc.server, wc.is_skey));
		if (code != 0)
			return code;
	}
	code = absorb(ca, octets, &wc, &se);
	if (code != 0)
		return code == ABSORB_DROP ? 0 : code;
	cr = cred_new((struct rd){ octets, len }, &wc);
	code = cr != NULL ? put(ca, cr, &se, twin(ca, &wc)) : KRB5_CC_NOMEM;
	if (se.logon != NULL)
		logon_unref(se.logon);
	if (code == 0)
		*made = cr;
	return code;
}

kcode
cache_store(struct cache *ca, uint8_t *octets, size_t len)
{
	struct cred *cr;
	kcode code = add(ca, octets, len, true, &cr);

	if (code == 0 && cr != NULL)
		journal_cred(cr);
	journal_commit(ca->collection);
	return code;
}

kcode
cache_store_sealed(struct cache *ca, struct rd cred, uint32_t session, uint32_t generation,
		   struct rd blob)
{
	struct collection *co = ca->collection;
	struct rd in = cred;
	struct cred *cr;
	struct wire_cred wc;
	struct sealed se = { 0 };
	kcode code;

	if (wire_cred(&in, &wc) != 0 || in.len != 0 || blob.len > sizeof(se.blob))
		return KRB5_CC_FORMAT;
	if (blob.len > 0) {
		struct logon *lo = logon_find(co->store, co->uid, session, generation);

		if (lo == NULL)
			return KRB5_CC_NOTFOUND;
		memcpy(se.blob, blob.at, blob.len);
		se.blob_len = (uint16_t)blob.len;
		se.logon = logon_ref(lo);
	}
	code = room_cred(ca, &wc, cred.len + blob.len, true);
	if (code == 0) {
		cr = cred_new(cred, &wc);
		code = cr != NULL ? put(ca, cr, &se, twin(ca, &wc)) : KRB5_CC_NOMEM;
		if (code == 0)
			journal_cred(cr);
	}
	if (se.logon != NULL)
		logon_unref(se.logon);
	journal_commit(co);
	return code;
}

/* Put a whole new cache in the place of the one of its name. */
static kcode
commit(struct cache *ca)
{
	struct collection *co = ca->collection;
	struct cache *old = cache_by_name(co, ca->name);

	if (old != NULL) {
		memcpy(ca->uuid, old->uuid, sizeof(ca->uuid));
		cache_unlink(old);
	}
	if (cache_link(ca) != 0) {
		if (old != NULL)
			(void)cache_link(old); /* its places are still there */
		return KRB5_CC_NOMEM;
	}
	journal_cache(ca, ca->ncreds);
	for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next)
		journal_cred(cr);
	journal_commit(co);
	cache_free(old);
	return 0;
}

kcode
cache_initialize(struct collection *co, const char *name, struct rd principal, struct cache **cache)
{
	struct cache *ca;
	kcode code = room_cache(co, name);

	*cache = NULL;
	if (code != 0)
		return code;
	ca = cache_new(co, name, principal);
	code = ca != NULL ? commit(ca) : KRB5_CC_NOMEM;
	if (code != 0)
		cache_free(ca);
	else
		*cache = ca;
	return code;
}

/* Everything the new cache asks for, before anything is absorbed. */
static kcode
replace_room(struct collection *co, const char *name, const struct octets *creds, size_t n)
{
	struct cache *old = cache_by_name(co, name);
	size_t cost = 0, less = old != NULL ? old->octets : 0;
	kcode code = room_cache(co, name);

	if (code != 0)
		return code;
	if (n > co->store->cf->limits_tickets)
		return KRB5_CC_WRITE;
	for (size_t i = 0; i < n; i++)
		cost += sizeof(struct cred) + creds[i].len + ISO_BLOB_MAX;
	return room_octets(co, old, cost > less ? cost - less : 0, true);
}

kcode
cache_replace(struct collection *co, const char *name, struct rd principal, int32_t offset,
	      const struct octets *creds, size_t n)
{
	struct cache *ca;
	struct cred *cr;
	kcode code = replace_room(co, name, creds, n);

	if (code != 0)
		return code;
	ca = cache_new(co, name, principal);
	if (ca == NULL)
		return KRB5_CC_NOMEM;
	ca->kdc_offset = offset;
	for (size_t i = 0; i < n && code == 0; i++)
		code = add(ca, creds[i].at, creds[i].len, false, &cr);
	if (code == 0)
		code = commit(ca);
	if (code != 0) {
		cache_free(ca);
		journal_commit(co); /* a loose ticket may be gone */
	}
	return code;
}

/*
 * If that cache is the default: it goes by another name, which is taken over,
 * or (NULL) none is set any more.
 */
static void
default_follows(struct collection *co, const char *name, char *to)
{
	if (co->default_name != NULL && strcmp(co->default_name, name) == 0)
		collection_rename_default(co, to);
	else
		free(to);
}

void
cache_destroy(struct cache *ca)
{
	struct collection *co = ca->collection;

	default_follows(co, ca->name, NULL);
	journal_name(co, REC_DESTROY, ca->name, NULL);
	cache_unlink(ca);
	journal_commit(co);
	cache_free(ca);
}

kcode
cache_move(struct cache *from, const char *to)
{
	struct collection *co = from->collection;
	struct cache *old = cache_by_name(co, to);
	char *name, *default_name;

	if (old == from)
		return 0;
	name = strdup(to);
	default_name = strdup(to);
	if (name == NULL || default_name == NULL) {
		free(name);
		free(default_name);
		return KRB5_CC_NOMEM;
	}
	journal_name(co, REC_MOVE, from->name, to);
	default_follows(co, from->name, default_name);
	if (old != NULL)
		cache_unlink(old);
	cache_rename(from, name);
	journal_commit(co);
	cache_free(old);
	return 0;
}

kcode
cache_set_offset(struct cache *ca, int32_t offset)
{
	ca->kdc_offset = offset;
	journal_offset(ca);
	journal_commit(ca->collection);
	return 0;
}

kcode
cache_remove(struct cache *ca, struct cred *cr)
{
	journal_remove(cr);
	cred_unlink(cr);
	cred_free(cr);
	journal_commit(ca->collection);
	return 0;
}

size_t
cache_purge(struct cache *ca, uint32_t now)
{
	size_t n = 0;

	former_purge(ca, now);
	for (struct cred *cr = ca->first, *next; cr != NULL; cr = next) {
		next = cr->next;
		if (cr->is_config || cr->is_tgt_class || !cred_expired(cr, now))
			continue;
		journal_remove(cr);
		cred_unlink(cr);
		cred_free(cr);
		n++;
	}
	ca->collection->store->purged += n;
	if (n > 0)
		journal_commit(ca->collection);
	return n;
}
