/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.LogonStart, Logon and ChangePassword. A box is carried to lsaiso unread; what
 * it is about, and who may send it, is looked at here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/admin/logons.h"
#include "lsass/ntlm/ntlm.h"

/* ---- LogonStart */

static bool
is_principal(struct ask *as, const char *text)
{
	bool ok = text[0] != '\0' && strlen(text) <= ISO_NAME_MAX;

	if (!ok)
		ask_refuse(as, "InvalidParameter", "principal must be 1 to %u octets",
			   ISO_NAME_MAX);
	return ok;
}

/* The logon that the next box is for: a new one, or the one that is named. */
static struct held *
start_of(struct ask *as)
{
	enum iso_status status = ISO_OK;
	const char *principal = ask_text(as, "principal");
	struct logon *lo;
	struct held *he;

	if (ask_text(as, "session")[0] != '\0' || principal[0] == '\0') {
		lo = ask_logon(as);
		if (lo != NULL && lo->held == NULL)
			ask_refuse(as, "NotFound",
				   "that logon was brought by kinit: lsaiso has no password of it");
		return lo != NULL ? lo->held : NULL;
	}
	if (!is_principal(as, principal))
		return NULL;
	he = logons_begin(as->logons, as->owner, principal, &status);
	if (he == NULL)
		ask_refuse(as, "Failed", "no session in lsaiso: %s; see lsactl status",
			   rpc_status_text((uint32_t)status));
	return he;
}

json_t *
method_logon_start(const struct admin_view *view, uid_t uid, const json_t *ask,
		   struct admin_error *error)
{
	struct iso_req_logon_challenge req = { 0 };
	struct iso_rep_logon_challenge is;
	char session[LOGONS_TEXT], challenge[17];
	enum iso_status status;
	struct held *he;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (he = start_of(&as)) == NULL)
		return NULL;
	req.session = he->logon->session;
	req.generation = he->logon->generation;
	req.owner = he->logon->owner;
	status = ask_logon_challenge(&req, &is);
	if (status != ISO_OK) {
		ask_refuse(&as, "Failed", "lsaiso gives no challenge: %s",
			   rpc_status_text((uint32_t)status));
		return NULL;
	}
	logons_text(he->logon, session);
	(void)snprintf(challenge, sizeof(challenge), "%016llx", (unsigned long long)is.challenge);
	admin_answer(as.later, json_pack("{s:s, s:I, s:I, s:s, s:s}", "session", session,
					 "generation", (json_int_t)he->logon->generation, "owner",
					 (json_int_t)he->logon->owner, "challenge", challenge,
					 "name", he->name));
	return NULL;
}

/* ---- Logon */

static bool
is_cache_name(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (text[i] <= 0x20 || text[i] > 0x7e)
			return false;
	}
	return n > 0 && n <= CACHE_NAME_MAX;
}

static json_t *
answer_of(const struct work *wo, const struct held *he, const char *cache)
{
	char session[LOGONS_TEXT], name[CACHE_NAME_MAX + 8];
	struct rd in = { wo->as.cred.at, wo->as.cred.len };
	struct wire_cred wc = { 0 };
	json_t *to;

	logons_text(he->logon, session);
	to = json_pack("{s:s, s:s, s:b, s:b, s:b, s:I}", "session", session, "principal",
		       he->principal != NULL ? he->principal : he->name, "verified", he->verified,
		       "armored", he->armored, "offline", he->offline, "password_expires",
		       (json_int_t)he->password_expires);
	if (he->offline || wire_cred(&in, &wc) != 0)
		return to;
	(void)snprintf(name, sizeof(name), "KCM:%s", cache);
	(void)json_object_set_new(to, "cache", json_string(name));
	(void)json_object_set_new(to, "endtime", json_integer(wc.endtime));
	(void)json_object_set_new(to, "renew_till", json_integer(wc.renew_till));
	return to;
}

static void
succeeded(struct work *wo, struct held *he)
{
	char name[CACHE_NAME_MAX + 1] = "", text[256];
	kcode code = work_finish(wo, name);

	if (code != 0) {
		admin_refuse(wo->later, "Failed",
			     json_pack("{s:s+}", "message", "the cache could not be filled: ",
				       why_text(code, text, sizeof(text))));
		(void)logons_end(wo->logons, wo->logon);
		return;
	}
	logons_text(wo->logon, text);
	log_info("uid %u: logged on%s as %s, session %s", wo->owner,
		 wo->offline ? " without a KDC" : "",
		 he->principal != NULL ? he->principal : he->name, text);
	admin_answer(wo->later, answer_of(wo, he, name));
}

