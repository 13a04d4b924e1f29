/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.ShowCache and DestroyCache. */
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/cache/store.h"
#include "lsass/front/admin/methods.h"

#define PRINCIPAL_TEXT 1024

json_t *
admin_principal(const struct wire_princ *princ)
{
	char text[PRINCIPAL_TEXT];

	wire_princ_text(princ, text, sizeof(text));
	for (char *at = text; *at != '\0'; at++) {
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	}
	return json_string(text);
}

struct search {
	uid_t uid;
	struct collection *found;
};

static bool
is_of(struct collection *co, void *arg)
{
	struct search *se = arg;

	if (collection_uid(co) != se->uid)
		return false;
	se->found = co;
	return true;
}

/*
 * The cache that a request names; without "name" the default one, if the
 * method allows. Looks only, so that a question makes no collection.
 */
static struct cache *
find(const struct admin_view *view, uid_t uid, const json_t *ask, bool or_default,
     struct admin_error *error)
{
	struct search se = { 0 };
	const json_t *named = json_object_get(ask, "name");
	const char *name = json_string_value(named);
	struct cache *ca = NULL;

	if (admin_whose(uid, ask, &se.uid, error) != 0)
		return NULL;
	if (name == NULL && (named != NULL || !or_default)) {
		*error = (struct admin_error){ "InvalidParameter", "name of a cache is missing" };
		return NULL;
	}
	store_each_collection(view->store, is_of, &se);
	if (se.found != NULL)
		ca = cache_by_name(se.found, name != NULL ? name : collection_default(se.found));
	if (se.found != NULL && ca == NULL && name != NULL && strcmp(name, ADMIN_FILES) == 0)
		ca = collection_kept(se.found);
	if (ca == NULL)
		*error = (struct admin_error){ "NotFound", name != NULL
							       ? "there is no cache of this name"
							       : "there is no cache" };
	return ca;
}

/* One credential as klist shows it; never its key. */
static json_t *
credential(const struct cred *cr, uint32_t now)
{
	struct rd in = { .at = cr->octets, .len = cr->len };
	struct wire_cred wc;

	if (wire_cred(&in, &wc) != 0)
		return json_pack("{s:s}", "server", "?");
	return json_pack("{s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "server",
			 admin_principal(&wc.server), "client", admin_principal(&wc.client),
			 "etype", (int)cr->etype, "authtime", (json_int_t)wc.authtime, "starttime",
			 (json_int_t)wc.starttime, "endtime", (json_int_t)wc.endtime, "renew_till",
			 (json_int_t)wc.renew_till, "ticket_octets", (json_int_t)wc.ticket.len,
			 "sealed", cr->logon != NULL, "state",
			 cr->logon != NULL && cr->logon->dead ? "log on again"
			 : cred_expired(cr, now)	      ? "expired"
							      : "live");
}

json_t *
method_show_cache(const struct admin_view *view, uid_t uid, const json_t *ask,
		  struct admin_error *error)
{
	struct cache *ca = find(view, uid, ask, true, error);
	struct rd in;
	struct wire_princ princ;
	json_t *list, *name = NULL;

	if (ca == NULL)
		return NULL;
	in = (struct rd){ .at = ca->principal, .len = ca->principal_len };
	if (ca->principal != NULL && wire_princ(&in, &princ) == 0)
		name = admin_principal(&princ);
	list = json_array();
	for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (!cr->is_config && !cred_hidden(cr))
			(void)json_array_append_new(list, credential(cr, (uint32_t)time(NULL)));
	}
	return json_pack("{s:I, s:s, s:o?, s:i, s:I, s:o}", "uid",
			 (json_int_t)collection_uid(ca->collection), "name",
			 ca->kept ? ADMIN_FILES : ca->name, "principal", name, "kdc_offset",
			 (int)ca->kdc_offset, "octets", (json_int_t)ca->octets, "tickets", list);
}

json_t *
method_destroy_cache(const struct admin_view *view, uid_t uid, const json_t *ask,
		     struct admin_error *error)
{
	struct cache *ca = find(view, uid, ask, false, error);
	uid_t owner;

	if (ca == NULL)
		return NULL;
	owner = collection_uid(ca->collection);
	log_notice("cache %s of uid %u destroyed by uid %u (lsactl)",
		   ca->kept ? ADMIN_FILES : ca->name, (unsigned int)owner, (unsigned int)uid);
	if (ca->kept)
		(void)collection_drop_kept(ca->collection, NULL);
	else
		cache_destroy(ca);
	return json_pack("{s:I}", "uid", (json_int_t)owner);
}
