/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.Lock, Unlock, Logoff and Renew, and what all methods about logons share. */
#include <krb5.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/admin/logons.h"
#include "lsass/logon/renew.h"

/* ---- calls */

bool
ask_begin(struct ask *as, const struct admin_view *view, uid_t uid, const json_t *is)
{
	struct admin_error error = { 0 };

	*as = (struct ask){ .logons = view->logons, .uid = uid, .is = is };
	as->later = admin_later(view, NULL, NULL);
	if (as->later == NULL)
		return false;
	if (admin_whose(uid, is, &as->owner, &error) == 0)
		return true;
	ask_refuse(as, error.name, "%s", error.message);
	return false;
}

void
ask_refuse(struct ask *as, const char *name, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	admin_refuse(as->later, name, json_pack("{s:s}", "message", text));
}

const char *
ask_text(const struct ask *as, const char *key)
{
	const char *text = json_string_value(json_object_get(as->is, key));

	return text != NULL ? text : "";
}

bool
ask_flag(const struct ask *as, const char *key)
{
	return json_is_true(json_object_get(as->is, key));
}

bool
ask_box(struct ask *as, const char *key, uint8_t box[ISO_BOX])
{
	if (hex_get(ask_text(as, key), box, ISO_BOX) == (long)ISO_BOX)
		return true;
	ask_refuse(as, "InvalidParameter", "%s must be %u hexadecimal digits", key, 2 * ISO_BOX);
	return false;
}

bool
ask_absorb(struct ask *as, const struct logon *lo, uint32_t kind, struct iso_rep_logon_absorb *is,
	   enum iso_status *status)
{
	struct iso_req_logon_absorb ask = { .session = lo->session,
					    .generation = lo->generation,
					    .owner = lo->owner };
	uint8_t box[ISO_BOX];

	if (!ask_box(as, "box", box))
		return false;
	ask.box = (struct rd){ box, sizeof(box) };
	*status = ask_logon_absorb(&ask, is);
	if (*status == ISO_OK && is->kind != kind)
		*status = ISO_E_KIND;
	return true;
}

void
ask_refuse_key(struct ask *as, enum iso_status status)
{
	ask_refuse(as, "Failed", "lsaiso does not take the key: %s",
		   rpc_status_text((uint32_t)status));
}

static void
cancel(void *arg)
{
	struct work *wo = arg;

	pool_cancel(wo->logons->pool, &wo->job);
}

void
ask_submit(struct ask *as, struct work *wo)
{
	wo->later = as->later;
	if (pool_submit(wo->logons->pool, &wo->job) == 0) {
		admin_later_gone(as->later, cancel, wo);
		return;
	}
	if (wo->logon->held != NULL)
		wo->logon->held->at_work = false;
	work_free(wo);
	ask_refuse(as, "Failed", "too many logons are waiting; try again later");
}

/* ---- which */

struct choice {
	uid_t owner;
	size_t n;
	struct logon *first;
	char list[512];
};

static bool
consider(struct logon *lo, void *arg)
{
	struct choice *ch = arg;
	size_t len = strlen(ch->list);
	char text[LOGONS_TEXT];

	if (lo->dead || lo->owner != ch->owner || (lo->held != NULL && lo->held->begun))
		return false;
	if (ch->n++ == 0)
		ch->first = lo;
	logons_text(lo, text);
	(void)snprintf(ch->list + len, sizeof(ch->list) - len, "%s%s%s%s%s", len > 0 ? ", " : "",
		       text, lo->held != NULL ? " (" : "",
		       lo->held == NULL		     ? ""
		       : lo->held->principal != NULL ? lo->held->principal
						     : lo->held->name,
		       lo->held != NULL ? ")" : "");
	return false;
}

struct logon *
ask_logon(struct ask *as)
{
	const char *text = ask_text(as, "session");
	struct choice ch = { .owner = as->owner };
	struct logon *lo;

	if (text[0] != '\0') {
		lo = logons_by_text(as->logons, text);
		if (lo != NULL && (as->uid == 0 || lo->owner == as->uid))
			return lo;
		ask_refuse(as, "NotFound", "you have no session %.32s; see lsactl sessions", text);
		return NULL;
	}
	store_each_logon(as->logons->store, consider, &ch);
	if (ch.n == 1)
		return ch.first;
	if (ch.n == 0)
		ask_refuse(as, "NotFound", "there is no session; log on with lsactl logon");
	else
		ask_refuse(as, "InvalidParameter", "there are %zu sessions, name one: %s", ch.n,
			   ch.list);
	return NULL;
}