static void
logon_done(struct pool_job *job, bool ran)
{
	struct work *wo = work_of(job);
	struct held *he = wo->logon->held;

	if (he != NULL)
		he->at_work = false;
	if (he == NULL || wo->logon->dead || !ran || job->cancelled) {
		admin_refuse(wo->later, "Failed",
			     json_pack("{s:s}", "message",
				       "lsaiso or lsass was restarted meanwhile; try again"));
		(void)logons_end(wo->logons, wo->logon);
	} else if (wo->step != WORK_DONE) {
		why_refuse(wo->later, wo, "logon");
		(void)logons_end(wo->logons, wo->logon);
	} else {
		succeeded(wo, he);
	}
	work_free(wo);
}

/* The begun logon that "session" and "principal" name; NULL: it was answered. */
static struct held *
begun_of(struct ask *as)
{
	const char *principal = ask_text(as, "principal");
	struct logon *lo = ask_logon(as);
	struct held *he = lo != NULL ? lo->held : NULL;

	if (lo == NULL || !is_principal(as, principal))
		return NULL;
	if (he == NULL || !he->begun || he->at_work) {
		ask_refuse(as, "InvalidParameter",
			   "that session is not waiting for a logon; begin one with LogonStart");
		return NULL;
	}
	if (strcmp(principal, he->name) != 0) {
		ask_refuse(as, "InvalidParameter",
			   "principal is not the one that LogonStart was told of");
		return NULL;
	}
	return he;
}

/* ---- ChangePassword */

static void
change_done(struct pool_job *job, bool ran)
{
	struct work *wo = work_of(job);

	if (!ran || wo->logon->dead) {
		admin_refuse(wo->later, "Failed",
			     json_pack("{s:s}", "message",
				       "lsaiso or lsass was restarted meanwhile; try again"));
	} else if (wo->step != WORK_DONE) {
		why_refuse(wo->later, wo, "change of password");
	} else {
		log_info("uid %u: a password was changed", wo->owner);
		if (wo->logons->ntlm != NULL && ntlm_changed(wo->logons->ntlm, wo->name) > 0)
			log_info("NTLM: hashes of the password that was changed are gone");
		admin_answer(wo->later, json_pack("{s:s}", "principal", wo->name));
	}
	(void)logons_end(wo->logons, wo->logon); /* it was opened for this */
	work_free(wo);
}

json_t *
method_change_password(const struct admin_view *view, uid_t uid, const json_t *ask,
		       struct admin_error *error)
{
	struct held *he;
	struct work *wo;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (he = begun_of(&as)) == NULL)
		return NULL;
	wo = work_new(as.logons, he->logon, he->name);
	if (wo == NULL) {
		ask_refuse(&as, "Failed", "out of memory");
		return NULL;
	}
	if (!ask_box(&as, "box", wo->box) || !ask_box(&as, "new_box", wo->new_box)) {
		work_free(wo);
		return NULL;
	}
	wo->job.run = work_change;
	wo->job.done = change_done;
	he->at_work = true;
	ask_submit(&as, wo);
	return NULL;
}

/* ---- Logon: the request */

/* Seconds, or true: as long as a logon may last. */
static int32_t
seconds(const struct ask *as, const char *key, bool otherwise)
{
	const json_t *is = json_object_get(as->is, key);
	json_int_t most = (json_int_t)as->logons->cf->logon_lifetime, n = otherwise ? most : 0;

	if (json_is_integer(is))
		n = json_integer_value(is);
	else if (json_is_boolean(is))
		n = json_is_true(is) ? most : 0;
	return (int32_t)(n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : n);
}

static struct work *
logon_work(struct ask *as, struct held *he, const char *principal)
{
	struct work *wo = work_new(as->logons, he->logon, principal);
	const char *cache = ask_text(as, "cache");

	if (wo == NULL) {
		ask_refuse(as, "Failed", "out of memory");
		return NULL;
	}
	wo->job.run = work_logon;
	wo->job.done = logon_done;
	wo->keep = ask_flag(as, "keep");
	wo->lifetime = seconds(as, "lifetime", false);
	wo->renewable = seconds(as, "renewable", as->logons->cf->logon_renew);
	(void)snprintf(wo->choice, sizeof(wo->choice), "%s", cache[0] != '\0' ? cache : "default");
	if (ask_box(as, "box", wo->box))
		return wo;
	work_free(wo);
	return NULL;
}

json_t *
method_logon(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	const char *cache;
	struct held *he;
	struct work *wo;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (he = begun_of(&as)) == NULL)
		return NULL;
	cache = ask_text(&as, "cache");
	if (cache[0] != '\0' && !is_cache_name(cache)) {
		ask_refuse(&as, "InvalidParameter",
			   "cache must be default, new, or 1 to %d printable octets",
			   CACHE_NAME_MAX);
		return NULL;
	}
	wo = logon_work(&as, he, he->name);
	if (wo == NULL)
		return NULL;
	he->at_work = true;
	ask_submit(&as, wo);
	return NULL;
}
