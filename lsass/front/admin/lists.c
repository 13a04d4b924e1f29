/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.ListSessions and ListCaches. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsass/ask.h"
#include "lsass/cache/store.h"
#include "lsass/front/admin/methods.h"
#include "lsass/logon/renew.h"

int
admin_scope_of(uid_t uid, const json_t *ask, struct admin_scope *sc, struct admin_error *error)
{
	sc->all = uid == 0 && json_object_get(ask, "uid") == NULL;
	return admin_whose(uid, ask, &sc->uid, error);
}

static const char *
cache_state(struct cache *ca, uint32_t now)
{
	const struct cred *tgt = cache_tgt(ca);

	if (tgt == NULL)
		return "no ticket-granting ticket";
	if (tgt->logon == NULL || tgt->logon->dead)
		return "log on again";
	return cred_expired(tgt, now) ? "expired" : "live";
}

static const char *
name_of(const struct cache *ca)
{
	return ca->kept ? ADMIN_FILES : ca->name;
}

static json_t *
client_of(const struct cred *cr)
{
	struct rd in = { .at = cr->octets, .len = cr->len };
	struct wire_cred wc;

	return wire_cred(&in, &wc) == 0 ? admin_principal(&wc.client) : json_null();
}

static json_t *
principal_of(const struct cache *ca)
{
	struct rd in = { .at = ca->principal, .len = ca->principal_len };
	struct wire_princ princ;

	if (ca->kept)
		return ca->last != NULL ? client_of(ca->last) : json_null();
	if (ca->principal == NULL || wire_princ(&in, &princ) != 0)
		return json_null();
	return admin_principal(&princ);
}

/* ---- caches */

struct cache_list {
	struct admin_scope scope;
	uint32_t now;
	const char *dflt; /* name of the default cache of this collection */
	json_t *list;
};

static bool
add_cache(struct cache *ca, void *arg)
{
	struct cache_list *cl = arg;
	const struct cred *tgt = cache_tgt(ca);

	(void)json_array_append_new(
	    cl->list,
	    json_pack("{s:I, s:s, s:b, s:o, s:s, s:I, s:I, s:I}", "uid",
		      (json_int_t)collection_uid(ca->collection), "name", ca->name, "default",
		      cl->dflt != NULL && strcmp(cl->dflt, ca->name) == 0, "principal",
		      principal_of(ca), "state", cache_state(ca, cl->now), "tickets",
		      (json_int_t)ca->nlisted, "octets", (json_int_t)ca->octets, "endtime",
		      (json_int_t)(tgt != NULL ? tgt->endtime : 0)));
	return false;
}

/* Tickets in files: as the one that ends last. */
static void
add_files(struct cache_list *cl, struct cache *ca)
{
	const struct cred *last = ca->first;

	if (last == NULL)
		return;
	for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (cred_expired(last, cl->now) ||
		    (!cred_expired(cr, cl->now) && cr->endtime > last->endtime))
			last = cr;
	}
	(void)json_array_append_new(
	    cl->list, json_pack("{s:I, s:s, s:b, s:o, s:s, s:I, s:I, s:I}", "uid",
				(json_int_t)collection_uid(ca->collection), "name", name_of(ca),
				"default", 0, "principal", client_of(last), "state",
				last->logon->dead	      ? "log on again"
				: cred_expired(last, cl->now) ? "expired"
							      : "live",
				"tickets", (json_int_t)ca->nlisted, "octets",
				(json_int_t)ca->octets, "endtime", (json_int_t)last->endtime));
}

static bool
add_caches(struct collection *co, void *arg)
{
	struct cache_list *cl = arg;

	if (!cl->scope.all && collection_uid(co) != cl->scope.uid)
		return false;
	cl->dflt = collection_default(co);
	collection_each_cache(co, add_cache, cl);
	if (collection_kept(co) != NULL)
		add_files(cl, collection_kept(co));
	return !cl->scope.all;
}

