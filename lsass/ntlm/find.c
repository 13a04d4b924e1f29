/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hashes that there are, in logons and in caches. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lsass/cache/store.h"
#include "lsass/ntlm/private.h"

#define CONF_KEY "ntlm-key-" /* of a Heimdal client, then its domain */

struct visit {
	struct ntlm *nt;
	struct found_scope scope;
	bool (*fn)(struct found *, void *);
	void *arg;
	bool stop;
};

static bool
in_scope(const struct visit *vi, uid_t owner)
{
	return vi->scope.all || vi->scope.owner == owner;
}

static void
copy(char to[NTLM_NAME], const char *from)
{
	(void)snprintf(to, NTLM_NAME, "%s", from);
}

/* ---- logons */

static bool
is_home(const struct ntlm *nt, const char *realm)
{
	return nt->realm[0] == '\0' || names_same(realm, nt->realm);
}

static bool
of_principal(const struct ntlm *nt, const struct held *he, struct found *fo)
{
	char label[NAMES_LABEL];

	if (!names_principal(he->principal != NULL ? he->principal : he->name, fo->user, fo->realm))
		return false;
	if (fo->realm[0] == '\0')
		copy(fo->realm, nt->realm);
	names_label(fo->realm, label);
	copy(fo->domain, is_home(nt, fo->realm) ? nt->domain : label);
	return true;
}

static bool
visit_logon(struct logon *lo, void *arg)
{
	struct visit *vi = arg;
	const struct held *he = lo->held;
	struct found fo = { .logon = lo };

	if (lo->dead || he == NULL || he->begun || he->machine || !in_scope(vi, lo->owner) ||
	    (he->ntlm_len == 0 && !he->ntlm_stale) || (int64_t)lo->expires <= time(NULL))
		return false;
	fo.source = he->ntlm_only ? NTLM_ALONE : NTLM_LOGON;
	if (he->ntlm_only ? !ntlm_split(he->name, fo.domain, fo.user)
			  : !of_principal(vi->nt, he, &fo))
		return false;
	fo.since = he->started;
	fo.locked = he->locked;
	fo.stale = he->ntlm_stale;
	fo.blob = (struct rd){ he->ntlm, he->ntlm_len };
	fo.name_len = strlen(he->name);
	if (fo.name_len > sizeof(fo.name))
		return false;
	memcpy(fo.name, he->name, fo.name_len);
	vi->stop = vi->fn(&fo, vi->arg);
	return vi->stop;
}

/* ---- caches */

/* The entry of a Heimdal client: krb5_ccache_conf_data/ntlm-key-DOMAIN, client its user. */
static bool
of_entry(struct cred *cr, struct found *fo)
{
	const size_t skip = sizeof(CONF_KEY) - 1;
	struct wire_cred wc;
	struct rd in = { cr->octets, cr->len }, key;
	char text[2 * NTLM_NAME];

	if (!cr->is_config || cr->logon == NULL || cr->logon->dead || cr->blob_len == 0 ||
	    wire_cred(&in, &wc) != 0 || wc.server.ncomp < 2)
		return false;
	key = wc.server.comp[1];
	if (key.len <= skip || key.len - skip >= NTLM_NAME || memchr(key.at, '\0', key.len) != NULL)
		return false;
	memcpy(fo->domain, key.at + skip, key.len - skip);
	fo->domain[key.len - skip] = '\0';
	wire_princ_text(&wc.client, text, sizeof(text));
	if (!names_principal(text, fo->user, fo->realm))
		return false;
	fo->source = NTLM_HEIMDAL;
	fo->logon = cr->logon;
	fo->locked = cr->logon->held != NULL && cr->logon->held->locked;
	fo->blob = (struct rd){ cr->blob, cr->blob_len };
	fo->name_len = wire_client_der(&wc.client, fo->name, sizeof(fo->name));
	fo->cred = cr;
	return fo->name_len != 0;
}

static bool
visit_cache(struct cache *ca, void *arg)
{
	struct visit *vi = arg;

	for (struct cred *cr = ca->first, *next; cr != NULL && !vi->stop; cr = next) {
		struct found fo = { .cache = ca };

		next = cr->next; /* fn may remove it */
		if (cr->hidden && of_entry(cr, &fo))
			vi->stop = vi->fn(&fo, vi->arg);
	}
	return vi->stop;
}

static bool
visit_collection(struct collection *co, void *arg)
{
	struct visit *vi = arg;

	if (in_scope(vi, collection_uid(co)))
		collection_each_cache(co, visit_cache, vi);
	return vi->stop;
}

void
found_each(struct ntlm *nt, struct found_scope scope, bool (*fn)(struct found *, void *), void *arg)
{
	struct visit vi = { .nt = nt, .scope = scope, .fn = fn, .arg = arg };

	store_each_logon(nt->logons->store, visit_logon, &vi);
	if (!vi.stop)
		store_each_collection(nt->logons->store, visit_collection, &vi);
}

/* ---- which */

bool
domain_means(const struct ntlm *nt, const char *domain, const char *realm)
{
	char label[NAMES_LABEL];

	names_label(realm, label);
	return names_same(realm, domain) || names_same(label, domain) ||
	       (is_home(nt, realm) && names_same(nt->domain, domain));
}

bool
found_answers(const struct ntlm *nt, const struct found *fo, const char *domain, const char *user)
{
	if (!names_same(fo->user, user))
		return false;
	if (names_same(fo->domain, domain))
		return true;
	if (fo->source == NTLM_ALONE)
		return false;
	return domain[0] == '\0' ||
	       (fo->source == NTLM_LOGON && domain_means(nt, domain, fo->realm));
}

struct gather {
	const struct ntlm *nt;
	const char *domain, *user;
	struct found *list;
	size_t n;
};

/* What is not locked, then what is newest. */
static bool
better(const struct found *a, const struct found *b)
{
	if (a->locked != b->locked)
		return b->locked;
	return a->since > b->since;
}

static bool
gather(struct found *fo, void *arg)
{
	struct gather *ga = arg;
	size_t at;

	if (fo->stale || !found_answers(ga->nt, fo, ga->domain, ga->user))
		return false;
	if (ga->n == FOUND_MAX && !better(fo, &ga->list[FOUND_MAX - 1]))
		return false;
	at = ga->n < FOUND_MAX ? ga->n++ : FOUND_MAX - 1;
	for (; at > 0 && better(fo, &ga->list[at - 1]); at--)
		ga->list[at] = ga->list[at - 1];
	ga->list[at] = *fo;
	return false;
}

size_t
found_for(struct ntlm *nt, uid_t owner, const char *domain, const char *user,
	  struct found list[FOUND_MAX])
{
	struct gather ga = { .nt = nt, .domain = domain, .user = user, .list = list };

	found_each(nt, (struct found_scope){ .owner = owner }, gather, &ga);
	return ga.n;
}
