/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsass/ntlm/ntlm.h"

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/ntlm/private.h"
#include "lsass/tgs/context.h"

/* ---- beginning */

static void
default_realm(struct ntlm *nt)
{
	struct context co = { 0 };
	char *realm = NULL;

	if (context_get(&co, nt->cf->krb5_config, 0) == 0 &&
	    krb5_get_default_realm(co.ctx, &realm) == 0) {
		if (strlen(realm) < sizeof(nt->realm))
			memcpy(nt->realm, realm, strlen(realm) + 1);
		krb5_free_default_realm(co.ctx, realm);
	}
	context_free(&co);
}

struct ntlm *
ntlm_new(const struct config *cf, struct logons *logons)
{
	struct ntlm *nt = calloc(1, sizeof(*nt));
	char host[256] = "", label[NAMES_LABEL];

	if (nt == NULL)
		return NULL;
	nt->cf = cf;
	nt->logons = logons;
	default_realm(nt);
	names_label(nt->realm, label);
	(void)snprintf(nt->domain, sizeof(nt->domain), "%s",
		       cf->ntlm_domain[0] != '\0' ? cf->ntlm_domain : label);
	(void)gethostname(host, sizeof(host) - 1);
	names_label(host, label);
	if (!names_utf16(label, true, &nt->workstation))
		nt->workstation.len = 0;
	logons->ntlm = nt;
	return nt;
}

void
ntlm_free(struct ntlm *nt)
{
	if (nt != NULL)
		nt->logons->ntlm = NULL;
	free(nt);
}

const char *
ntlm_domain(const struct ntlm *nt)
{
	return nt->domain;
}

static bool
is_off(const struct ntlm *nt)
{
	return strcmp(nt->cf->ntlm_mode, "off") == 0;
}

/* ---- is there one? */

static enum iso_status
session_of(const struct found *fo)
{
	struct iso_req_session_info ask = { .session = fo->logon->session,
					    .generation = fo->logon->generation,
					    .owner = fo->logon->owner };
	struct iso_rep_session_info is;

	return ask_session_info(&ask, &is);
}

enum ntlm_result
ntlm_has(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain, const char *user)
{
	struct found list[FOUND_MAX];
	enum ntlm_result result = NTLM_NONE;
	size_t n = is_off(nt) ? 0 : found_for(nt, peer->uid, domain, user, list);

	for (size_t i = 0; i < n; i++) {
		enum iso_status st = session_of(&list[i]);

		if (st == ISO_OK)
			return list[i].locked ? NTLM_LOCKED : NTLM_DONE;
		result = NTLM_GONE;
	}
	return result;
}

/* ---- an answer */

struct names {
	struct name16 user, upper, domain;
};

static bool
make_names(const struct ntlm_ask *ask, const struct found *fo, struct names *na)
{
	return names_utf16(ask->user, false, &na->user) &&
	       names_utf16(ask->user, true, &na->upper) &&
	       names_utf16(ask->domain[0] != '\0' ? ask->domain : fo->domain, false, &na->domain);
}

static struct rd
rd_of(const struct name16 *name)
{
	return (struct rd){ name->at, name->len };
}

static enum iso_status
authenticate(const struct ntlm *nt, const struct ntlm_ask *ask, const struct found *fo,
	     struct iso_rep_ntlm_authenticate *is)
{
	struct names na;
	struct iso_req_ntlm_authenticate req = { .session = fo->logon->session,
						 .generation = fo->logon->generation,
						 .owner = fo->logon->owner,
						 .key = fo->blob,
						 .name = { fo->name, fo->name_len },
						 .workstation = rd_of(&nt->workstation),
						 .negotiate = ask->negotiate,
						 .challenge = ask->challenge };

	if (!make_names(ask, fo, &na))
		return ISO_E_RANGE;
	req.user = rd_of(&na.user);
	req.upper = rd_of(&na.upper);
	req.domain = rd_of(&na.domain);
	return ask_ntlm_authenticate(&req, is);
}