json_t *
method_list_caches(const struct admin_view *view, uid_t uid, const json_t *ask,
		   struct admin_error *error)
{
	struct cache_list cl = { .now = (uint32_t)time(NULL) };

	if (admin_scope_of(uid, ask, &cl.scope, error) != 0)
		return NULL;
	cl.list = json_array();
	store_each_collection(view->store, add_caches, &cl);
	return json_pack("{s:o}", "caches", cl.list);
}

/* ---- sessions: the logons that caches hold on to */

struct use {
	const struct logon *logon;
	struct cache *cache;
};

struct session_list {
	struct admin_scope scope;
	struct use *uses;
	size_t n, room;
	bool failed;
};

static bool
add_use(struct session_list *sl, const struct logon *logon, struct cache *ca)
{
	if (logon == NULL)
		return true;
	if (sl->n > 0 && sl->uses[sl->n - 1].logon == logon && sl->uses[sl->n - 1].cache == ca)
		return true;
	if (sl->n == sl->room) {
		size_t room = sl->room == 0 ? 64 : 2 * sl->room;
		struct use *more = reallocarray(sl->uses, room, sizeof(*more));

		if (more == NULL)
			return false;
		sl->uses = more;
		sl->room = room;
	}
	sl->uses[sl->n++] = (struct use){ logon, ca };
	return true;
}

static bool
add_uses(struct cache *ca, void *arg)
{
	struct session_list *sl = arg;
	bool ok = true;

	for (const struct cred *cr = ca->first; ok && cr != NULL; cr = cr->next)
		ok = add_use(sl, cr->logon, ca);
	sl->failed = !ok;
	return sl->failed;
}

static bool
add_collection(struct collection *co, void *arg)
{
	struct session_list *sl = arg;

	if (!sl->scope.all && collection_uid(co) != sl->scope.uid)
		return false;
	collection_each_cache(co, add_uses, sl);
	if (!sl->failed && collection_kept(co) != NULL)
		(void)add_uses(collection_kept(co), sl);
	return sl->failed || !sl->scope.all;
}

static int
by_session(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->logon->owner != y->logon->owner)
		return x->logon->owner < y->logon->owner ? -1 : 1;
	if (x->logon->session != y->logon->session)
		return x->logon->session < y->logon->session ? -1 : 1;
	if (x->logon != y->logon)
		return x->logon < y->logon ? -1 : 1;
	if (x->cache->kept != y->cache->kept)
		return x->cache->kept ? 1 : -1;
	return x->cache == y->cache ? 0 : x->cache < y->cache ? -1 : 1;
}

/* How it began, and when it ends for good. */
static void
add_held(json_t *to, const struct logons *lg, const struct logon *lo, struct cache *ca)
{
	const struct held *he = lo->held;
	bool more = false, files = ca != NULL && ca->kept;
	uint32_t ends = lo->expires;

	if (ca != NULL && !files)
		ends = renew_ends(lg, ca, &more);
	(void)json_object_set_new(to, "kind",
				  json_string(he == NULL	  ? "absorbed"
					      : he->machine	  ? "machine"
					      : he->keytab	  ? "keytab"
					      : he->ntlm_only	  ? "ntlm"
					      : files && !he->own ? "file"
								  : "inside"));
	(void)json_object_set_new(to, "ends", json_integer(ends));
	(void)json_object_set_new(to, "renewable", json_boolean(more));
	if (he == NULL)
		return;
	(void)json_object_set_new(to, "keep", json_boolean(he->keep));
	(void)json_object_set_new(to, "ntlm", json_boolean(he->ntlm_len != 0));
	(void)json_object_set_new(to, "armored", json_boolean(he->armored));
	(void)json_object_set_new(to, "verified", json_boolean(he->verified));
	(void)json_object_set_new(to, "started", json_integer(he->started));
	(void)json_object_set_new(to, "password_expires", json_integer(he->password_expires));
}

