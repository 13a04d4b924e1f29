/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What is remembered between the calls of one PAM handle, and how it comes to
 * another process: sshd authenticates (keyboard-interactive) in a child that
 * then exits, and opens the session in its parent, whose handle has none of
 * the child's data. But the PAM environment of the child is brought over.
 */
#include "pam/pam_lsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>

#define DATA "pam_lsa"

/*
 * PAM ends, or something else is remembered from now on. A logon that nobody
 * ended is ended, but not by a child that only frees what it inherited.
 */
static void
forget(pam_handle_t *pamh, void *data, int status)
{
	struct state *st = data;

	if (st == NULL)
		return;
	if (((unsigned)status & PAM_DATA_SILENT) == 0 && st->pid == getpid() &&
	    st->session[0] != '\0' && !st->retain)
		(void)logon_end(pamh, st->socket, st->session);
	free(st->user);
	free(st);
}

static void
put_env(const struct call *ca, const char *name, const char *value)
{
	char text[CACHE_TEXT + 32];

	(void)snprintf(text, sizeof(text), "%s%s%s", name, value != NULL ? "=" : "",
		       value != NULL ? value : "");
	/* To take away what is not there is no trouble. */
	if (pam_putenv(ca->pamh, text) != PAM_SUCCESS && value != NULL)
		pam_syslog(ca->pamh, LOG_ERR, "%s could not be set", name);
}

struct state *
state_new(const struct call *ca, const struct logon *lo)
{
	struct state *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->self = st;
	st->pid = getpid();
	st->uid = ca->uid;
	st->user = strdup(ca->user);
	st->retain = ca->retain;
	memcpy(st->socket, ca->socket, sizeof(st->socket));
	if (lo != NULL) {
		memcpy(st->session, lo->session, sizeof(st->session));
		memcpy(st->cache, lo->cache, sizeof(st->cache));
	}
	if (st->user == NULL || pam_set_data(ca->pamh, DATA, st, forget) != PAM_SUCCESS) {
		/* The caller ends what it began. */
		free(st->user);
		free(st);
		return NULL;
	}
	put_env(ca, ENV_SESSION, st->session[0] != '\0' ? st->session : NULL);
	return st;
}

/* The logon of another process, if it is this user's. */
static struct state *
adopt(const struct call *ca)
{
	const char *session = pam_getenv(ca->pamh, ENV_SESSION);
	struct logon lo = { 0 };
	struct found fo;

	if (session == NULL || strlen(session) >= sizeof(lo.session) ||
	    logon_find(ca, session, NULL, &fo) != TROUBLE_NONE)
		return NULL;
	say_debug(ca, "logon %s of %s was begun by another process", session, ca->user);
	memcpy(lo.session, fo.session, sizeof(lo.session));
	memcpy(lo.cache, fo.cache, sizeof(lo.cache));
	return state_new(ca, &lo);
}

bool
state_there(pam_handle_t *pamh)
{
	const void *data = NULL;

	return (pam_get_data(pamh, DATA, &data) == PAM_SUCCESS && data != NULL) ||
	       pam_getenv(pamh, ENV_SESSION) != NULL;
}

struct state *
state_get(const struct call *ca)
{
	const void *data = NULL;
	const struct state *seen;
	struct state *st;

	if (pam_get_data(ca->pamh, DATA, &data) != PAM_SUCCESS || data == NULL)
		return adopt(ca);
	seen = data;
	st = seen->self;
	/* Some programs (sudo) authenticate one user and go on as another. */
	return strcmp(st->user, ca->user) == 0 && st->uid == ca->uid ? st : NULL;
}

void
state_show(const struct call *ca, const struct state *st)
{
	if (st->cache[0] != '\0')
		put_env(ca, ENV_CACHE, st->cache);
}

enum trouble
state_end(const struct call *ca, struct state *st)
{
	enum trouble trouble = TROUBLE_NONE;
	struct found fo;

	if (st->session[0] != '\0' && !st->retain) {
		trouble = logon_end(ca->pamh, st->socket, st->session);
		/* A lock screen may have begun another logon in the same cache. */
		if (trouble == TROUBLE_NONE && st->cache[0] != '\0' &&
		    logon_find(ca, NULL, st->cache, &fo) == TROUBLE_NONE)
			trouble = logon_end(ca->pamh, st->socket, fo.session);
	}
	st->session[0] = '\0';
	put_env(ca, ENV_SESSION, NULL);
	put_env(ca, ENV_CACHE, NULL);
	(void)pam_set_data(ca->pamh, DATA, NULL, NULL);
	return trouble;
}