struct held *
ask_begun(struct ask *as, const char *what)
{
	const char *principal = ask_text(as, "principal");
	struct logon *lo = ask_logon(as);
	struct held *he = lo != NULL ? lo->held : NULL;

	if (lo == NULL)
		return NULL;
	if (he != NULL && he->begun && !he->at_work && strcmp(principal, he->name) == 0)
		return he;
	ask_refuse(as, "InvalidParameter",
		   "that session does not wait for %s of this principal; begin one with LogonStart",
		   what);
	return NULL;
}

/* All of the owner's, or with "session" that one. */
struct each {
	uid_t owner;
	struct logon *logon[64];
	size_t n;
};

static bool
collect(struct logon *lo, void *arg)
{
	struct each *ea = arg;

	if (lo->dead || lo->owner != ea->owner)
		return false;
	ea->logon[ea->n++] = logon_ref(lo);
	return ea->n == sizeof(ea->logon) / sizeof(ea->logon[0]);
}

static bool
ask_each(struct ask *as, struct each *ea)
{
	struct logon *lo;

	*ea = (struct each){ .owner = as->owner };
	if (ask_flag(as, "all")) {
		store_each_logon(as->logons->store, collect, ea);
		return true;
	}
	lo = ask_logon(as);
	if (lo != NULL)
		ea->logon[ea->n++] = logon_ref(lo);
	return lo != NULL;
}

static void
each_free(struct each *ea)
{
	for (size_t i = 0; i < ea->n; i++)
		logon_unref(ea->logon[i]);
}

/* ---- Logoff */

json_t *
method_logoff(const struct admin_view *view, uid_t uid, const json_t *ask,
	      struct admin_error *error)
{
	size_t caches = 0, sessions = 0;
	char text[LOGONS_TEXT];
	struct each ea;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || !ask_each(&as, &ea))
		return NULL;
	do { /* more than fit in one go: as often as it takes */
		for (size_t i = 0; i < ea.n; i++) {
			logons_text(ea.logon[i], text);
			log_info("uid %u: session %s ended by uid %u (logoff)",
				 (unsigned int)ea.logon[i]->owner, text, (unsigned int)uid);
			caches += logons_end(as.logons, ea.logon[i]);
		}
		sessions += ea.n;
		each_free(&ea);
		ea.n = 0;
		if (ask_flag(&as, "all"))
			store_each_logon(as.logons->store, collect, &ea);
	} while (ea.n > 0);
	admin_answer(as.later, json_pack("{s:I, s:I}", "sessions", (json_int_t)sessions, "caches",
					 (json_int_t)caches));
	return NULL;
}

/* ---- Lock */

json_t *
method_lock(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	enum iso_status status = ISO_OK;
	size_t locked = 0;
	struct each ea;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || !ask_each(&as, &ea))
		return NULL;
	for (size_t i = 0; i < ea.n; i++)
		locked += logons_lock(ea.logon[i], &status) > 0;
	each_free(&ea);
	if (status != ISO_OK)
		ask_refuse(&as, "Failed", "lsaiso does not lock: %s",
			   rpc_status_text((uint32_t)status));
	else if (locked == 0)
		ask_refuse(&as, "NotFound",
			   "there is no session to lock that has a password to unlock it with; "
			   "one of kinit can be ended: lsactl logoff");
	else
		admin_answer(as.later, json_pack("{s:I}", "sessions", (json_int_t)locked));
	return NULL;
}

/* ---- Unlock */

static bool
still_there(const struct logon *lo)
{
	struct iso_req_session_info req = { .session = lo->session,
					    .generation = lo->generation,
					    .owner = lo->owner };
	struct iso_rep_session_info is;
	enum iso_status status = ask_session_info(&req, &is);

	return status != ISO_E_SESSION && status != ISO_E_EXPIRED;
}

static void
refuse_password(struct work *wo, struct held *he)
{
	char text[128];

	he->wrong++;
	if (!still_there(wo->logon)) {
		admin_refuse(wo->later, "LogonFailed",
			     json_pack("{s:s, s:i, s:s}", "message",
				       "that was one wrong password too many: the session has "
				       "ended; log on again with lsactl logon",
				       "code", 0, "reason", "wrong-password"));
		log_notice("uid %u: a session ended after wrong passwords", wo->owner);
		(void)logons_end(wo->logons, wo->logon);
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "that is not the password the session began with; %u more tries, then it "
		       "ends",
		       ISO_UNLOCK_TRIES > he->wrong ? ISO_UNLOCK_TRIES - he->wrong : 1);
	log_notice("uid %u: unlock failed: wrong-password", wo->owner);
	admin_refuse(
	    wo->later, "LogonFailed",
	    json_pack("{s:s, s:i, s:s}", "message", text, "code", 0, "reason", "wrong-password"));
}

