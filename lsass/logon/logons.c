/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry of logons: what is kept of them, and how they begin and end. */
#include "lsass/logon/logons.h"

#include <inttypes.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/box.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/logon/notes.h"

static void
held_free(struct held *he)
{
	free(he->name);
	free(he->principal);
	explicit_bzero(he, sizeof(*he));
	free(he);
}

static bool
open_one(struct logon *lo, void *arg)
{
	(void)arg;
	if (lo->note == NULL || lo->held != NULL)
		return false;
	lo->held = note_read(lo->note, lo->note_len);
	if (lo->held != NULL) {
		lo->held->logon = lo;
		lo->held->own = lo->alone;
		return false;
	}
	log_warn("uid %u: the note of a logon cannot be read", (unsigned int)lo->owner);
	if (lo->alone)
		logon_unref(lo);
	return false;
}

void
logons_open(struct logons *lg)
{
	store_on_end(lg->store, held_free);
	store_each_logon(lg->store, open_one, NULL);
}

void
logons_save(struct held *he)
{
	size_t n = 0;
	char *note = note_write(he, &n);

	/* The machine's has no cache either, but its keys are brought again. */
	he->logon->alone = !he->begun && (he->ntlm_only || he->offline || he->keytab);
	if (note == NULL || logon_set_note(he->logon, (const uint8_t *)note, n) != 0)
		log_warn("uid %u: a change of a logon could not be written down",
			 (unsigned int)he->logon->owner);
	free(note);
}

void
logons_set_principal(struct held *he, struct rd octets)
{
	struct wire_princ princ;
	char text[1024];

	if (wire_princ(&octets, &princ) != 0)
		return;
	wire_princ_text(&princ, text, sizeof(text));
	free(he->principal);
	he->principal = strdup(text);
}

/* ---- beginning */

struct begun {
	uid_t owner;
	size_t n;
	struct held *oldest;
};

static bool
count_begun(struct logon *lo, void *arg)
{
	struct begun *be = arg;
	struct held *he = lo->held;

	if (he == NULL || !he->begun || lo->dead || lo->owner != be->owner)
		return false;
	be->n++;
	if (!he->at_work && (be->oldest == NULL || he->started <= be->oldest->started))
		be->oldest = he;
	return false;
}

static void
let_go(struct held *he)
{
	if (!he->own)
		return;
	he->own = false;
	logon_unref(he->logon); /* he may be gone */
}

static struct held *
held_new(const char *name)
{
	struct held *he = calloc(1, sizeof(*he));

	if (he == NULL)
		return NULL;
	he->begun = he->own = true;
	he->started = (uint32_t)time(NULL);
	he->name = strdup(name);
	if (he->name == NULL) {
		free(he);
		return NULL;
	}
	return he;
}

struct held *
logons_begin(struct logons *lg, uid_t owner, const char *name, enum iso_status *status)
{
	struct iso_req_session_open ask = { .owner = owner };
	struct iso_rep_session_open is;
	struct begun be = { .owner = owner };
	struct held *he;
	struct logon *lo;

	store_each_logon(lg->store, count_begun, &be);
	if (be.n >= LOGONS_BEGUN_USER && be.oldest != NULL)
		let_go(be.oldest);
	ask.lifetime = (uint32_t)lg->cf->logon_lifetime;
	*status = ask_session_open(&ask, &is);
	if (*status != ISO_OK)
		return NULL;
	*status = ISO_E_FULL;
	lo = logon_begin(lg->store, owner, is.session, is.generation,
			 (uint32_t)time(NULL) + ask.lifetime);
	if (lo == NULL)
		return NULL;
	he = held_new(name);
	if (he == NULL) {
		logon_unref(lo);
		return NULL;
	}
	he->logon = lo;
	lo->held = he;
	logons_save(he); /* else a restart of lsass would forget an open session */
	*status = ISO_OK;
	return he;
}

struct usable {
	uid_t owner;
	const char *name;
	uint32_t until; /* it must last so long */
	struct logon *found;
};

static bool
is_usable(struct logon *lo, void *arg)
{
	struct usable *us = arg;
	const struct held *he = lo->held;

	if (he == NULL || !he->keytab || lo->dead || lo->owner != us->owner ||
	    lo->expires < us->until || strcmp(he->name, us->name) != 0)
		return false;
	us->found = lo;
	return true;
}

