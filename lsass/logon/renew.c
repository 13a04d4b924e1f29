/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which ticket is due, and who renews it. */
#include "lsass/logon/renew.h"

#include <errno.h>
#include <krb5.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/logon/work.h"
#include "lsass/tgs/tgs.h"

#define WAIT_LEAST 2u /* seconds after a failure, then twice as long each time */
#define WAIT_FIRST 30u
#define WAIT_MOST  1800u

/* What is planned for the ticket of a cache. */
struct renewal {
	uint32_t endtime; /* of the ticket that the plan is for */
	uint32_t at;	  /* when it is due, our clock; 0: never */
	uint32_t fails;
	bool busy;
};

/* A renewal under way. */
struct flight {
	struct logons *lg;
	uid_t uid;
	uint64_t cache_id;
	renew_done *done;
	void *arg;
};

static uint32_t
now_s(void)
{
	return (uint32_t)time(NULL);
}

/* Of the KDC's clock to ours. */
static int64_t
ours(const struct cache *ca, uint32_t at)
{
	return (int64_t)at - ca->kdc_offset;
}

static bool
parse(const struct cred *tgt, struct wire_cred *wc)
{
	struct rd in = { tgt->octets, tgt->len };

	return wire_cred(&in, wc) == 0;
}

static bool
is_renewable(const struct wire_cred *wc)
{
	return (wc->flags & TKT_FLG_RENEWABLE) != 0 && wc->renew_till > wc->endtime;
}

static const struct held *
keeper(const struct cred *tgt)
{
	const struct held *he = tgt->logon->held;

	return he != NULL && he->key_len != 0 ? he : NULL;
}

/* ---- plans */

static struct renewal *
plan_of(struct cache *ca)
{
	if (ca->renewal == NULL)
		ca->renewal = calloc(1, sizeof(*ca->renewal));
	return ca->renewal;
}

/* At two thirds of its life, give or take a twelfth, so that not all come at once. */
static void
plan(struct cache *ca, const struct cred *tgt, struct renewal *re)
{
	struct wire_cred wc;
	uint32_t start, life;

	re->endtime = tgt->endtime;
	re->at = re->fails = 0;
	if (!parse(tgt, &wc) || (!is_renewable(&wc) && keeper(tgt) == NULL))
		return;
	start = wc.starttime != 0 ? wc.starttime : wc.authtime;
	life = wc.endtime > start ? wc.endtime - start : 0;
	re->at = (uint32_t)(ours(ca, start) + life * 2ll / 3 - life / 12);
	if (life >= 12)
		re->at += (uint32_t)random() % (life / 6);
}

static void
put_off(const struct cache *ca, struct renewal *re)
{
	int64_t left = ours(ca, re->endtime) - now_s();
	uint32_t wait = re->fails < 6 ? WAIT_FIRST << re->fails : WAIT_MOST;

	if (left > 0 && wait > left / 4)
		wait = (uint32_t)(left / 4);
	if (wait < WAIT_LEAST)
		wait = WAIT_LEAST;
	re->at = now_s() + wait;
	re->fails++;
}

/* ---- the end of a renewal */

static void
finish(struct flight *fl, struct cache *ca, int32_t code)
{
	struct renewal *re = ca != NULL ? ca->renewal : NULL;
	char text[LOGONS_TEXT] = "?";
	const struct cred *tgt = ca != NULL ? cache_tgt(ca) : NULL;
	const char *why = code != 0 ? krb5_get_error_message(NULL, code) : NULL;

	if (tgt != NULL)
		logons_text(tgt->logon, text);
	if (re != NULL) {
		re->busy = false;
		if (code == 0)
			re->endtime = 0; /* plan anew */
		else if (re->fails == 0)
			log_warn("uid %u: the ticket in cache %s (session %s) could not be "
				 "renewed: %s; tried again until it ends",
				 (unsigned int)fl->uid, ca->name, text, why);
		if (code != 0)
			put_off(ca, re);
	}
	if (code == 0 && ca != NULL)
		log_info("uid %u: the ticket in cache %s (session %s) was renewed",
			 (unsigned int)fl->uid, ca->name, text);
	krb5_free_error_message(NULL, why);
	if (fl->done != NULL)
		fl->done(fl->arg, code);
	free(fl);
}

