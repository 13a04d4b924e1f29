/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logons for NTLM alone: made of a box, or of a password that a program sent; and their end. */
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/store.h"
#include "lsass/ntlm/private.h"

/* ---- others of the same user */

struct others {
	const struct held *but;
	size_t n;
	struct logon *same;
};

static bool
look_at_other(struct logon *lo, void *arg)
{
	struct others *ot = arg;
	const struct held *he = lo->held;

	if (lo->dead || he == NULL || he == ot->but || he->begun || !he->ntlm_only ||
	    lo->owner != ot->but->logon->owner)
		return false;
	ot->n++;
	if (names_same(he->name, ot->but->name))
		ot->same = lo;
	return false;
}

static struct others
others_of(struct ntlm *nt, const struct held *he)
{
	struct others ot = { .but = he };

	store_each_logon(nt->logons->store, look_at_other, &ot);
	return ot;
}

/* ---- a box */

/* krb_s2k of the password; rep is the caller's to wipe. */
static enum iso_status
make(const struct held *he, struct rd password, int32_t etype, struct rd salt,
     struct iso_rep_krb_s2k *is)
{
	struct iso_req_krb_s2k ask = { .session = he->logon->session,
				       .generation = he->logon->generation,
				       .owner = he->logon->owner,
				       .password = password,
				       .name = { (const uint8_t *)he->name, strlen(he->name) },
				       .etype = etype,
				       .salt = salt };

	return ask_krb_s2k(&ask, is);
}

/* A key to unlock with, which no KDC knows, its salt the name without the \, and the hash. */
static enum iso_status
fill(struct held *he, struct rd password)
{
	struct as_anchor *an = &he->anchor;
	size_t n = strcspn(he->name, "\\"), more = strlen(he->name) - n - 1;
	struct iso_rep_krb_s2k is;
	enum iso_status st;

	an->etype = AS_ANCHOR_ETYPE;
	an->params_len = 0;
	an->salt_len = n + more;
	if (an->salt_len > sizeof(an->salt))
		return ISO_E_RANGE;
	memcpy(an->salt, he->name, n);
	memcpy(an->salt + n, he->name + n + 1, more);
	st = make(he, password, an->etype, (struct rd){ an->salt, an->salt_len }, &is);
	if (st == ISO_OK) {
		memcpy(an->blob, is.anchor.at, is.anchor.len);
		an->len = is.anchor.len;
		st = make(he, password, 0, (struct rd){ 0 }, &is);
	}
	if (st == ISO_OK) {
		memcpy(he->ntlm, is.blob.at, is.blob.len);
		he->ntlm_len = is.blob.len;
	}
	return st;
}

enum iso_status
ntlm_add(struct ntlm *nt, struct held *he, const uint8_t box[ISO_BOX])
{
	struct iso_req_logon_absorb ask = { .session = he->logon->session,
					    .generation = he->logon->generation,
					    .owner = he->logon->owner,
					    .box = { box, ISO_BOX } };
	struct iso_rep_logon_absorb is;
	char domain[NTLM_NAME], user[NTLM_NAME];
	struct others ot = others_of(nt, he);
	enum iso_status st;

	if (strcmp(nt->cf->ntlm_mode, "off") == 0)
		return ISO_E_POLICY;
	if (!ntlm_split(he->name, domain, user))
		return ISO_E_RANGE;
	if (ot.same == NULL && ot.n >= NTLM_ADDED)
		return ISO_E_FULL;
	st = ask_logon_absorb(&ask, &is);
	if (st == ISO_OK && is.kind != ISO_KIND_PASSWORD)
		st = ISO_E_KIND;
	if (st == ISO_OK)
		st = fill(he, (struct rd){ is.blob.at, is.blob.len });
	if (st != ISO_OK)
		return st;
	he->begun = false;
	he->ntlm_only = true;
	logons_save(he);
	if (ot.same != NULL)
		(void)logons_end(nt->logons, ot.same);
	log_info("uid %u: a hash for NTLM as %s was added", (unsigned int)he->logon->owner,
		 he->name);
	return ISO_OK;
}

/* ---- a password */