/* What lsaiso counts for it; a dead one has nothing left to ask. */
static void
add_info(json_t *to, const struct logon *lo)
{
	struct iso_req_session_info ask = { .session = lo->session,
					    .generation = lo->generation,
					    .owner = lo->owner };
	struct iso_rep_session_info is = { 0 };
	enum iso_status st = lo->dead ? ISO_E_SESSION : ask_session_info(&ask, &is);

	(void)json_object_set_new(to, "state",
				  json_string(st == ISO_OK && is.locked ? "locked"
					      : st == ISO_OK		? "open"
					      : st == ISO_E_EXPIRED	? "expired"
									: "log on again"));
	if (st != ISO_OK)
		return;
	(void)json_object_set_new(to, "expires_in", json_integer((json_int_t)is.expires_in));
	(void)json_object_set_new(to, "uses", json_integer(is.uses));
	(void)json_object_set_new(to, "refused", json_integer(is.refused));
	(void)json_object_set_new(to, "tokens", json_integer(is.tokens));
}

/* Those that no cache has: without a KDC, the machine's. */
struct bare {
	struct admin_scope scope;
	struct logons *lg;
	json_t *list;
};

static bool
has_cache(struct logons *lg, const struct logon *lo)
{
	struct collection *co = store_collection(lo->store, lo->owner);
	const struct cache *files = co != NULL ? collection_kept(co) : NULL;

	return (files != NULL && cache_uses(files, lo)) || logons_cache(lg, lo) != NULL;
}

static bool
add_bare(struct logon *lo, void *arg)
{
	struct bare *ba = arg;
	const struct held *he = lo->held;
	json_t *one;

	if (he == NULL || !he->own || he->begun || lo->dead ||
	    (!ba->scope.all && lo->owner != ba->scope.uid) || has_cache(ba->lg, lo))
		return false;
	one = json_pack("{s:I, s:I, s:I, s:s, s:[]}", "uid", (json_int_t)lo->owner, "session",
			(json_int_t)lo->session, "generation", (json_int_t)lo->generation,
			"principal", he->principal != NULL ? he->principal : he->name, "caches");
	add_info(one, lo);
	add_held(one, NULL, lo, NULL);
	(void)json_array_append_new(ba->list, one);
	return false;
}

static json_t *
sessions_json(const struct session_list *sl, const struct logons *lg)
{
	json_t *list = json_array(), *names = NULL;

	for (size_t i = 0; i < sl->n; i++) {
		const struct use *us = &sl->uses[i];

		if (i == 0 || sl->uses[i - 1].logon != us->logon) {
			json_t *one = json_pack("{s:I, s:I, s:I, s:o}", "uid",
						(json_int_t)us->logon->owner, "session",
						(json_int_t)us->logon->session, "generation",
						(json_int_t)us->logon->generation, "principal",
						us->logon->held != NULL && us->logon->held->keytab
						    ? json_string(us->logon->held->name)
						    : principal_of(us->cache));

			names = json_array();
			add_info(one, us->logon);
			add_held(one, lg, us->logon, us->cache);
			(void)json_object_set_new(one, "caches", names);
			(void)json_array_append_new(list, one);
		} else if (sl->uses[i - 1].cache == us->cache) {
			continue;
		}
		(void)json_array_append_new(names, json_string(name_of(us->cache)));
	}
	return list;
}

json_t *
method_list_sessions(const struct admin_view *view, uid_t uid, const json_t *ask,
		     struct admin_error *error)
{
	struct session_list sl = { 0 };
	struct bare ba;

	if (admin_scope_of(uid, ask, &sl.scope, error) != 0)
		return NULL;
	store_each_collection(view->store, add_collection, &sl);
	if (sl.failed) {
		free(sl.uses);
		return NULL;
	}
	if (sl.n > 0)
		qsort(sl.uses, sl.n, sizeof(sl.uses[0]), by_session);
	ba = (struct bare){ sl.scope, view->logons, sessions_json(&sl, view->logons) };
	free(sl.uses);
	store_each_logon(view->store, add_bare, &ba);
	return json_pack("{s:o}", "sessions", ba.list);
}
