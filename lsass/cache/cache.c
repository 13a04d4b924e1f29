/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Caches and credentials as data: made, linked, found, let go. */
#include <stdlib.h>
#include <string.h>

#include "lsass/cache/private.h"

static uint64_t
name_hash(const char *name)
{
	struct wire_princ pr = { .realm = { (const uint8_t *)name, strlen(name) } };

	return wire_princ_hash(&pr);
}

static uint64_t
uuid_hash(const uint8_t uuid[16])
{
	return wire_get_u32(uuid + 12) * 0x9e3779b97f4a7c15u;
}

static void
uuid_make(const struct store *st, uint64_t number, uint8_t uuid[16])
{
	memcpy(uuid, st->uuid_head, 8);
	wire_set_u32(uuid + 8, (uint32_t)(number >> 32));
	wire_set_u32(uuid + 12, (uint32_t)number);
}

/* ---- caches */

struct cache *
cache_new(struct collection *co, const char *name, struct rd principal)
{
	struct cache *ca = calloc(1, sizeof(*ca));

	if (ca == NULL)
		return NULL;
	ca->name = strdup(name);
	ca->principal = malloc(principal.len > 0 ? principal.len : 1);
	if (ca->name == NULL || ca->principal == NULL) {
		free(ca->name);
		free(ca->principal);
		free(ca);
		return NULL;
	}
	memcpy(ca->principal, principal.at, principal.len);
	ca->principal_len = principal.len;
	ca->collection = co;
	ca->id = ++co->store->next_id;
	uuid_make(co->store, ca->id, ca->uuid);
	return ca;
}

void
cache_free(struct cache *ca)
{
	if (ca == NULL)
		return;
	for (struct cred *cr = ca->first, *next; cr != NULL; cr = next) {
		next = cr->next;
		cred_unlink(cr);
		cred_free(cr);
	}
	if (ca->logon != NULL)
		logon_unref(ca->logon);
	table_free(&ca->servers);
	table_free(&ca->uuids);
	free(ca->renewal);
	free(ca->principal);
	free(ca->name);
	free(ca);
}

static uint64_t
standin_hash(const struct cred *cr)
{
	struct wire_cred wc;
	struct wire_princ pr = { 0 };

	if (cred_parse(cr, &wc) == 0)
		pr.realm = wc.key;
	return wire_princ_hash(&pr);
}

/* Let a copy of this credential be known again, and its ticket. */
static int
standin_add(struct cred *cr)
{
	struct table *ta = &cr->cache->collection->standins;

	if (!cr->is_tgt_class || cr->logon == NULL)
		return 0;
	if (table_add(ta, &cr->by_standin, standin_hash(cr)) != 0)
		return -1;
	if (ticket_add(cr) == 0)
		return 0;
	table_del(ta, &cr->by_standin);
	return -1;
}

static void
standin_del(struct cred *cr)
{
	if (!cr->is_tgt_class || cr->logon == NULL)
		return;
	table_del(&cr->cache->collection->standins, &cr->by_standin);
	ticket_del(cr);
}

int
cache_link(struct cache *ca)
{
	struct collection *co = ca->collection;
	struct cred *cr;

	if (table_add(&co->names, &ca->by_name, name_hash(ca->name)) != 0)
		return -1;
	if (table_add(&co->uuids, &ca->by_uuid, uuid_hash(ca->uuid)) != 0) {
		table_del(&co->names, &ca->by_name);
		return -1;
	}
	for (cr = ca->first; cr != NULL; cr = cr->next) {
		if (standin_add(cr) != 0)
			break;
	}
	if (cr != NULL) {
		for (cr = cr->prev; cr != NULL; cr = cr->prev)
			standin_del(cr);
		table_del(&co->names, &ca->by_name);
		table_del(&co->uuids, &ca->by_uuid);
		return -1;
	}
	ca->prev = co->last;
	ca->next = NULL;
	*(co->last != NULL ? &co->last->next : &co->first) = ca;
	co->last = ca;
	co->ncaches++;
	co->octets += ca->octets;
	ca->linked = true;
	return 0;
}

/* ---- what renewals replaced */

#define FORMER_MAX 4

static void
former_count(struct cred *cr, bool more)
{
	struct cache *ca = cr->cache;

	ca->octets += more ? cred_cost(cr) : -cred_cost(cr);
	ca->collection->octets += more ? cred_cost(cr) : -cred_cost(cr);
}

static void
former_drop(struct cred **at)
{
	struct cred *old = *at;

	*at = old->next;
	former_count(old, false);
	standin_del(old);
	cred_free(old);
}