static enum ntlm_result
result_of(enum iso_status st)
{
	switch ((int)st) {
	case ISO_OK:
		return NTLM_DONE;
	case ISO_GONE:
	case ISO_E_FULL:
	case ISO_E_ENTROPY:
		return NTLM_GONE;
	default:
		return NTLM_REFUSED;
	}
}

enum ntlm_result
ntlm_save(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain, const char *user,
	  const char *password)
{
	char name[2 * NTLM_NAME], unused[2][NTLM_NAME];
	uint8_t box[ISO_BOX];
	enum iso_status st;
	struct held *he;

	(void)snprintf(name, sizeof(name), "%s\\%s", domain[0] != '\0' ? domain : nt->domain, user);
	if (strcmp(nt->cf->ntlm_mode, "off") == 0 || !ntlm_split(name, unused[0], unused[1]) ||
	    !names_same(name, name)) /* what is not UTF-8 is not even itself */
		return NTLM_REFUSED;
	he = logons_begin(nt->logons, peer->uid, name, &st);
	if (he == NULL)
		return result_of(st);
	st = logons_seal(he, password, box);
	if (st == ISO_OK)
		st = ntlm_add(nt, he, box);
	if (st != ISO_OK) {
		log_notice("uid %u: no hash for NTLM as %s: %s", (unsigned int)peer->uid, name,
			   rpc_status_text((uint32_t)st));
		(void)logons_end(nt->logons, he->logon);
	}
	return result_of(st);
}

/* ---- the end */

/* The first hash that is to go. */
struct pick {
	struct ntlm *nt;
	bool (*goes)(const struct pick *, const struct found *);
	const char *user, *of; /* of: a domain, or a realm */
	struct found found;    /* its blob is not to be looked at */
	bool any;
};

static bool
pick(struct found *fo, void *arg)
{
	struct pick *pi = arg;

	pi->any = pi->goes(pi, fo);
	if (pi->any)
		pi->found = *fo;
	return pi->any;
}

static bool
pick_next(struct pick *pi, struct found_scope scope)
{
	pi->any = false;
	found_each(pi->nt, scope, pick, pi);
	return pi->any;
}

static void
take_away(const struct pick *pi)
{
	if (pi->found.source == NTLM_HEIMDAL)
		(void)cache_remove(pi->found.cache, pi->found.cred);
	else
		(void)logons_end(pi->nt->logons, pi->found.logon);
}

static bool
is_of_name(const struct pick *pi, const struct found *fo)
{
	return fo->source != NTLM_LOGON && names_same(fo->domain, pi->of) &&
	       names_same(fo->user, pi->user);
}

size_t
ntlm_remove(struct ntlm *nt, uid_t owner, const char *domain, const char *user)
{
	struct pick pi = { .nt = nt, .goes = is_of_name, .user = user, .of = domain };
	size_t n = 0;

	for (; pick_next(&pi, (struct found_scope){ .owner = owner }); n++)
		take_away(&pi);
	return n;
}

/* ---- another password */

static bool
is_old(const struct pick *pi, const struct found *fo)
{
	if (fo->stale || !names_same(fo->user, pi->user))
		return false;
	return fo->source == NTLM_ALONE ? domain_means(pi->nt, fo->domain, pi->of)
					: names_same(fo->realm, pi->of);
}

/* The logon goes on; what it would answer NTLM with does not. */
static void
forget(struct held *he)
{
	explicit_bzero(he->ntlm, sizeof(he->ntlm));
	he->ntlm_len = 0;
	he->ntlm_stale = true;
	logons_save(he);
}

size_t
ntlm_changed(struct ntlm *nt, const char *principal)
{
	char user[NTLM_NAME], realm[NTLM_NAME];
	struct pick pi = { .nt = nt, .goes = is_old, .user = user, .of = realm };
	size_t n = 0;

	if (!names_principal(principal, user, realm))
		return 0;
	if (realm[0] == '\0')
		(void)snprintf(realm, sizeof(realm), "%s", nt->realm);
	for (; pick_next(&pi, (struct found_scope){ .all = true }); n++) {
		if (pi.found.source == NTLM_LOGON)
			forget(pi.found.logon->held);
		else
			take_away(&pi);
	}
	return n;
}
