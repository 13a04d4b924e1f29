/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* The methods of lsass that this module calls. */
#define _GNU_SOURCE
#include "pam/pam_lsa.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

/* ---- reading answers: what does not look as it should is no answer */

static bool
take_text(const json_t *from, const char *name, char *to, size_t n)
{
	const char *text = json_string_value(json_object_get(from, name));
	size_t len = text != NULL ? strlen(text) : n;

	if (len == 0 || len >= n)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] > '~')
			return false;
	}
	memcpy(to, text, len + 1);
	return true;
}

/* "S.G" */
static bool
take_session(const char *text, uint32_t *number, uint32_t *generation)
{
	char again[SESSION_TEXT], *end = NULL;
	unsigned long long first = strtoull(text, &end, 10);
	unsigned long long second = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;

	if (first > UINT32_MAX || second > UINT32_MAX)
		return false;
	*number = (uint32_t)first;
	*generation = (uint32_t)second;
	/* Only what is written as we would write it: no signs, no blanks. */
	(void)snprintf(again, sizeof(again), "%" PRIu32 ".%" PRIu32, *number, *generation);
	return strcmp(again, text) == 0;
}

static bool
take_cache(const json_t *from, char to[CACHE_TEXT])
{
	return take_text(from, "cache", to, CACHE_TEXT) && strncmp(to, "KCM:", 4) == 0;
}

static bool
take_start(const struct call *ca, const json_t *from, struct start *st)
{
	const json_t *owner = json_object_get(from, "owner");
	const char *name = json_string_value(json_object_get(from, "name"));
	char hex[17];

	if (!take_text(from, "session", st->session, sizeof(st->session)) ||
	    !take_session(st->session, &st->number, &st->generation) || !json_is_integer(owner) ||
	    json_integer_value(owner) != (json_int_t)ca->uid ||
	    !take_text(from, "challenge", hex, sizeof(hex)) ||
	    strspn(hex, "0123456789abcdef") != sizeof(hex) - 1)
		return false;
	st->owner = ca->uid;
	st->same = strcmp(name != NULL ? name : "", ca->principal) == 0;
	st->challenge = strtoull(hex, NULL, 16);
	return true;
}

/* ---- calling */

/* Log why a call failed; who typed a wrong password is logged as PAM modules do. */
static enum trouble
failed(pam_handle_t *pamh, const char *method, const struct answer *an)
{
	int priority = LOG_ERR;

	if (an->trouble == TROUBLE_NONE)
		return an->trouble;
	if (an->trouble >= TROUBLE_PASSWORD && an->trouble <= TROUBLE_ENDED)
		priority = LOG_NOTICE;
	pam_syslog(pamh, priority, "%s: %s", method, an->message);
	return an->trouble;
}

static enum trouble
nonsense(pam_handle_t *pamh, const char *method)
{
	pam_syslog(pamh, LOG_ERR, "%s: lsass answered nonsense", method);
	return TROUBLE_FAILED;
}

/* Have lsass open a session, or name one, and say what a box for it must answer. */
static enum trouble
start(const struct call *ca, const char *session, struct start *st)
{
	struct answer an;
	json_t *ask = json_pack("{s:I, s:s}", "uid", (json_int_t)ca->uid, "principal",
				ca->principal);
	enum trouble trouble;

	if (ask != NULL && session != NULL)
		(void)json_object_set_new(ask, "session", json_string(session));
	(void)talk(ca->socket, "LogonStart", ask, &an);
	trouble = failed(ca->pamh, "LogonStart", &an);
	if (trouble == TROUBLE_NONE && !take_start(ca, an.value, st))
		trouble = nonsense(ca->pamh, "LogonStart");
	answer_free(&an);
	return trouble;
}

enum trouble
logon_end(pam_handle_t *pamh, const char *socket, const char *session)
{
	struct answer an;
	enum trouble trouble;

	(void)talk(socket, "Logoff", json_pack("{s:s}", "session", session), &an);
	/* It may have run out, or been ended by hand. */
	if (an.trouble == TROUBLE_GONE)
		an.trouble = TROUBLE_NONE;
	trouble = failed(pamh, "Logoff", &an);
	answer_free(&an);
	return trouble;
}

