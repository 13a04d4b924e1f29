/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quotas per uid, and who goes first: expired tickets, then caches in which
 * nothing is live (the one that expired first), then, only for somebody who
 * logs on, the oldest service tickets. A user with old junk is never locked
 * out; a user with live credentials at the quota gets KRB5_CC_WRITE.
 */
#include <krb5.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/cache/private.h"

/* Does the cache hold nothing live? last: when its last ticket ended. */
static bool
all_expired(const struct cache *ca, uint32_t now, uint32_t *last)
{
	*last = 0;
	for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (cr->is_config)
			continue;
		if (!cred_expired(cr, now))
			return false;
		if (cr->endtime > *last)
			*last = cr->endtime;
	}
	return true;
}

/* Destroy the cache that expired first. keep is not touched. */
static bool
evict_cache(struct collection *co, const struct cache *keep)
{
	struct cache *oldest = NULL;
	uint32_t now = now_s(), last, first_last = UINT32_MAX;

	for (struct cache *ca = co->first; ca != NULL; ca = ca->next) {
		if (ca != keep && all_expired(ca, now, &last) && last < first_last) {
			oldest = ca;
			first_last = last;
		}
	}
	if (oldest == NULL)
		return false;
	log_info("uid %u: expired cache %s makes room", co->uid, oldest->name);
	co->store->evicted++;
	cache_destroy(oldest);
	return true;
}

kcode
room_cache(struct collection *co, const char *name)
{
	if (cache_by_name(co, name) != NULL)
		return 0;
	while (co->ncaches >= co->store->cf->limits_caches) {
		if (!evict_cache(co, NULL)) {
			log_notice("uid %u: no room for cache %s: limits caches_per_user = %zu",
				   co->uid, name, (size_t)co->store->cf->limits_caches);
			return KRB5_CC_WRITE;
		}
	}
	return 0;
}

/* Drop the oldest service ticket of ca except `spare`. */
static bool
drop_oldest(struct cache *ca, const struct cred *spare)
{
	for (struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (cr == spare || cr->is_config || cr->is_tgt_class)
			continue;
		ca->collection->store->evicted++;
		(void)cache_remove(ca, cr);
		return true;
	}
	return false;
}

static bool
drop_oldest_anywhere(struct collection *co, const struct cred *spare)
{
	for (struct cache *ca = co->first; ca != NULL; ca = ca->next) {
		if (drop_oldest(ca, spare))
			return true;
	}
	return false;
}

static kcode
room_octets_but(struct collection *co, struct cache *keep, size_t cost, bool urgent,
		const struct cred *spare)
{
	size_t limit = co->store->cf->limits_octets;
	uint32_t now = now_s();

	if (co->octets + cost <= limit)
		return 0;
	for (struct cache *ca = co->first; ca != NULL; ca = ca->next)
		cache_purge(ca, now);
	if (kept_purge(co, now, true) > 0)
		journal_commit(co);
	while (co->octets + cost > limit) {
		if (evict_cache(co, keep))
			continue;
		if (cost <= limit && urgent && drop_oldest_anywhere(co, spare))
			continue;
		log_notice("uid %u: no room for %zu octets: limits octets_per_user = %zu", co->uid,
			   cost, limit);
		return KRB5_CC_WRITE;
	}
	return 0;
}

kcode
room_octets(struct collection *co, struct cache *keep, size_t cost, bool urgent)
{
	return room_octets_but(co, keep, cost, urgent, NULL);
}

kcode
room_cred(struct cache *ca, const struct wire_cred *wc, size_t len, bool urgent)
{
	struct collection *co = ca->collection;
	size_t limit = co->store->cf->limits_tickets;
	struct cred *twin = cred_twin(ca, wc, wire_princ_hash(&wc->server));
	size_t cost = sizeof(*twin) + len, less = twin != NULL ? cred_cost(twin) : 0;

	if (twin == NULL && ca->ncreds >= limit)
		cache_purge(ca, now_s());
	while (twin == NULL && ca->ncreds >= limit) {
		if (urgent && drop_oldest(ca, NULL))
			continue;
		log_notice("uid %u, cache %s: full: limits tickets_per_cache = %zu", co->uid,
			   ca->name, limit);
		return KRB5_CC_WRITE;
	}
	return room_octets_but(co, ca, cost > less ? cost - less : 0, urgent, twin);
}