static void
note(struct ntlm *nt, const struct ntlm_ask *ask, const struct found *fo,
     const struct iso_rep_ntlm_authenticate *is, bool refused)
{
	char server[NTLM_SHOWN];
	struct use_of use = { .peer = &ask->peer,
			      .domain = ask->domain[0] != '\0' ? ask->domain : fo->domain,
			      .user = ask->user,
			      .server = server,
			      .listed = is->listed != 0,
			      .refused = refused };

	names_show(refused ? challenge_server(ask->challenge)
			   : (struct rd){ is->server.at, is->server.len },
		   server, sizeof(server));
	if (refused) /* why, lsaiso does not say */
		use.listed = challenge_listed(nt->cf, server);
	use_note(nt, &use);
}

/* A random one: what is not a key must not be one by chance. */
static void
no_key(struct ntlm_answer *an)
{
	an->has_key = false;
	if (getrandom(an->session_key, sizeof(an->session_key), 0) !=
	    (ssize_t)sizeof(an->session_key))
		abort();
}

static void
fill(struct ntlm_answer *an, const struct iso_rep_ntlm_authenticate *is)
{
	memcpy(an->message, is->message.at, is->message.len);
	an->message_len = is->message.len;
	an->has_key = is->session_key.len == sizeof(an->session_key);
	if (an->has_key)
		memcpy(an->session_key, is->session_key.at, sizeof(an->session_key));
	else
		no_key(an);
}

/* What a status means; NTLM_GONE: another hash may do. */
static enum ntlm_result
result_of(enum iso_status st)
{
	switch ((int)st) {
	case ISO_OK:
		return NTLM_DONE;
	case ISO_E_LOCKED:
		return NTLM_LOCKED;
	case ISO_GONE:
	case ISO_E_SESSION:
	case ISO_E_EXPIRED:
	case ISO_E_BLOB:
	case ISO_E_KIND:
	case ISO_E_OWNER:
	case ISO_E_ENTROPY:
		return NTLM_GONE;
	default:
		return NTLM_REFUSED;
	}
}

enum ntlm_result
ntlm_answer(struct ntlm *nt, const struct ntlm_ask *ask, struct ntlm_answer *an)
{
	struct found list[FOUND_MAX];
	struct iso_rep_ntlm_authenticate is;
	enum ntlm_result result = NTLM_NONE;
	size_t n = is_off(nt) ? 0 : found_for(nt, ask->peer.uid, ask->domain, ask->user, list);

	memset(an, 0, sizeof(*an));
	no_key(an);
	for (size_t i = 0; i < n; i++) {
		enum iso_status st;

		memset(&is, 0, sizeof(is));
		st = authenticate(nt, ask, &list[i], &is);
		result = result_of(st);
		if (st == ISO_OK || st == ISO_E_POLICY)
			note(nt, ask, &list[i], &is, st != ISO_OK);
		if (result == NTLM_DONE)
			fill(an, &is);
		else if (st != ISO_OK)
			log_debug("uid %u: NTLM as %s: %s", (unsigned int)ask->peer.uid, ask->user,
				  rpc_status_text((uint32_t)st));
		if (result != NTLM_GONE)
			break;
	}
	explicit_bzero(&is, sizeof(is));
	return result;
}

/* ---- what there is */

struct each {
	bool (*fn)(const struct ntlm_hash *, void *);
	void *arg;
};

static bool
show(struct found *fo, void *arg)
{
	const struct each *ea = arg;
	struct ntlm_hash ha = { .source = fo->source,
				.logon = fo->logon,
				.domain = fo->domain,
				.user = fo->user,
				.since = fo->since,
				.locked = fo->locked,
				.stale = fo->stale };

	return ea->fn(&ha, ea->arg);
}

void
ntlm_each(struct ntlm *nt, bool (*fn)(const struct ntlm_hash *, void *), void *arg)
{
	struct each ea = { fn, arg };

	found_each(nt, (struct found_scope){ .all = true }, show, &ea);
}

static bool
count(struct found *fo, void *arg)
{
	size_t *n = arg;

	*n += !fo->stale;
	return false;
}

void
ntlm_stats(struct ntlm *nt, struct ntlm_stats *stats)
{
	*stats = nt->stats;
	stats->hashes = 0;
	found_each(nt, (struct found_scope){ .all = true }, count, &stats->hashes);
}
