/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets that programs keep in caches of their own, and tickets found by
 * their octets: what the KDC endpoint needs of the store. The kept ones of a
 * collection are in a cache that is in none of its tables and lists.
 */
#include <krb5.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/cache/private.h"

/* ---- by the ticket */

/*
 * The end of a Ticket is the end of what is encrypted in it: no two have the same,
 * and it stays as it is when a client writes what is around it anew.
 */
#define END_OCTETS 128u

static struct rd
end_of(struct rd ticket)
{
	size_t n = ticket.len < END_OCTETS ? ticket.len : END_OCTETS;

	return (struct rd){ n > 0 ? ticket.at + (ticket.len - n) : NULL, n };
}

static struct rd
ticket_of(const struct cred *cr)
{
	struct wire_cred wc;

	return cred_parse(cr, &wc) == 0 ? wc.ticket : (struct rd){ NULL, 0 };
}

static uint64_t
ticket_hash(struct rd ticket)
{
	struct wire_princ pr = { .realm = end_of(ticket) };

	return wire_princ_hash(&pr);
}

int
ticket_add(struct cred *cr)
{
	struct store *st = cr->cache->collection->store;

	return table_add(&st->tickets, &cr->by_ticket, ticket_hash(ticket_of(cr)));
}

void
ticket_del(struct cred *cr)
{
	table_del(&cr->cache->collection->store->tickets, &cr->by_ticket);
}

void
store_each_ticket(struct store *st, struct rd ticket, bool (*fn)(struct cred *, void *), void *arg)
{
	struct node *no = table_first(&st->tickets, ticket_hash(ticket));
	struct rd end = end_of(ticket);

	for (; no != NULL; no = table_next(no)) {
		struct cred *cr = NODE_OF(no, struct cred, by_ticket);
		struct rd mine = end_of(ticket_of(cr));

		if (mine.len == end.len && mine.len > 0 && memcmp(mine.at, end.at, mine.len) == 0 &&
		    fn(cr, arg))
			return;
	}
}

/* ---- kept */

static struct cache *
kept_of(struct collection *co)
{
	struct cache *ca = co->kept;

	if (ca != NULL)
		return ca;
	ca = cache_new(co, "", (struct rd){ (const uint8_t *)"", 0 });
	if (ca == NULL)
		return NULL;
	ca->kept = ca->linked = true;
	co->kept = ca;
	return ca;
}

int
kept_link(struct collection *co, struct cred *cr, uint64_t serial)
{
	struct cache *ca = kept_of(co);

	cr->is_tgt_class = true; /* lsaiso said so, whatever the name */
	return ca != NULL ? cred_link(ca, cr, serial) : -1;
}

void
kept_drop(struct cred *cr)
{
	cred_unlink(cr);
	cred_free(cr);
}

void
kept_remove(struct cred *cr)
{
	journal_remove(cr);
	kept_drop(cr);
}

size_t
kept_purge(struct collection *co, uint32_t now, bool dead)
{
	size_t n = 0;

	if (co->kept == NULL)
		return 0;
	for (struct cred *cr = co->kept->first, *next; cr != NULL; cr = next) {
		next = cr->next;
		/* Who has a dead one is told to log on again, for as long as it would live. */
		if ((int64_t)cr->endtime > (int64_t)now + cr->kdc_offset &&
		    !(dead && cr->logon->dead))
			continue;
		kept_remove(cr);
		n++;
	}
	co->store->purged += n;
	return n;
}

/* Room for one more: what is of no use goes first, then what was not used for longest. */
static kcode
kept_room(struct collection *co, size_t cost)
{
	kcode code;

	if (collection_nkept(co) >= co->store->cf->limits_tickets)
		(void)kept_purge(co, now_s(), true);
	while (collection_nkept(co) >= co->store->cf->limits_tickets) {
		co->store->evicted++;
		kept_remove(co->kept->first);
	}
	code = room_octets(co, NULL, cost, true);
	journal_commit(co);
	return code;
}

static struct cred *
kept_new(struct rd octets, struct logon *lo, struct rd blob)
{
	struct rd in = octets;
	struct wire_cred wc;
	struct cred *cr;

	if (wire_cred(&in, &wc) != 0 || (cr = cred_new(octets, &wc)) == NULL)
		return NULL;
	cr->blob = malloc(blob.len);
	if (cr->blob == NULL) {
		cred_free(cr);
		return NULL;
	}
	memcpy(cr->blob, blob.at, blob.len);
	cr->blob_len = (uint16_t)blob.len;
	cr->logon = logon_ref(lo);
	return cr;
}

kcode
collection_keep_ticket(struct collection *co, struct rd cred, uint32_t session, uint32_t generation,
		       struct rd blob, int32_t kdc_offset, bool loose)
{
	struct logon *lo = logon_find(co->store, co->uid, session, generation);
	struct rd in = cred;
	struct wire_cred wc;
	struct cred *cr;
	kcode code;

	if (wire_cred(&in, &wc) != 0 || in.len != 0 || wire_is_config(&wc.server) ||
	    blob.len == 0 || blob.len > ISO_BLOB_MAX)
		return KRB5_CC_FORMAT;
	if (lo == NULL)
		return KRB5_CC_NOTFOUND;
	(void)logon_ref(lo); /* making room must not end it */
	code = kept_room(co, sizeof(*cr) + cred.len + blob.len);
	cr = code == 0 ? kept_new(cred, lo, blob) : NULL;
	logon_unref(lo);
	if (cr == NULL)
		return code != 0 ? code : KRB5_CC_NOMEM;
	cr->kdc_offset = kdc_offset;
	cr->loose = loose;
	if (kept_link(co, cr, ++co->next_serial) != 0) {
		cred_free(cr);
		return KRB5_CC_NOMEM;
	}
	journal_kept(cr);
	journal_commit(co);
	return 0;
}

struct cache *
collection_kept(const struct collection *co)
{
	return collection_nkept(co) > 0 ? co->kept : NULL;
}

size_t
collection_nkept(const struct collection *co)
{
	return co->kept != NULL ? co->kept->ncreds : 0;
}

size_t
collection_drop_kept(struct collection *co, const struct logon *lo)
{
	size_t n = 0;

	for (struct cred *cr = co->kept != NULL ? co->kept->first : NULL, *next; cr != NULL;
	     cr = next) {
		next = cr->next;
		if (lo != NULL && cr->logon != lo)
			continue;
		kept_remove(cr);
		n++;
	}
	if (n > 0)
		journal_commit(co);
	return n;
}

void
cred_touch(struct cred *cr)
{
	struct cache *ca = cr->cache;

	if (!ca->kept || ca->last == cr)
		return;
	*(cr->prev != NULL ? &cr->prev->next : &ca->first) = cr->next;
	cr->next->prev = cr->prev;
	cr->prev = ca->last;
	cr->next = NULL;
	ca->last->next = cr;
	ca->last = cr;
}

void
kept_free(struct collection *co)
{
	cache_free(co->kept);
	co->kept = NULL;
}