struct logon *
logons_keytab(struct logons *lg, uid_t owner, const char *name, enum iso_status *status)
{
	struct usable us = { .owner = owner, .name = name };
	struct held *he;

	us.until = (uint32_t)time(NULL) + (uint32_t)lg->cf->logon_lifetime / 2;
	*status = ISO_OK;
	store_each_logon(lg->store, is_usable, &us);
	if (us.found != NULL)
		return us.found;
	he = logons_begin(lg, owner, name, status);
	if (he == NULL)
		return NULL;
	he->begun = false;
	he->keytab = true;
	logons_save(he);
	return he->logon;
}

enum iso_status
logons_seal(const struct held *he, const char *password, uint8_t sealed[ISO_BOX])
{
	struct iso_req_logon_challenge ask = { .session = he->logon->session,
					       .generation = he->logon->generation,
					       .owner = he->logon->owner };
	struct iso_rep_logon_challenge challenge;
	struct iso_req_status ask_key = { 0 };
	struct iso_rep_status key;
	struct box box;
	enum iso_status st = ask_logon_challenge(&ask, &challenge);

	if (st == ISO_OK)
		st = ask_status(&ask_key, &key);
	if (st != ISO_OK)
		return st;
	memset(&box, 0, sizeof(box));
	box.challenge = challenge.challenge;
	box.session = ask.session;
	box.generation = ask.generation;
	box.owner = ask.owner;
	if (box_fill(&box, he->name, (struct rd){ (const uint8_t *)password, strlen(password) },
		     0) != 0)
		st = ISO_E_RANGE;
	else if (box_seal(key.public_key, &box, sealed) != 0)
		st = ISO_E_ENTROPY;
	explicit_bzero(&box, sizeof(box));
	return st;
}

static bool
end_stale(struct logon *lo, void *arg)
{
	const uint32_t *now = arg;
	struct held *he = lo->held;

	if (he == NULL || !he->own || he->at_work)
		return false;
	if (he->begun ? lo->dead || *now - he->started > LOGONS_BEGUN_SECONDS
		      : lo->alone && (lo->dead || lo->expires <= *now))
		let_go(he);
	return false;
}

void
logons_tick(struct logons *lg)
{
	uint32_t now = (uint32_t)time(NULL);

	store_each_logon(lg->store, end_stale, &now);
}

/* ---- locked */

int
logons_lock(struct logon *lo, enum iso_status *status)
{
	struct iso_req_session_lock req = { .session = lo->session,
					    .generation = lo->generation,
					    .owner = lo->owner };
	struct iso_rep_session_lock is;
	struct held *he = lo->held;

	if (he == NULL || he->begun || he->anchor.len == 0)
		return 0;
	if (he->locked)
		return 1;
	*status = ask_session_lock(&req, &is);
	if (*status != ISO_OK)
		return -1;
	he->locked = true;
	logons_save(he);
	return 1;
}

struct unlockable {
	struct logon *logon[64]; /* referenced */
	size_t n;
};

static bool
lock_or_collect(struct logon *lo, void *arg)
{
	struct unlockable *un = arg;
	enum iso_status status = ISO_OK;

	if (lo->dead || (lo->held != NULL && lo->held->machine) || logons_lock(lo, &status) > 0)
		return false;
	un->logon[un->n++] = logon_ref(lo);
	return un->n == sizeof(un->logon) / sizeof(un->logon[0]);
}

void
logons_lock_all(struct logons *lg)
{
	struct unlockable un;
	char text[LOGONS_TEXT];

	do {
		un.n = 0;
		store_each_logon(lg->store, lock_or_collect, &un);
		for (size_t i = 0; i < un.n; i++) {
			logons_text(un.logon[i], text);
			log_notice("uid %u: session %s ended: all are locked, and it has no "
				   "password to unlock it with",
				   (unsigned int)un.logon[i]->owner, text);
			(void)logons_end(lg, un.logon[i]);
			logon_unref(un.logon[i]);
		}
	} while (un.n > 0);
}

/* ---- caches */

struct match {
	struct rd principal;
	struct cache *found;
};