static void
unlock_done(struct pool_job *job, bool ran)
{
	struct work *wo = work_of(job);
	struct held *he = wo->logon->held;
	struct cache *ca;
	char text[LOGONS_TEXT];

	if (he != NULL)
		he->at_work = false;
	if (he == NULL || wo->logon->dead || !ran) {
		admin_refuse(wo->later, "Failed",
			     json_pack("{s:s}", "message", "the session has ended meanwhile"));
	} else if (wo->step == WORK_PASSWORD) {
		refuse_password(wo, he);
	} else if (wo->step != WORK_DONE) {
		why_refuse(wo->later, wo, "unlock");
	} else {
		he->locked = false;
		he->wrong = 0;
		logons_save(he);
		ca = logons_cache(wo->logons, wo->logon);
		if (ca != NULL) /* the ticket may have ended meanwhile */
			renew_after_unlock(wo->logons, ca, wo);
		logons_text(wo->logon, text);
		admin_answer(wo->later, json_pack("{s:s}", "session", text));
	}
	work_free(wo);
}

json_t *
method_unlock(const struct admin_view *view, uid_t uid, const json_t *ask,
	      struct admin_error *error)
{
	struct logon *lo;
	struct held *he;
	struct work *wo;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (lo = ask_logon(&as)) == NULL)
		return NULL;
	he = lo->held;
	if (he == NULL || !he->locked || he->at_work) {
		ask_refuse(&as, "InvalidParameter", "that session is not locked");
		return NULL;
	}
	wo = work_new(as.logons, lo, he->name);
	if (wo == NULL || !ask_box(&as, "box", wo->box)) {
		if (wo == NULL)
			ask_refuse(&as, "Failed", "out of memory");
		work_free(wo);
		return NULL;
	}
	wo->job.run = work_unlock;
	wo->job.done = unlock_done;
	wo->anchor = he->anchor;
	he->at_work = true;
	ask_submit(&as, wo);
	return NULL;
}

/* ---- Renew */

struct renewing {
	struct admin_later *later;
	struct logons *logons;
	uid_t owner;
	uint64_t cache_id;
	char session[LOGONS_TEXT];
};

static void
renewed(void *arg, int32_t code)
{
	struct renewing *re = arg;
	struct collection *co = store_collection(re->logons->store, re->owner);
	struct cache *ca = co != NULL ? cache_by_id(co, re->cache_id) : NULL;
	const struct cred *tgt = ca != NULL ? cache_tgt(ca) : NULL;
	char text[256];

	if (code == 0 && tgt != NULL)
		admin_answer(re->later,
			     json_pack("{s:s, s:s, s:I}", "session", re->session, "cache", ca->name,
				       "endtime", (json_int_t)tgt->endtime));
	else if (code == KRB5KDC_ERR_BADOPTION)
		admin_refuse(
		    re->later, "Failed",
		    json_pack("{s:s}", "message",
			      "the KDC does not renew this ticket (any more); log on again: "
			      "lsactl logon"));
	else
		admin_refuse(re->later, "Failed",
			     json_pack("{s:s+}", "message",
				       "not renewed: ", why_text(code, text, sizeof(text))));
	free(re);
}

json_t *
method_renew(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	struct renewing *re;
	struct logon *lo;
	struct cache *ca;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (lo = ask_logon(&as)) == NULL)
		return NULL;
	ca = logons_cache(as.logons, lo);
	if (ca == NULL || (lo->held != NULL && lo->held->locked)) {
		ask_refuse(&as, "InvalidParameter",
			   ca == NULL ? "that session has no ticket"
				      : "that session is locked; first: lsactl unlock");
		return NULL;
	}
	re = calloc(1, sizeof(*re));
	if (re == NULL) {
		ask_refuse(&as, "Failed", "out of memory");
		return NULL;
	}
	re->later = as.later;
	re->logons = as.logons;
	re->owner = lo->owner;
	re->cache_id = ca->id;
	logons_text(lo, re->session);
	renew_now(as.logons, ca, renewed, re);
	return NULL;
}