static enum trouble
send_logon(const struct call *ca, const struct start *st, const char *cache, const char *hex,
	   struct logon *lo)
{
	struct answer an;
	json_t *ask = json_pack("{s:s, s:s, s:s, s:s}", "session", st->session, "principal",
				ca->principal, "box", hex, "cache", cache);
	enum trouble trouble;

	(void)talk(ca->socket, "Logon", ask, &an);
	trouble = failed(ca->pamh, "Logon", &an);
	if (trouble == TROUBLE_NONE) {
		memcpy(lo->session, st->session, sizeof(lo->session));
		(void)take_text(an.value, "principal", lo->principal, sizeof(lo->principal));
		lo->password_expires = json_integer_value(
		    json_object_get(an.value, "password_expires"));
		lo->verified = json_is_true(json_object_get(an.value, "verified"));
		lo->offline = json_is_true(json_object_get(an.value, "offline"));
		if (!take_cache(an.value, lo->cache) && !lo->offline)
			trouble = nonsense(ca->pamh, "Logon");
	}
	answer_free(&an);
	return trouble;
}

enum trouble
logon_do(const struct call *ca, const char *cache, const char *secret, struct logon *lo)
{
	struct start st = { 0 };
	char hex[BOX_HEX];
	enum trouble trouble = start(ca, NULL, &st);

	*lo = (struct logon){ 0 };
	if (trouble != TROUBLE_NONE)
		return trouble;
	if (secret_seal(ca, &st, secret, 0, hex) != 0)
		trouble = TROUBLE_FAILED;
	else
		trouble = send_logon(ca, &st, cache, hex, lo);
	/* When nobody answers lsass sees us go, and ends it by itself. */
	if (trouble != TROUBLE_NONE && trouble != TROUBLE_DOWN)
		(void)logon_end(ca->pamh, ca->socket, st.session);
	return trouble;
}

enum trouble
logon_unlock(const struct call *ca, const char *session, const char *secret)
{
	struct start st = { 0 };
	struct answer an = { 0 };
	char hex[BOX_HEX];
	enum trouble trouble = start(ca, session, &st);

	if (trouble != TROUBLE_NONE)
		return trouble;
	/* Begun under a name that is written otherwise: lsaiso wants that one in the box. */
	if (!st.same)
		return TROUBLE_GONE;
	if (secret_seal(ca, &st, secret, 0, hex) != 0)
		return TROUBLE_FAILED;
	(void)talk(ca->socket, "Unlock", json_pack("{s:s, s:s}", "session", st.session, "box", hex),
		   &an);
	trouble = failed(ca->pamh, "Unlock", &an);
	answer_free(&an);
	return trouble;
}

/* ---- change of password */

enum trouble
logon_change(const struct call *ca, const char *old, const char *fresh, char text[MESSAGE_TEXT])
{
	struct start first = { 0 }, second = { 0 };
	struct answer an = { 0 };
	char old_hex[BOX_HEX], new_hex[BOX_HEX];
	enum trouble trouble = start(ca, NULL, &first);

	text[0] = '\0';
	if (trouble != TROUBLE_NONE)
		return trouble;
	/* Each box answers a challenge of its own. */
	trouble = start(ca, first.session, &second);
	if (trouble == TROUBLE_NONE && (secret_seal(ca, &first, old, 0, old_hex) != 0 ||
					secret_seal(ca, &second, fresh, BOX_NEW, new_hex) != 0))
		trouble = TROUBLE_FAILED;
	if (trouble == TROUBLE_NONE) {
		(void)talk(ca->socket, "ChangePassword",
			   json_pack("{s:s, s:s, s:s, s:s}", "session", first.session, "principal",
				     ca->principal, "box", old_hex, "new_box", new_hex),
			   &an);
		trouble = failed(ca->pamh, "ChangePassword", &an);
		memcpy(text, an.message, MESSAGE_TEXT);
	}
	answer_free(&an);
	/* lsass ends a session that was opened for this, but not one that came to nothing. */
	if (trouble != TROUBLE_NONE && trouble != TROUBLE_DOWN)
		(void)logon_end(ca->pamh, ca->socket, first.session);
	return trouble;
}

