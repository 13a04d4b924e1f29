/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PAM_AUTH and PAM_LOGOFF (wbinfo -a, pam_winbind): a logon inside lsaiso. The password is
 * sealed to lsaiso at once and wiped; the rest is as with lsactl logon. Where
 * the caller wants a credential cache, or credentials kept for NTLM, the logon
 * stays; else it only was a check of the password, and ends.
 */
#include <ctype.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/front/admin/logons.h"
#include "lsass/front/winbind/private.h"
#include "lsass/ntlm/ntlm.h"

/* A failure in the words of all: lsactl's (NULL: any other), NTSTATUS (MS-ERREF 2.3.1), PAM. */
struct verdict {
	const char *reason;
	uint32_t nt_status;
	const char *nt_name;
	int pam;
	const char *text;
};

static const struct verdict verdicts[] = {
	{ "wrong-password", 0xc000006a, "NT_STATUS_WRONG_PASSWORD", PAM_AUTH_ERR,
	  "Wrong password" },
	{ "unknown-user", 0xc0000064, "NT_STATUS_NO_SUCH_USER", PAM_USER_UNKNOWN, "No such user" },
	{ "locked", 0xc0000234, "NT_STATUS_ACCOUNT_LOCKED_OUT", PAM_PERM_DENIED,
	  "The account is locked, disabled or has expired" },
	{ "expired-password", 0xc0000071, "NT_STATUS_PASSWORD_EXPIRED", PAM_NEW_AUTHTOK_REQD,
	  "The password has expired" },
	{ "policy", 0xc000006e, "NT_STATUS_ACCOUNT_RESTRICTION", PAM_PERM_DENIED,
	  "The KDC does not let this user log on now, or not from here" },
	{ "no-kdc", 0xc000005e, "NT_STATUS_NO_LOGON_SERVERS", PAM_AUTHINFO_UNAVAIL,
	  "No KDC answers" },
	{ "clock-skew", 0xc0000133, "NT_STATUS_TIME_DIFFERENCE_AT_DC", PAM_AUTHINFO_UNAVAIL,
	  "The clocks of this machine and of the KDC differ" },
	{ "weak-type", 0xc000005e, "NT_STATUS_NO_LOGON_SERVERS", PAM_AUTHINFO_UNAVAIL,
	  "The KDC offers only encryption types that are too weak" },
	{ NULL, 0xc000006d, "NT_STATUS_LOGON_FAILURE", PAM_AUTH_ERR, "The logon failed" },
};
static const struct verdict denied = { NULL, 0xc0000022, "NT_STATUS_ACCESS_DENIED",
				       PAM_CRED_INSUFFICIENT,
				       "Only root may log on somebody else" };
static const struct verdict no_group = { NULL, 0xc0000022, "NT_STATUS_ACCESS_DENIED",
					 PAM_PERM_DENIED,
					 "Membership of a group cannot be checked here" };
static const struct verdict unavailable = { NULL, 0xc000005e, "NT_STATUS_NO_LOGON_SERVERS",
					    PAM_AUTHINFO_UNAVAIL,
					    "lsaiso does not answer, or too many logons wait" };

static const struct verdict *
verdict_of(const char *reason)
{
	const struct verdict *ve = verdicts;

	while (ve->reason != NULL && strcmp(ve->reason, reason) != 0)
		ve++;
	return ve;
}

static enum wb_verdict
refuse(struct wb_client *cl, const struct verdict *ve)
{
	uint8_t *re = winbind_response(cl, WB_ERROR, 0);

	if (re == NULL)
		return WB_HANG_UP;
	wb_set_u32(re + WB_R_NT_STATUS, ve->nt_status);
	winbind_name(re + WB_R_NT_STRING, ve->nt_name);
	winbind_name(re + WB_R_ERROR, ve->text);
	wb_set_u32(re + WB_R_PAM, (uint32_t)ve->pam);
	return WB_ANSWERED;
}

/* ---- the request */

/* What it asks for; views into the request. */
struct wish {
	uid_t owner;
	bool cache; /* tell its name */
	bool keep;
	const char *password;
	char domain[WB_NAME], user[WB_NAME], principal[ISO_NAME_MAX + 1];
};