void
cred_retire(struct cred *cr)
{
	struct cache *ca = cr->cache;
	size_t n = 0;

	cred_unlink(cr);
	if (!ca->linked || !cr->is_tgt_class || cr->logon == NULL || cr->logon->dead ||
	    cred_expired(cr, now_s()) || standin_add(cr) != 0) {
		cred_free(cr);
		return;
	}
	cr->prev = NULL;
	cr->next = ca->former;
	ca->former = cr;
	former_count(cr, true);
	for (struct cred **at = &ca->former; *at != NULL;) {
		if (n++ < FORMER_MAX)
			at = &(*at)->next;
		else
			former_drop(at);
	}
}

void
former_purge(struct cache *ca, uint32_t now)
{
	for (struct cred **at = &ca->former; *at != NULL;) {
		if (!cred_expired(*at, now))
			at = &(*at)->next;
		else
			former_drop(at);
	}
}

void
cache_unlink(struct cache *ca)
{
	struct collection *co = ca->collection;

	while (ca->former != NULL)
		former_drop(&ca->former);
	for (struct cred *cr = ca->first; cr != NULL; cr = cr->next)
		standin_del(cr);
	table_del(&co->names, &ca->by_name);
	table_del(&co->uuids, &ca->by_uuid);
	*(ca->prev != NULL ? &ca->prev->next : &co->first) = ca->next;
	*(ca->next != NULL ? &ca->next->prev : &co->last) = ca->prev;
	co->ncaches--;
	co->octets -= ca->octets;
	ca->linked = false;
}

void
cache_rename(struct cache *ca, char *name)
{
	table_del(&ca->collection->names, &ca->by_name);
	free(ca->name);
	ca->name = name;
	(void)table_add(&ca->collection->names, &ca->by_name, name_hash(name));
}

struct cache *
cache_by_name(struct collection *co, const char *name)
{
	struct node *no = table_first(&co->names, name_hash(name));

	for (; no != NULL; no = table_next(no)) {
		struct cache *ca = NODE_OF(no, struct cache, by_name);

		if (strcmp(ca->name, name) == 0)
			return ca;
	}
	return NULL;
}

struct cache *
cache_by_uuid(struct collection *co, const uint8_t uuid[16])
{
	struct node *no = table_first(&co->uuids, uuid_hash(uuid));

	for (; no != NULL; no = table_next(no)) {
		struct cache *ca = NODE_OF(no, struct cache, by_uuid);

		if (memcmp(ca->uuid, uuid, 16) == 0)
			return ca;
	}
	return NULL;
}

struct cache *
cache_by_id(struct collection *co, uint64_t id)
{
	struct cache *ca = co->first;

	while (ca != NULL && ca->id != id)
		ca = ca->next;
	return ca;
}

/* ---- credentials */

static bool
starts(struct rd data, const char *text)
{
	size_t n = strlen(text);

	return data.len >= n && memcmp(data.at, text, n) == 0;
}

struct cred *
cred_new(struct rd octets, const struct wire_cred *wc)
{
	struct cred *cr = calloc(1, sizeof(*cr));

	if (cr == NULL)
		return NULL;
	cr->octets = malloc(octets.len);
	if (cr->octets == NULL) {
		free(cr);
		return NULL;
	}
	memcpy(cr->octets, octets.at, octets.len);
	cr->len = (uint32_t)octets.len;
	cr->by_server.hash = wire_princ_hash(&wc->server);
	cr->etype = wc->etype;
	cr->is_skey = wc->is_skey;
	cr->is_config = wire_is_config(&wc->server);
	cr->is_tgt_class = wire_is_tgt_class(&wc->server, wc->is_skey);
	cr->endtime = cr->is_config ? 0 : wc->endtime;
	cr->hidden = cr->is_config && wc->server.ncomp > 1 &&
		     (wire_is(wc->server.comp[1], "fast_avail") ||
		      starts(wc->server.comp[1], "ntlm-key-"));
	return cr;
}

void
cred_free(struct cred *cr)
{
	if (cr == NULL)
		return;
	if (cr->logon != NULL)
		logon_unref(cr->logon);
	explicit_bzero(cr->octets, cr->len);
	free(cr->octets);
	free(cr->blob);
	free(cr);
}

size_t
cred_cost(const struct cred *cr)
{
	return sizeof(*cr) + cr->len + cr->blob_len;
}

int
cred_link(struct cache *ca, struct cred *cr, uint64_t serial)
{
	cr->cache = ca;
	uuid_make(ca->collection->store, serial, cr->uuid);
	if (table_add(&ca->servers, &cr->by_server, cr->by_server.hash) != 0)
		return -1;
	if (table_add(&ca->uuids, &cr->by_uuid, uuid_hash(cr->uuid)) != 0) {
		table_del(&ca->servers, &cr->by_server);
		return -1;
	}
	if (ca->linked && standin_add(cr) != 0) {
		table_del(&ca->servers, &cr->by_server);
		table_del(&ca->uuids, &cr->by_uuid);
		return -1;
	}
	cr->prev = ca->last;
	cr->next = NULL;
	*(ca->last != NULL ? &ca->last->next : &ca->first) = cr;
	ca->last = cr;
	ca->ncreds++;
	ca->octets += cred_cost(cr);
	if (!cr->hidden) {
		ca->nlisted++;
		ca->listed += cr->len;
	}
	if (ca->linked)
		ca->collection->octets += cred_cost(cr);
	return 0;
}