static struct cache *
cache_of(const struct flight *fl)
{
	struct collection *co = store_collection(fl->lg->store, fl->uid);

	return co != NULL ? cache_by_id(co, fl->cache_id) : NULL;
}

/* ---- by a key that is kept */

static void
again_done(struct pool_job *job, bool ran)
{
	struct work *wo = work_of(job);
	struct flight *fl = wo->arg;
	struct cache *ca = cache_of(fl);
	int32_t code = ECANCELED;

	if (ran)
		code = wo->step == WORK_DONE ? 0 : wo->code != 0 ? wo->code : KRB5KDC_ERR_POLICY;
	if (code == 0)
		code = ca != NULL && !wo->logon->dead ? logons_refresh(ca, &wo->as)
						      : KRB5_CC_NOTFOUND;
	work_free(wo);
	finish(fl, ca, code);
}

/* A key of the logon, and of what type. */
struct key {
	struct rd blob;
	int32_t etype;
};

static bool
submit_again(struct flight *fl, const struct cred *tgt, struct key key)
{
	struct work *wo = work_new(fl->lg, tgt->logon, tgt->logon->held->name);

	if (wo == NULL)
		return false;
	wo->job.run = work_again;
	wo->job.done = again_done;
	wo->renewable = fl->lg->cf->logon_renew ? (int32_t)fl->lg->cf->logon_lifetime : 0;
	memcpy(wo->key, key.blob.at, key.blob.len);
	wo->key_len = key.blob.len;
	wo->key_etype = key.etype;
	wo->arg = fl;
	if (pool_submit(fl->lg->pool, &wo->job) == 0)
		return true;
	work_free(wo);
	return false;
}

static bool
again(struct flight *fl, const struct cred *tgt)
{
	const struct held *he = keeper(tgt);

	return he != NULL &&
	       submit_again(fl, tgt, (struct key){ { he->key, he->key_len }, he->key_etype });
}

void
renew_after_unlock(struct logons *lg, struct cache *ca, const struct work *wo)
{
	struct renewal *re = plan_of(ca);
	const struct cred *tgt = cache_tgt(ca);
	struct key key = { { wo->key, wo->key_len }, wo->key_etype };
	struct flight *fl;

	if (re == NULL || re->busy || tgt == NULL || tgt->logon != wo->logon ||
	    !cred_expired(tgt, now_s()))
		return;
	fl = calloc(1, sizeof(*fl));
	if (fl == NULL)
		return;
	*fl = (struct flight){ lg, collection_uid(ca->collection), ca->id, NULL, NULL };
	re->busy = submit_again(fl, tgt, key);
	if (!re->busy)
		free(fl);
}

/* ---- by the ticket itself */

static void
tgs_done_renew(void *arg, int32_t code, const struct tgs_ticket *tickets, size_t n)
{
	struct flight *fl = arg;
	struct cache *ca = cache_of(fl);
	const struct tgs_ticket *last = code == 0 && n > 0 ? &tickets[n - 1] : NULL;
	const struct cred *tgt = ca != NULL ? cache_tgt(ca) : NULL;

	if (ca == NULL)
		code = KRB5_CC_NOTFOUND;
	else if (last != NULL && last->blob.len > 0)
		code = cache_store_sealed(ca, last->cred, last->session, last->generation,
					  last->blob);
	else if (code == 0)
		code = KRB5_KDCREP_MODIFIED;
	if (code != 0 && tgt != NULL && again(fl, tgt))
		return;
	finish(fl, ca, code);
}

