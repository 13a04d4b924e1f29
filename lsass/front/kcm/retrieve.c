/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RETRIEVE: the operation by which a client that holds only a stand-in gets
 * its service tickets. A ticket that is not in the cache is fetched. The
 * order of the rules below is the protection; clients tell the codes apart:
 *
 *   END, NOTFOUND      the client goes on by itself, with its stand-in
 *   a KDC's code       it stops and shows that
 *   INTERNAL, NOSUPP, IO  never here: it would iterate and then go on
 */
#include <krb5.h>
#include <time.h>

#include "lib/config.h"
#include "lsass/front/kcm/private.h"
#include "lsass/tgs/tgs.h"

#define TGTS_MOST 16
#define LONG_ASK  60 /* an end time that is nearer than this only means "valid now" */

static kcode
hit(struct call *ca, const struct cred *cr)
{
	reply_put(ca->reply, cr->octets, cr->len);
	return 0;
}

/* Realms that are notes between programs, never a KDC's. */
static bool
local_realm(const struct wire_princ *server)
{
	return wire_is(server->realm, "X-CACHECONF:") || wire_is(server->realm, "X-GSSPROXY:");
}

/* Only what is there counts: config entries, notes of gssproxy. */
static kcode
from_cache(struct call *ca, uint32_t flags, const struct wire_cred *match)
{
	const struct cred *cr = cache_match(ca->cache, flags, match);

	return cr != NULL && !cred_hidden(cr) ? hit(ca, cr) : KRB5_CC_END;
}

static bool
is_krbtgt(const struct wire_princ *server)
{
	return server->ncomp == 2 && wire_is(server->comp[0], "krbtgt");
}

/* krbtgt/R@R of the cache's own realm. */
static bool
own_tgt(const struct wire_princ *server, const struct wire_princ *client)
{
	struct wire_princ own = { .realm = client->realm, .ncomp = 2 };

	own.comp[0] = server->comp[0];
	own.comp[1] = client->realm;
	return is_krbtgt(server) && wire_princ_equal(server, &own);
}

static bool
usable(const struct cred *cr, uint32_t now)
{
	return cr->is_tgt_class && cr->blob_len > 0 && !cred_expired(cr, now);
}

static struct tgs_tgt
view(const struct cred *cr)
{
	return (struct tgs_tgt){ .cred = { cr->octets, cr->len },
				 .session = cr->logon->session,
				 .generation = cr->logon->generation,
				 .blob = { cr->blob, cr->blob_len } };
}

/* The TGTs of the cache that still work: its own realm's first. */
static size_t
collect_tgts(struct cache *cache, struct tgs_tgt tgts[TGTS_MOST])
{
	const struct cred *own = cache_tgt(cache);
	uint32_t now = (uint32_t)time(NULL);
	size_t n = 0;

	if (own == NULL || !usable(own, now))
		return 0;
	tgts[n++] = view(own);
	for (const struct cred *cr = cache->first; cr != NULL && n < TGTS_MOST; cr = cr->next) {
		if (cr != own && usable(cr, now))
			tgts[n++] = view(cr);
	}
	return n;
}

/* What came from the KDC goes into the cache, the last of it to the client. */
static void
done(void *arg, int32_t code, const struct tgs_ticket *tickets, size_t n)
{
	struct client *cl = arg;
	struct cache *cache = cache_by_id(cl->co, cl->cache_id);
	struct reply *re = &cl->kcm->reply;

	cl->ticket = 0;
	if (code == 0 && n == 0)
		code = KRB5_CC_NOTFOUND;
	if (code == 0 && cache == NULL)
		code = KRB5_FCC_NOFILE; /* destroyed or logged on anew meanwhile */
	if (!cl->inside)
		reply_begin(re);
	for (size_t i = 0; code == 0 && i < n; i++)
		(void)cache_store_sealed(cache, tickets[i].cred, tickets[i].session,
					 tickets[i].generation, tickets[i].blob);
	if (code == 0)
		reply_put(re, tickets[n - 1].cred.at, tickets[n - 1].cred.len);
	if (cl->inside) {
		cl->late = code;
		return;
	}
	kcm_finish(re, code);
	kcm_answer(cl);
}