void
cred_unlink(struct cred *cr)
{
	struct cache *ca = cr->cache;

	if (ca->linked) {
		standin_del(cr);
		ca->collection->octets -= cred_cost(cr);
	}
	table_del(&ca->servers, &cr->by_server);
	table_del(&ca->uuids, &cr->by_uuid);
	*(cr->prev != NULL ? &cr->prev->next : &ca->first) = cr->next;
	*(cr->next != NULL ? &cr->next->prev : &ca->last) = cr->prev;
	ca->ncreds--;
	ca->octets -= cred_cost(cr);
	if (!cr->hidden) {
		ca->nlisted--;
		ca->listed -= cr->len;
	}
}

int
cred_parse(const struct cred *cr, struct wire_cred *wc)
{
	struct rd in = { cr->octets, cr->len };

	return wire_cred(&in, wc);
}

uint64_t
cred_serial(const struct cred *cr)
{
	return (uint64_t)wire_get_u32(cr->uuid + 8) << 32 | wire_get_u32(cr->uuid + 12);
}

struct cred *
cred_by_uuid(struct cache *ca, const uint8_t uuid[16])
{
	struct node *no = table_first(&ca->uuids, uuid_hash(uuid));

	for (; no != NULL; no = table_next(no)) {
		struct cred *cr = NODE_OF(no, struct cred, by_uuid);

		if (memcmp(cr->uuid, uuid, 16) == 0)
			return cr;
	}
	return NULL;
}

struct cred *
cred_by_serial(struct cache *ca, uint64_t serial)
{
	uint8_t uuid[16];

	uuid_make(ca->collection->store, serial, uuid);
	return cred_by_uuid(ca, uuid);
}

static bool
same_data(struct rd a, struct rd b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

struct cred *
cred_twin(struct cache *ca, const struct wire_cred *wc, uint64_t hash)
{
	bool tgt_class = wire_is_tgt_class(&wc->server, wc->is_skey);
	struct node *no = table_first(&ca->servers, hash);

	for (; no != NULL; no = table_next(no)) {
		struct cred *cr = NODE_OF(no, struct cred, by_server);
		struct wire_cred other;

		if (cr->is_skey != wc->is_skey || cred_parse(cr, &other) != 0 ||
		    !wire_princ_equal(&other.server, &wc->server))
			continue;
		if (cr->is_config)
			return cr;
		if (!wire_princ_equal(&other.client, &wc->client) ||
		    (!tgt_class && cr->etype != wc->etype) ||
		    (cr->is_skey && !same_data(other.second_ticket, wc->second_ticket)))
			continue;
		return cr;
	}
	return NULL;
}

int32_t
cred_offset(const struct cred *cr)
{
	return cr->cache->kept ? cr->kdc_offset : cr->cache->kdc_offset;
}

bool
cred_expired(const struct cred *cr, uint32_t now)
{
	if (cr->is_config)
		return false;
	if (cr->logon != NULL && cr->logon->dead)
		return true;
	return (int64_t)cr->endtime <= (int64_t)now + cred_offset(cr);
}

void
cred_bury(struct cred *cr)
{
	int32_t offset = cred_offset(cr);
	int64_t past = (int64_t)now_s() - 1 + (offset < 0 ? offset : 0);
	struct wire_cred wc;
	size_t at;

	if (cr->is_config || cr->endtime <= past || cred_parse(cr, &wc) != 0)
		return;
	at = (size_t)(wc.key.at - cr->octets) + wc.key.len + 8; /* authtime, starttime */
	wire_set_u32(cr->octets + at, (uint32_t)past);
	cr->endtime = (uint32_t)past;
}

bool
cred_hidden(const struct cred *cr)
{
	return cr->hidden;
}

struct cred *
cache_tgt(struct cache *ca)
{
	static const char krbtgt[] = "krbtgt";
	struct rd in = { ca->principal, ca->principal_len };
	struct wire_princ client, tgs = { .ncomp = 2 };
	struct cred *best = NULL;
	struct node *no;

	if (wire_princ(&in, &client) != 0)
		return NULL;
	tgs.realm = tgs.comp[1] = client.realm;
	tgs.comp[0] = (struct rd){ (const uint8_t *)krbtgt, sizeof(krbtgt) - 1 };
	for (no = table_first(&ca->servers, wire_princ_hash(&tgs)); no != NULL;
	     no = table_next(no)) {
		struct cred *cr = NODE_OF(no, struct cred, by_server);

		if (cr->is_tgt_class && !cr->is_skey && cr->logon != NULL &&
		    (best == NULL || cr->endtime >= best->endtime))
			best = cr;
	}
	return best;
}