/* ---- which sessions there are */

/* The name of a cache as KRB5CCNAME has it. */
static const char *
bare(const char *cache)
{
	return strncmp(cache, "KCM:", 4) == 0 ? cache + 4 : cache;
}

/* Is one the session, or has it the cache, that is looked for? Then fill fo. */
static bool
matches(const struct call *ca, const json_t *one, const char *session, const char *cache,
	struct found *fo)
{
	const json_t *caches = json_object_get(one, "caches"), *name;
	const char *principal = json_string_value(json_object_get(one, "principal"));
	const char *state = json_string_value(json_object_get(one, "state"));
	size_t i, len = strcspn(ca->principal, "@");
	bool has = false;

	if (json_integer_value(json_object_get(one, "uid")) != (json_int_t)ca->uid)
		return false;
	(void)snprintf(fo->session, sizeof(fo->session), "%" PRIu32 ".%" PRIu32,
		       (uint32_t)json_integer_value(json_object_get(one, "session")),
		       (uint32_t)json_integer_value(json_object_get(one, "generation")));
	json_array_foreach(caches, i, name)
	{
		const char *text = json_string_value(name);

		if (text == NULL || strlen(text) >= CACHE_TEXT - 4)
			continue;
		if (cache != NULL && strcmp(bare(text), bare(cache)) == 0)
			has = true;
		if (has || i == 0)
			(void)snprintf(fo->cache, sizeof(fo->cache), "KCM:%s", bare(text));
		if (has)
			break;
	}
	fo->locked = state != NULL && strcmp(state, "locked") == 0;
	fo->mine = principal != NULL && strncmp(principal, ca->principal, len) == 0 &&
		   (principal[len] == '@' || principal[len] == '\0');
	return has || (session != NULL && strcmp(session, fo->session) == 0);
}

enum trouble
logon_find(const struct call *ca, const char *session, const char *cache, struct found *fo)
{
	struct answer an;
	enum trouble trouble;
	const json_t *list, *one;
	size_t i;

	(void)talk(ca->socket, "ListSessions", json_pack("{s:I}", "uid", (json_int_t)ca->uid), &an);
	trouble = failed(ca->pamh, "ListSessions", &an);
	if (trouble == TROUBLE_NONE) {
		trouble = TROUBLE_GONE;
		list = json_object_get(an.value, "sessions");
		json_array_foreach(list, i, one)
		{
			*fo = (struct found){ 0 };
			if (matches(ca, one, session, cache, fo)) {
				trouble = TROUBLE_NONE;
				break;
			}
		}
	}
	answer_free(&an);
	return trouble;
}

/* ---- to PAM's codes */

int
trouble_code(enum trouble trouble)
{
	switch (trouble) {
	case TROUBLE_NONE:
		return PAM_SUCCESS;
	case TROUBLE_DOWN:
	case TROUBLE_NO_KDC:
	case TROUBLE_FAILED:
		return PAM_AUTHINFO_UNAVAIL;
	case TROUBLE_DENIED:
		return PAM_CRED_INSUFFICIENT;
	case TROUBLE_UNKNOWN:
		return PAM_USER_UNKNOWN;
	case TROUBLE_LOCKED:
	case TROUBLE_POLICY:
		return PAM_PERM_DENIED;
	case TROUBLE_ENDED:
		return PAM_ACCT_EXPIRED;
	case TROUBLE_GONE:
	case TROUBLE_PASSWORD:
	case TROUBLE_EXPIRED:
	case TROUBLE_OTHER:
		break;
	}
	return PAM_AUTH_ERR;
}