static bool
is_of_principal(struct cache *ca, void *arg)
{
	struct match *ma = arg;
	struct rd a = { ca->principal, ca->principal_len }, b = ma->principal;
	struct wire_princ have, want;

	if (ca->principal == NULL || wire_princ(&a, &have) != 0 || wire_princ(&b, &want) != 0 ||
	    !wire_princ_equal(&have, &want))
		return false;
	ma->found = ca;
	return true;
}

/*
 * As kinit does: the principal's own cache, else the default one if it is
 * free, else a new one, which becomes the default.
 */
static kcode
choose(struct collection *co, const char *choice, struct rd principal,
       char name[CACHE_NAME_MAX + 1])
{
	struct match ma = { .principal = principal };
	kcode code;

	if (strcmp(choice, "new") == 0)
		return collection_new_name(co, name);
	if (strcmp(choice, "default") != 0) {
		(void)snprintf(name, CACHE_NAME_MAX + 1, "%s", choice);
		return 0;
	}
	collection_each_cache(co, is_of_principal, &ma);
	if (ma.found != NULL || cache_by_name(co, collection_default(co)) == NULL) {
		(void)snprintf(name, CACHE_NAME_MAX + 1, "%s",
			       ma.found != NULL ? ma.found->name : collection_default(co));
		return 0;
	}
	code = collection_new_name(co, name);
	return code == 0 ? collection_set_default(co, name) : code;
}

kcode
logons_refresh(struct cache *ca, const struct as_exchange *as)
{
	kcode code = cache_set_offset(ca, as->kdc_offset);

	if (code != 0)
		return code;
	return cache_store_sealed(ca, (struct rd){ as->cred.at, as->cred.len }, as->session,
				  as->generation, (struct rd){ as->blob, as->blob_len });
}

kcode
logons_finish(struct logons *lg, struct held *he, const struct as_exchange *as, const char *choice,
	      char name[CACHE_NAME_MAX + 1])
{
	struct collection *co = store_collection(lg->store, he->logon->owner);
	struct rd principal = { as->client.at, as->client.len };
	struct cache *ca = NULL;
	kcode code;

	if (co == NULL)
		return KRB5_CC_NOMEM;
	code = choose(co, choice, principal, name);
	if (code == 0)
		code = cache_initialize(co, name, principal, &ca);
	if (code == 0)
		code = logons_refresh(ca, as);
	if (code != 0) {
		if (ca != NULL)
			cache_destroy(ca);
		return code;
	}
	he->begun = false;
	logons_save(he);
	let_go(he); /* the cache has a reference now */
	return 0;
}

void
logons_settle(struct held *he)
{
	he->begun = false;
	logons_save(he);
	let_go(he); /* he may be gone */
}

/* ---- ending */

struct search {
	const struct logon *logon;
	struct cache *found;
};

static bool
uses(struct cache *ca, void *arg)
{
	struct search *se = arg;

	if (!cache_uses(ca, se->logon))
		return false;
	se->found = ca;
	return true;
}

struct cache *
logons_cache(struct logons *lg, const struct logon *lo)
{
	struct collection *co = store_collection(lg->store, lo->owner);
	struct search se = { .logon = lo };

	if (co != NULL)
		collection_each_cache(co, uses, &se);
	return se.found;
}

size_t
logons_end(struct logons *lg, struct logon *lo)
{
	struct cache *ca;
	size_t n = 0;

	(void)logon_ref(lo);
	logon_end(lo);
	while ((ca = logons_cache(lg, lo)) != NULL) {
		cache_destroy(ca);
		n++;
	}
	if (lo->held != NULL)
		let_go(lo->held);
	logon_unref(lo);
	return n;
}

/* ---- names */

void
logons_text(const struct logon *lo, char text[LOGONS_TEXT])
{
	(void)snprintf(text, LOGONS_TEXT, "%" PRIu32 ".%" PRIu32, lo->session, lo->generation);
}

struct named {
	const char *text;
	struct logon *found;
};

static bool
has_text(struct logon *lo, void *arg)
{
	struct named *na = arg;
	char text[LOGONS_TEXT];

	logons_text(lo, text);
	if (lo->dead || strcmp(text, na->text) != 0)
		return false;
	na->found = lo;
	return true;
}

struct logon *
logons_by_text(struct logons *lg, const char *text)
{
	struct named na = { .text = text };

	store_each_logon(lg->store, has_text, &na);
	return na.found;
}