/* DOMAIN\user as a principal: ours is the default realm, one with dots is a realm's name. */
static bool
principal_of(const struct wb_client *cl, struct wish *wi)
{
	const char *domain = wi->domain;
	size_t n;

	if (strchr(wi->user, '/') != NULL ||
	    (domain[0] != '\0' && (strchr(wi->user, '@') != NULL || strchr(domain, '@') != NULL)))
		return false;
	(void)snprintf(wi->principal, sizeof(wi->principal), "%s", wi->user);
	if (domain[0] == '\0' || strcasecmp(domain, ntlm_domain(cl->wb->view.ntlm)) == 0)
		return true;
	if (strchr(domain, '.') == NULL || strchr(domain, '/') != NULL)
		return false;
	n = strlen(wi->principal);
	(void)snprintf(wi->principal + n, sizeof(wi->principal) - n, "@%s", domain);
	for (char *at = wi->principal + n; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	return true;
}

/* NULL: all is well; else why not. */
static const struct verdict *
read_wish(const struct wb_client *cl, struct wish *wi)
{
	const uint8_t *data = cl->in + cl->mouth->la->data;
	uint32_t flags = wb_get_u32(cl->in + WB_Q_FLAGS), uid = wb_get_u32(data + WB_AUTH_UID);

	*wi = (struct wish){ .owner = cl->uid,
			     .cache = (flags & WB_PAM_KRB5) != 0,
			     .keep = (flags & (WB_PAM_KRB5 | WB_PAM_CACHED)) != 0,
			     .password = winbind_text(data + WB_AUTH_PASS, WB_NAME) };
	if (data[WB_AUTH_MEMBER] != '\0') /* nobody here knows groups: not let through */
		return &no_group;
	if (wi->cache && uid != cl->uid) {
		if (cl->uid != 0)
			return &denied;
		wi->owner = uid;
	}
	if (!winbind_split(winbind_text(data + WB_AUTH_USER, WB_NAME), wi->domain, wi->user) ||
	    !principal_of(cl, wi))
		return verdict_of("unknown-user");
	return wi->password == NULL ? verdict_of("wrong-password") : NULL;
}

/* ---- the answer */

/* expires: of the password, 0: that is not known, and so never */
static void
put_times(uint8_t *re, int64_t expires)
{
	const int64_t never = INT64_MAX;

	memcpy(re + WB_R_LOGOFF_TIME, &never, sizeof(never));
	memcpy(re + WB_R_KICKOFF, &never, sizeof(never));
	memcpy(re + WB_R_MUST_CHANGE, expires != 0 ? &expires : &never, sizeof(never));
}

/* What libwbclient needs to find in info3; who knows no SID says nobody's. */
static enum wb_verdict
let_in(struct wb_client *cl, const struct wish *wi, const char *cache, int64_t expires)
{
	uint8_t *re = winbind_response(cl, WB_OK, 1);

	if (re == NULL)
		return WB_HANG_UP;
	winbind_name(re + WB_R_NT_STRING, "NT_STATUS_OK");
	winbind_name(re + WB_R_ERROR, "Success");
	put_times(re, expires);
	winbind_name(re + WB_R_DOM_SID, WB_NULL_SID);
	winbind_name(re + WB_R_USER, wi->user);
	winbind_name(re + WB_R_LOGON_DOM, ntlm_domain(cl->wb->view.ntlm));
	if (wi->cache && cache[0] != '\0')
		(void)snprintf((char *)re + WB_R_CCNAME, WB_NAME, "KCM:%s", cache);
	return WB_ANSWERED;
}

/* The client has an answer, or there was no memory for one. */
static void
say(struct wb_client *cl, enum wb_verdict verdict)
{
	winbind_request_done(cl);
	if (verdict == WB_ANSWERED)
		winbind_answered(cl);
	else
		winbind_hang_up(cl);
}

static enum wb_verdict
succeeded(struct wb_client *cl, struct work *wo, const struct wish *wi)
{
	char name[CACHE_NAME_MAX + 1] = "";
	kcode code = wi->keep ? work_finish(wo, name) : 0;

	if (!wi->keep || code != 0)
		(void)logons_end(wo->logons, wo->logon);
	if (code != 0) {
		log_warn("uid %u: logon (winbind): the cache could not be filled", wo->owner);
		return refuse(cl, verdict_of(""));
	}
	log_info("uid %u: %s as %s (winbind, pid %d)", wo->owner,
		 wi->keep ? "logged on" : "password checked", wo->name, (int)cl->pid);
	return let_in(cl, wi, name, wo->as.password_expires);
}

static void
done(struct pool_job *job, bool ran)
{
	struct work *wo = work_of(job);
	struct held *he = wo->logon->held;
	struct wb_client *cl = wo->arg; /* NULL: it has hung up */
	enum wb_verdict verdict = WB_HANG_UP;
	struct wish wi;

	if (he != NULL)
		he->at_work = false;
	if (cl != NULL) {
		cl->work = NULL;
		(void)read_wish(cl, &wi); /* it was right; but for the password, it is as it was */
	}
	if (cl != NULL && ran && !job->cancelled && wo->step == WORK_DONE && he != NULL &&
	    !wo->logon->dead) {
		verdict = succeeded(cl, wo, &wi);
	} else {
		(void)logons_end(wo->logons, wo->logon);
		if (ran && wo->step != WORK_DONE)
			log_notice("uid %u: logon failed: %s (winbind)", wo->owner, why_reason(wo));
		if (cl != NULL)
			verdict = refuse(cl, ran ? verdict_of(why_reason(wo)) : &unavailable);
	}
	work_free(wo);
	if (cl != NULL)
		say(cl, verdict);
}

void
winbind_auth_gone(struct wb_client *cl)
{
	struct work *wo = cl->work;

	cl->work = NULL;
	wo->arg = NULL;
	pool_cancel(wo->logons->pool, &wo->job);
}

/* ---- on its way */

static struct work *
begin(struct wb_client *cl, const struct wish *wi)
{
	struct logons *lg = cl->wb->view.logons;
	enum iso_status status = ISO_OK;
	struct held *he = logons_begin(lg, wi->owner, wi->principal, &status);
	struct work *wo;

	if (he == NULL)
		return NULL;
	wo = work_new(lg, he->logon, he->name);
	if (wo == NULL || logons_seal(he, wi->password, wo->box) != ISO_OK) {
		work_free(wo);
		(void)logons_end(lg, he->logon);
		return NULL;
	}
	wo->job.run = work_logon;
	wo->job.done = done;
	wo->renewable = wi->keep && lg->cf->logon_renew ? (int32_t)lg->cf->logon_lifetime : 0;
	(void)snprintf(wo->choice, sizeof(wo->choice), "default");
	wo->arg = cl;
	he->at_work = true;
	if (pool_submit(lg->pool, &wo->job) == 0)
		return wo;
	he->at_work = false;
	(void)logons_end(lg, wo->logon);
	work_free(wo);
	return NULL;
}

static bool
too_many(const struct wb_client *cl)
{
	size_t n = 0;

	for (const struct wb_client *other = cl->wb->first; other != NULL; other = other->next)
		n += other->uid == cl->uid && other->work != NULL;
	return cl->uid != 0 && n >= WB_LOGONS;
}

enum wb_verdict
winbind_auth(struct wb_client *cl)
{
	struct wish wi;
	const struct verdict *ve = read_wish(cl, &wi);
	uint8_t *password = cl->in + cl->mouth->la->data + WB_AUTH_PASS;

	if (ve != NULL || too_many(cl))
		return refuse(cl, ve != NULL ? ve : &unavailable);
	cl->work = begin(cl, &wi);
	explicit_bzero(password, WB_NAME);
	return cl->work != NULL ? WB_LATER : refuse(cl, &unavailable);
}

/* ---- PAM_LOGOFF */

struct search {
	uid_t owner;
	const struct cache *ca;
	struct logon *found;
};

static bool
has_cache(struct logon *lo, void *arg)
{
	struct search *se = arg;

	if (lo->dead || lo->owner != se->owner || lo->held == NULL || lo->held->begun ||
	    !cache_uses(se->ca, lo))
		return false;
	se->found = lo;
	return true;
}

/* One of PAM_AUTH told the name of its cache; others are the real winbindd's. */
enum wb_verdict
winbind_logoff(struct wb_client *cl)
{
	const uint8_t *data = cl->in + cl->mouth->la->data;
	const char *name = winbind_text(data + WB_LOGOFF_CCNAME, WB_NAME);
	struct logons *lg = cl->wb->view.logons;
	struct search se = { .owner = wb_get_u32(data + WB_LOGOFF_UID) };
	struct collection *co;

	if (name == NULL || strncmp(name, "KCM:", 4) != 0)
		return winbind_real(cl);
	if (cl->uid != 0 && se.owner != cl->uid)
		return refuse(cl, &denied);
	co = store_collection(lg->store, se.owner);
	se.ca = co != NULL ? cache_by_name(co, name + 4) : NULL;
	if (se.ca != NULL)
		store_each_logon(lg->store, has_cache, &se);
	if (se.found == NULL)
		return refuse(cl, verdict_of("unknown-user"));
	log_info("uid %u: session ended by uid %u (winbind)", (unsigned int)se.owner,
		 (unsigned int)cl->uid);
	(void)logons_end(lg, se.found);
	return winbind_plain(cl, WB_OK);
}
