/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.NtlmAdd, NtlmRemove, ListNtlm, ListNtlmUses, and what Status says of NTLM. */
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/front/admin/logons.h"
#include "lsass/ntlm/ntlm.h"

/* ---- adding */

static void
refuse(struct ask *as, enum iso_status st)
{
	if (st == ISO_E_POLICY)
		ask_refuse(as, "Failed", "NTLM is switched off; see [ntlm] in lsaiso.conf(5)");
	else if (st == ISO_E_RANGE)
		ask_refuse(as, "InvalidParameter", "the name must be DOMAIN\\user");
	else if (st == ISO_E_FULL)
		ask_refuse(as, "Failed",
			   "there are %d names for NTLM already, which is as many as one user may "
			   "have; remove one: lsactl ntlm remove",
			   NTLM_ADDED);
	else
		ask_refuse(as, "Failed", "lsaiso does not take the password: %s",
			   rpc_status_text((uint32_t)st));
}

json_t *
method_ntlm_add(const struct admin_view *view, uid_t uid, const json_t *ask,
		struct admin_error *error)
{
	uint8_t box[ISO_BOX];
	char session[LOGONS_TEXT];
	enum iso_status st;
	struct logon *lo;
	struct held *he;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (lo = ask_logon(&as)) == NULL)
		return NULL;
	he = lo->held;
	if (he == NULL || !he->begun || he->at_work ||
	    strcmp(ask_text(&as, "principal"), he->name) != 0) {
		ask_refuse(&as, "InvalidParameter",
			   "that session does not wait for a password of this name; begin one "
			   "with LogonStart");
		return NULL;
	}
	if (!ask_box(&as, "box", box))
		return NULL;
	logons_text(lo, session);
	st = ntlm_add(view->ntlm, he, box);
	if (st != ISO_OK) {
		refuse(&as, st);
		(void)logons_end(as.logons, lo);
		return NULL;
	}
	admin_answer(as.later, json_pack("{s:s, s:s}", "session", session, "name", he->name));
	return NULL;
}

/* ---- removing */

json_t *
method_ntlm_remove(const struct admin_view *view, uid_t uid, const json_t *ask,
		   struct admin_error *error)
{
	const char *name = json_string_value(json_object_get(ask, "name"));
	char domain[NTLM_NAME], user[NTLM_NAME];
	uid_t whose;
	size_t n;

	if (admin_whose(uid, ask, &whose, error) != 0)
		return NULL;
	if (name == NULL || !ntlm_split(name, domain, user)) {
		*error = (struct admin_error){ "InvalidParameter", "name must be DOMAIN\\user" };
		return NULL;
	}
	n = ntlm_remove(view->ntlm, whose, domain, user);
	if (n == 0) {
		*error = (struct admin_error){
			"NotFound", "nothing was added of that name; see lsactl ntlm. What a "
				    "logon brought ends with it: lsactl logoff"
		};
		return NULL;
	}
	log_info("uid %u: %zu hashes for NTLM as %s were removed by uid %u", (unsigned int)whose, n,
		 name, (unsigned int)uid);
	return json_pack("{s:I}", "removed", (json_int_t)n);
}

/* ---- lists */

struct list {
	struct admin_scope scope;
	json_t *rows;
};

static const char *
source_name(enum ntlm_source source)
{
	switch (source) {
	case NTLM_LOGON:
		return "logon";
	case NTLM_ALONE:
		return "added";
	case NTLM_HEIMDAL:
		return "heimdal";
	}
	return "";
}

/* A name is what a client says it is, UTF-8 or not. */
static json_t *
text_of(const char *name)
{
	json_t *to = json_string(name);

	return to != NULL ? to : json_string("?");
}

static bool
add_hash(const struct ntlm_hash *ha, void *arg)
{
	struct list *li = arg;
	char session[LOGONS_TEXT];
	json_t *one;

	if (!li->scope.all && ha->logon->owner != li->scope.uid)
		return false;
	logons_text(ha->logon, session);
	one = json_pack("{s:I, s:o, s:o, s:s, s:s, s:s, s:I, s:I}", "uid",
			(json_int_t)ha->logon->owner, "domain", text_of(ha->domain), "user",
			text_of(ha->user), "source", source_name(ha->source), "state",
			ha->stale    ? "password changed"
			: ha->locked ? "locked"
				     : "ready",
			"session", session, "since", (json_int_t)ha->since, "ends",
			(json_int_t)ha->logon->expires);
	(void)json_array_append_new(li->rows, one);
	return false;
}

static json_t *
targets(const struct config *cf)
{
	char list[ISO_TARGETS_MAX];
	struct config_word bad;
	long len = config_targets(cf, list, sizeof(list), &bad);
	json_t *to = json_array();

	for (const char *at = list; len > 0 && at < list + len; at += strlen(at) + 1)
		(void)json_array_append_new(to, json_string(at));
	return to;
}

json_t *
method_list_ntlm(const struct admin_view *view, uid_t uid, const json_t *ask,
		 struct admin_error *error)
{
	struct list li = { 0 };

	if (admin_scope_of(uid, ask, &li.scope, error) != 0)
		return NULL;
	li.rows = json_array();
	ntlm_each(view->ntlm, add_hash, &li);
	return json_pack("{s:s, s:s, s:o, s:o}", "mode", view->cf->ntlm_mode, "domain",
			 ntlm_domain(view->ntlm), "targets", targets(view->cf), "names", li.rows);
}

json_t *
method_list_ntlm_uses(const struct admin_view *view, uid_t uid, const json_t *ask,
		      struct admin_error *error)
{
	struct list li = { 0 };
	const struct ntlm_use *us;

	if (admin_scope_of(uid, ask, &li.scope, error) != 0)
		return NULL;
	li.rows = json_array();
	for (size_t i = 0; (us = ntlm_use_at(view->ntlm, i)) != NULL; i++) {
		if (!li.scope.all && us->uid != li.scope.uid)
			continue;
		(void)json_array_append_new(
		    li.rows,
		    json_pack("{s:I, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "uid",
			      (json_int_t)us->uid, "program", us->program, "user", us->user,
			      "server", us->server, "listed", us->listed, "count",
			      (json_int_t)us->count, "refused", (json_int_t)us->refused, "first",
			      (json_int_t)us->first, "last", (json_int_t)us->last));
	}
	return json_pack("{s:s, s:o}", "mode", view->cf->ntlm_mode, "uses", li.rows);
}

/* ---- Status */

json_t *
admin_ntlm(const struct admin_view *view)
{
	struct ntlm_stats stats;
	json_t *list = targets(view->cf), *to;

	ntlm_stats(view->ntlm, &stats);
	to = json_pack("{s:s, s:s, s:I}", "mode", view->cf->ntlm_mode, "domain",
		       ntlm_domain(view->ntlm), "targets", (json_int_t)json_array_size(list));
	json_decref(list);
	(void)ADMIN_COUNT(stats, hashes);
	(void)ADMIN_COUNT(stats, answered);
	(void)ADMIN_COUNT(stats, unlisted);
	(void)ADMIN_COUNT(stats, refused);
	return to;
}