static kcode
fetch(struct call *ca, uint32_t flags, const struct wire_cred *match)
{
	struct tgs_tgt tgts[TGTS_MOST];
	struct tgs_request req = {
		.uid = collection_uid(ca->co),
		.cache_id = ca->cache->id,
		.tgts = tgts,
		.client = { ca->cache->principal, ca->cache->principal_len },
		.server = match->server.octets,
		.kdc_offset = ca->cache->kdc_offset,
	};

	req.ntgts = collect_tgts(ca->cache, tgts);
	if (req.ntgts == 0)
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	if ((flags & MATCH_KEYTYPE) != 0)
		req.etype = match->etype;
	if ((flags & MATCH_TIMES) != 0 && (int64_t)match->endtime > (int64_t)time(NULL) + LONG_ASK)
		req.endtime = match->endtime;
	if ((flags & MATCH_2ND_TKT) != 0) {
		req.user_to_user = true;
		req.second_ticket = match->second_ticket;
	}
	ca->cl->cache_id = ca->cache->id;
	ca->cl->ticket = tgs_submit(ca->cl->kcm->tgs, &req, done, ca->cl);
	return ca->cl->ticket != 0 ? KCM_LATER : ca->cl->late;
}

/* In the name of others the client asks for itself, where it can: at the KDC endpoint. */
static bool
s4u_elsewhere(const struct config *cf)
{
	return cf->delegation_s4u && (cf->kdc_listen[0] != '\0' || cf->kdc_socket[0] != '\0');
}

/* Not in the cache: may it be asked for? */
static kcode
miss(struct call *ca, uint32_t flags, const struct wire_cred *match)
{
	struct rd in = { ca->cache->principal, ca->cache->principal_len };
	struct cred *tgt = cache_tgt(ca->cache);
	struct wire_princ own;
	bool any_realm = (flags & (MATCH_SRV_NAMEONLY | MATCH_DONT_MATCH_REALM)) != 0;

	if (tgt == NULL || wire_princ(&in, &own) != 0)
		return KRB5_CC_NOTFOUND; /* a cache of service tickets only */
	if (is_krbtgt(&match->server) && any_realm)
		return KRB5_CC_NOTFOUND; /* a probe of a client that walks realms itself */
	if (cred_expired(tgt, (uint32_t)time(NULL)))
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	if (own_tgt(&match->server, &own))
		return KRB5_CC_NOTFOUND;
	/* S4U2Proxy: evidence without a session key; S4U2Self: for somebody else */
	if (((flags & MATCH_2ND_TKT) != 0 && !match->is_skey) ||
	    (match->client.octets.len > 0 && !wire_princ_equal(&match->client, &own)))
		return s4u_elsewhere(ca->cl->kcm->cf) ? KRB5_CC_NOTFOUND : KRB5KDC_ERR_POLICY;
	return fetch(ca, flags, match);
}

kcode
kcm_retrieve(struct call *ca)
{
	struct wire_cred match;
	const struct cred *cr;
	uint32_t flags;

	if (wire_u32(&ca->in, &flags) != 0 || wire_mcred(&ca->in, &match) != 0 || ca->in.len != 0)
		return KRB5_CC_FORMAT;
	if (match.server.octets.len == 0 || local_realm(&match.server))
		return from_cache(ca, flags, &match);
	/* An expired service ticket is none; a TGT says itself that it expired. */
	if ((flags & MATCH_TIMES) == 0 && !wire_is_tgt_class(&match.server, match.is_skey)) {
		flags |= MATCH_TIMES;
		match.endtime = (uint32_t)((int64_t)time(NULL) + ca->cache->kdc_offset);
		match.renew_till = 0;
	}
	cr = cache_match(ca->cache, flags, &match);
	if (cr != NULL)
		return hit(ca, cr);
	return miss(ca, flags, &match);
}