static void
by_ticket(struct flight *fl, struct cache *ca, const struct cred *tgt, const struct wire_cred *wc)
{
	struct tgs_tgt own = { .cred = { tgt->octets, tgt->len },
			       .session = tgt->logon->session,
			       .generation = tgt->logon->generation,
			       .blob = { tgt->blob, tgt->blob_len } };
	struct tgs_request req = { .uid = fl->uid,
				   .cache_id = ca->id,
				   .tgts = &own,
				   .ntgts = 1,
				   .client = { ca->principal, ca->principal_len },
				   .server = wc->server.octets,
				   .renew = true,
				   .kdc_offset = ca->kdc_offset };

	(void)tgs_submit(fl->lg->tgs, &req, tgs_done_renew, fl);
}

void
renew_now(struct logons *lg, struct cache *ca, renew_done *done, void *arg)
{
	struct flight *fl = calloc(1, sizeof(*fl));
	struct renewal *re = plan_of(ca);
	const struct cred *tgt = cache_tgt(ca);
	struct wire_cred wc;

	if (fl == NULL || re == NULL) {
		free(fl);
		if (done != NULL)
			done(arg, ENOMEM);
		return;
	}
	*fl = (struct flight){ lg, collection_uid(ca->collection), ca->id, done, arg };
	re->busy = true;
	if (tgt == NULL || tgt->logon->dead || !parse(tgt, &wc))
		finish(fl, ca, KRB5KRB_AP_ERR_TKT_EXPIRED);
	else if (is_renewable(&wc) && !cred_expired(tgt, now_s()))
		by_ticket(fl, ca, tgt, &wc);
	else if (!again(fl, tgt))
		finish(fl, ca, KRB5KDC_ERR_BADOPTION);
}

/* ---- the end for good */

uint32_t
renew_ends(const struct logons *lg, struct cache *ca, bool *more)
{
	const struct cred *tgt = cache_tgt(ca);
	struct wire_cred wc;
	int64_t ends;

	*more = false;
	if (tgt == NULL || !parse(tgt, &wc))
		return 0;
	ends = ours(ca, wc.endtime);
	*more = is_renewable(&wc) || keeper(tgt) != NULL;
	if (keeper(tgt) != NULL)
		ends = tgt->logon->expires;
	else if (lg->cf->logon_renew && is_renewable(&wc))
		ends = ours(ca, wc.renew_till);
	if (ends > tgt->logon->expires)
		ends = tgt->logon->expires;
	return ends > 0 ? (uint32_t)ends : 0;
}

static void
notice(const struct logons *lg, struct cache *ca, struct held *he)
{
	uint32_t now = now_s(), ends;
	char text[LOGONS_TEXT];
	bool more;

	if (he == NULL || he->told || lg->cf->logon_notice_seconds == 0)
		return;
	ends = renew_ends(lg, ca, &more);
	if (ends <= now || ends - now > (uint32_t)lg->cf->logon_notice_seconds)
		return;
	he->told = true;
	logons_text(he->logon, text);
	log_notice("uid %u: the logon of %s (session %s) ends in %u s; log on again: lsactl logon",
		   (unsigned int)he->logon->owner, he->principal != NULL ? he->principal : he->name,
		   text, ends - now);
}

/* ---- every few seconds */

static bool
is_due(const struct logons *lg, struct cache *ca, const struct cred *tgt, uint32_t now)
{
	struct renewal *re = plan_of(ca);

	if (re == NULL || re->busy)
		return false;
	if (re->endtime != tgt->endtime)
		plan(ca, tgt, re);
	return re->at != 0 && now >= re->at && (keeper(tgt) != NULL || !cred_expired(tgt, now));
}

static bool
look(struct cache *ca, void *arg)
{
	struct logons *lg = arg;
	const struct cred *tgt = cache_tgt(ca);
	struct held *he = tgt != NULL ? tgt->logon->held : NULL;

	if (tgt == NULL || tgt->logon->dead || (he != NULL && he->locked))
		return false;
	notice(lg, ca, he);
	if (lg->cf->logon_renew && is_due(lg, ca, tgt, now_s()))
		renew_now(lg, ca, NULL, NULL);
	return false;
}

static bool
look_at_all(struct collection *co, void *arg)
{
	collection_each_cache(co, look, arg);
	return false;
}

void
renew_tick(struct logons *lg)
{
	store_each_collection(lg->store, look_at_all, lg);
}
