/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store as a whole: collections, names, the default cache, totals. */
#include <errno.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/private.h"

#define PURGE_GRACE 300u /* seconds; clocks differ by so much, RFC 4120 */

static uint64_t
uid_hash(uid_t uid)
{
	return uid * 0x9e3779b97f4a7c15u;
}

struct store *
store_open(const struct config *cf, const uint8_t state_key[STATE_KEY])
{
	struct store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->cf = cf;
	st->dir = -1;
	random_octets(st->uuid_head, sizeof(st->uuid_head));
	st->has_boot = ask_boot_id(st->boot_id);
	if (cf->state_keep && journal_setup(st, state_key) == 0) {
		st->loading = true;
		journal_load_all(st);
		st->loading = false;
		logon_verify(st);
		store_bury(st);
		for (struct collection *co = st->first; co != NULL; co = co->next)
			journal_settle(co);
	}
	return st;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	/* Logons are not closed: they live on for the next broker. */
	st->loading = true; /* nor are their journals touched */
	for (struct logon *lo = st->logons; lo != NULL; lo = lo->next) {
		logon_die(lo);
		logon_drop_note(lo);
	}
	while (st->first != NULL) {
		struct collection *co = st->first;

		while (co->first != NULL) {
			struct cache *ca = co->first;

			cache_unlink(ca);
			cache_free(ca);
		}
		kept_free(co);
		st->first = co->next;
		journal_close(co);
		table_free(&co->names);
		table_free(&co->uuids);
		table_free(&co->standins);
		free(co->default_name);
		free(co);
	}
	logon_settle(st, true);
	logon_free_all(st);
	table_free(&st->uids);
	table_free(&st->sessions);
	table_free(&st->tickets);
	buffer_free(&st->plain);
	buffer_free(&st->batch);
	if (st->dir >= 0)
		close(st->dir);
	explicit_bzero(st, sizeof(*st));
	free(st);
}

void
store_bury(struct store *st)
{
	for (struct collection *co = st->first; co != NULL; co = co->next) {
		for (struct cache *ca = co->first; ca != NULL; ca = ca->next) {
			for (struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
				if (cr->logon != NULL && cr->logon->dead)
					cred_bury(cr);
			}
		}
	}
}

void
store_boot_id(struct store *st, const uint8_t boot_id[16])
{
	size_t died = 0;
	bool same = boot_id != NULL && st->has_boot && memcmp(boot_id, st->boot_id, 16) == 0;

	logon_settle(st, same);
	if (same)
		return;
	st->has_boot = boot_id != NULL;
	if (boot_id != NULL)
		memcpy(st->boot_id, boot_id, 16);
	else
		memset(st->boot_id, 0, 16);
	for (struct logon *lo = st->logons; lo != NULL; lo = lo->next) {
		died += !lo->dead;
		logon_die(lo);
	}
	for (struct collection *co = st->first; co != NULL; co = co->next)
		co->jo.boot_now = false;
	store_bury(st);
	if (died > 0)
		log_warn("lsaiso is gone: %zu logons ended, their users must log on again", died);
}

void
store_tick(struct store *st)
{
	uint32_t now = now_s() - PURGE_GRACE;

	for (struct collection *co = st->first; co != NULL; co = co->next) {
		for (struct cache *ca = co->first; ca != NULL; ca = ca->next)
			cache_purge(ca, now);
		if (kept_purge(co, now, false) > 0)
			journal_commit(co);
		if (co->jo.behind)
			(void)journal_rewrite(co);
	}
}

void
store_totals(const struct store *st, struct store_totals *totals)
{
	*totals = (struct store_totals){ .logons = st->sessions.count,
					 .absorbed = st->absorbed,
					 .evicted = st->evicted,
					 .plain_refused = st->plain_refused,
					 .purged = st->purged,
					 .damaged_files = st->damaged_files };
	for (const struct collection *co = st->first; co != NULL; co = co->next) {
		totals->users += co->ncaches > 0;
		totals->kept += collection_nkept(co);
		totals->creds += collection_nkept(co);
		totals->caches += co->ncaches;
		totals->octets += co->octets;
		for (const struct cache *ca = co->first; ca != NULL; ca = ca->next)
			totals->creds += ca->ncreds;
	}
}

void
store_each_logon(struct store *st, bool (*fn)(struct logon *, void *), void *arg)
{
	for (struct logon *lo = st->logons, *next; lo != NULL; lo = next) {
		next = lo->next;
		if (fn(lo, arg))
			return;
	}
}

void
store_on_end(struct store *st, void (*ended)(struct held *))
{
	st->ended = ended;
}

/* ---- collections */

struct collection *
store_collection(struct store *st, uid_t uid)
{
	struct node *no = table_first(&st->uids, uid_hash(uid));
	struct collection *co;

	for (; no != NULL; no = table_next(no)) {
		co = NODE_OF(no, struct collection, by_uid);
		if (co->uid == uid)
			return co;
	}
	co = calloc(1, sizeof(*co));
	if (co == NULL)
		return NULL;
	co->uid = uid;
	co->store = st;
	co->jo.fd = -1;
	if (table_add(&st->uids, &co->by_uid, uid_hash(uid)) != 0) {
		free(co);
		return NULL;
	}
	co->next = st->first;
	st->first = co;
	return co;
}

uid_t
collection_uid(const struct collection *co)
{
	return co->uid;
}

uint32_t *
collection_clients(struct collection *co)
{
	return &co->clients;
}

void
store_each_collection(struct store *st, bool (*fn)(struct collection *, void *), void *arg)
{
	for (struct collection *co = st->first, *next; co != NULL; co = next) {
		next = co->next;
		if (fn(co, arg))
			return;
	}
}

void
collection_each_cache(struct collection *co, bool (*fn)(struct cache *, void *), void *arg)
{
	for (struct cache *ca = co->first, *next; ca != NULL; ca = next) {
		next = ca->next;
		if (fn(ca, arg))
			return;
	}
}

size_t
collection_ncaches(const struct collection *co)
{
	return co->ncaches;
}

size_t
collection_octets(const struct collection *co)
{
	return co->octets;
}

const char *
collection_default(struct collection *co)
{
	uint32_t now = now_s();

	if (co->default_name != NULL)
		return co->default_name;
	for (struct cache *ca = co->first; ca != NULL; ca = ca->next) {
		const struct cred *tgt = cache_tgt(ca);

		if (tgt != NULL && !cred_expired(tgt, now))
			return ca->name;
	}
	return co->first != NULL ? co->first->name : "0";
}

void
collection_rename_default(struct collection *co, char *name)
{
	free(co->default_name);
	co->default_name = name;
}

kcode
collection_set_default(struct collection *co, const char *name)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return KRB5_CC_NOMEM;
	collection_rename_default(co, copy);
	journal_name(co, REC_DEFAULT, name, NULL);
	journal_commit(co);
	return 0;
}

kcode
collection_new_name(struct collection *co, char name[CACHE_NAME_MAX + 1])
{
	do {
		snprintf(name, CACHE_NAME_MAX + 1, "%llu", (unsigned long long)co->next_name++);
	} while (cache_by_name(co, name) != NULL ||
		 (co->default_name != NULL && strcmp(co->default_name, name) == 0));
	return 0;
}
