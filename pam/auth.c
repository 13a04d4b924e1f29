/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pam_authenticate: the logon itself. */
#define _GNU_SOURCE
#include "pam/pam_lsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>

#define DAY	  86400LL /* seconds */
#define WARN_DAYS 7

/* ---- screens that are unlocked */

/* Was this program given more rights than its caller has? Then the caller's word is no word. */
static bool
elevated(void)
{
	return getauxval(AT_SECURE) != 0 || getuid() != geteuid() || getgid() != getegid();
}

/*
 * The cache that the user is at work with, when a program of the session
 * authenticates its own user again: a lock screen. NULL: it is no such program.
 */
static const char *
cache_in_use(const struct call *ca)
{
	const char *name;

	if (elevated())
		return NULL;
	name = pam_getenv(ca->pamh, ENV_CACHE);
	if (name == NULL && getuid() == ca->uid)
		name = getenv(ENV_CACHE);
	return name != NULL && strncmp(name, "KCM:", 4) == 0 && name[4] != '\0' ? name : NULL;
}

/* What one password comes to. in_place: out, an existing session goes on. */
static enum trouble
log_on(const struct call *ca, const char *secret, struct logon *lo, bool *in_place)
{
	const char *cache = cache_in_use(ca);
	struct found fo;
	enum trouble trouble;

	*in_place = false;
	*lo = (struct logon){ 0 };
	if (cache == NULL || ca->no_ccache || logon_find(ca, NULL, cache, &fo) != TROUBLE_NONE ||
	    !fo.mine)
		return logon_do(ca, ca->ccache, secret, lo);
	*in_place = true;
	if (fo.locked) {
		trouble = logon_unlock(ca, fo.session, secret);
		memcpy(lo->cache, fo.cache, sizeof(lo->cache));
		if (trouble != TROUBLE_PASSWORD && trouble != TROUBLE_GONE)
			return trouble;
		/* It may have been changed elsewhere: the KDC knows. */
	}
	trouble = logon_do(ca, fo.cache + 4, secret, lo);
	/* The new session has the cache; the old one has nothing left. */
	if (trouble == TROUBLE_NONE)
		(void)logon_end(ca->pamh, ca->socket, fo.session);
	return trouble;
}

/* ---- afterwards */

static void
tell(const struct call *ca, const struct logon *lo)
{
	long long left = lo->password_expires - (long long)time(NULL);

	say_debug(ca, "%s is logged on as %s, session %s%s", ca->user, lo->principal, lo->session,
		  lo->verified ? "" : "; the KDC was not verified");
	if (lo->offline)
		say_user(ca, PAM_TEXT_INFO,
			 "No KDC answers: you are logged on without tickets for now.");
	if (lo->password_expires > 0 && left > 0 && left < WARN_DAYS * DAY)
		say_user(ca, PAM_TEXT_INFO, "Your password will expire in %lld %s.",
			 left >= DAY ? left / DAY : (left + 3599) / 3600,
			 left >= DAY ? "day(s)" : "hour(s)");
}

static int
remember(const struct call *ca, struct logon *lo, bool in_place, bool expired)
{
	bool ours = lo->session[0] != '\0' && !in_place;
	struct state *st;

	if (ours && ca->no_ccache) {
		(void)logon_end(ca->pamh, ca->socket, lo->session);
		*lo = (struct logon){ 0 };
		ours = false;
	}
	if (in_place)
		lo->session[0] = '\0';
	st = state_new(ca, lo);
	if (st == NULL) {
		if (ours)
			(void)logon_end(ca->pamh, ca->socket, lo->session);
		return PAM_BUF_ERR;
	}
	st->in_place = in_place;
	st->expired = expired;
	return PAM_SUCCESS;
}

/* The password has expired: a new one, now, and a logon with that. */
static int
renew_password(const struct call *ca, const char *secret, struct logon *lo)
{
	const char *fresh = NULL;
	int code;

	say_user(ca, PAM_ERROR_MSG, "Your password has expired. Choose a new one.");
	/* PAM_AUTHTOK is where the new one goes. */
	code = pam_set_item(ca->pamh, PAM_OLDAUTHTOK, secret);
	if (code == PAM_SUCCESS)
		code = change_password(ca, &fresh);
	if (code == PAM_SUCCESS)
		code = trouble_code(logon_do(ca, ca->ccache, fresh, lo));
	return code == PAM_AUTHTOK_ERR ? PAM_AUTH_ERR : code;
}

static int
authenticate(const struct call *ca)
{
	char prompt[PRINCIPAL + 32];
	enum first_pass first = ca->first;
	enum trouble trouble;
	const char *secret = NULL;
	bool asked = false, in_place = false;
	struct logon lo = { 0 };
	int code;

	(void)snprintf(prompt, sizeof(prompt), "Password%s%s: ", ca->expose ? " for " : "",
		       ca->expose ? ca->principal : "");
	do {
		code = secret_get(ca, PAM_AUTHTOK, first, ca->prompt != NULL ? ca->prompt : prompt,
				  &secret, &asked);
		if (code != PAM_SUCCESS)
			return code;
		trouble = log_on(ca, secret, &lo, &in_place);
		first = FIRST_ASK;
	} while (trouble == TROUBLE_PASSWORD && ca->first == FIRST_TRY && !asked);

	code = trouble_code(trouble);
	if (trouble == TROUBLE_EXPIRED && ca->defer)
		return remember(ca, &lo, false, true);
	if (trouble == TROUBLE_EXPIRED) {
		in_place = false;
		code = renew_password(ca, secret, &lo);
	}
	if (code != PAM_SUCCESS)
		return code;
	tell(ca, &lo);
	return remember(ca, &lo, in_place, false);
}

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call ca;
	int code = call_begin(&ca, pamh, flags, argc, argv);

	if (code == PAM_SUCCESS && ca.ignored)
		code = PAM_USER_UNKNOWN;
	if (code == PAM_SUCCESS)
		code = call_places(&ca);
	if (code == PAM_SUCCESS)
		code = authenticate(&ca);
	say_debug(&ca, "authenticate: %s", pam_strerror(pamh, code));
	return code;
}

int
remember_fresh(const struct call *ca, const char *secret)
{
	struct logon lo = { 0 };
	int code = trouble_code(logon_do(ca, ca->ccache, secret, &lo));

	return code == PAM_SUCCESS ? remember(ca, &lo, false, false) : code;
}
