/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.KeytabKey, ListKeytabs, KeytabRemove and KeytabPrune: keys of keytabs that
 * become stand-ins (lsass/keytab). A key comes in a box, as MachineKey's do, is sealed
 * under lsaiso's root key, and counts with the last one of its principal, once all are on the disk.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <krb5.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/admin/keytab.h"
#include "lsass/keytab/rotate.h"

struct coming_key {
	int32_t etype;
	uint32_t kvno;
	uint16_t len;
	uint8_t kept[ISO_KEPT_MAX];
};

/* Those that came so far, to which session. Only the loop thread is here. */
static struct {
	uint32_t session, generation;
	char name[ISO_NAME_MAX + 1];
	char path[KEYTAB_PATH_MAX];
	uid_t owner;
	size_t n;
	struct coming_key keys[KEYTAB_FAMILY_MAX];
} coming;

/* What is answered once it is on the disk. */
struct answer {
	struct admin_later *later;
	json_t *is;
	char name[ISO_NAME_MAX + 1];
};

bool
keytab_is_root(struct ask *as, const struct admin_view *view)
{
	/* An instance of an ordinary user is its user's. */
	if (as->uid != 0 && as->uid != geteuid()) {
		ask_refuse(as, "PermissionDenied", "only root may change what keytabs are");
		return false;
	}
	if (view->keytab != NULL && keytab_keeps(view->keytab))
		return true;
	ask_refuse(as, "Failed",
		   "nothing can be kept here: there is no folder for it ([host] directory)");
	return false;
}

bool
keytab_path(struct ask *as, const char **path)
{
	*path = ask_text(as, "path");
	if (**path == '/' && strlen(*path) < KEYTAB_PATH_MAX)
		return true;
	ask_refuse(as, "InvalidParameter", "path must be that of a keytab, from / on");
	return false;
}

/* ---- KeytabKey */

static size_t
key_len(int32_t etype)
{
	switch (etype) {
	case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
	case ENCTYPE_ARCFOUR_HMAC:
		return 16;
	case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES256_CTS_HMAC_SHA384_192:
		return 32;
	default:
		return 0;
	}
}

void
keytab_refuse_iso(struct ask *as, const char *what, enum iso_status status)
{
	if (status == ISO_E_POLICY)
		ask_refuse(
		    as, "Failed",
		    "the root key of lsaiso is a new one at each start, so that no key can "
		    "be kept: set [seal] root = tpm, or file, then: systemctl restart lsaiso "
		    "(and lsactl seal status)");
	else
		ask_refuse(as, "Failed", "%s: lsaiso: %s", what, rpc_status_text((uint32_t)status));
}

static bool
absorb(struct ask *as, const struct held *he, struct coming_key *key)
{
	const struct logon *lo = he->logon;
	struct iso_rep_logon_absorb is;
	enum iso_status status;

	if (!ask_absorb(as, lo, ISO_KIND_KEY, &is, &status))
		return false;
	if (status == ISO_OK && key_len(is.etype) == 0)
		status = ISO_E_KIND;
	if (status == ISO_OK)
		status = rotate_keep(lo->session, lo->generation, lo->owner, he->name,
				     (struct rd){ is.blob.at, is.blob.len }, key->kept, &key->len);
	key->etype = is.etype;
	explicit_bzero(&is, sizeof(is));
	if (status == ISO_OK)
		return true;
	keytab_refuse_iso(as, "the key is not kept", status);
	return false;
}

static void
begin(const struct ask *as, const struct held *he, const char *path)
{
	const struct logon *lo = he->logon;

	if (coming.session != lo->session || coming.generation != lo->generation ||
	    strcmp(coming.name, he->name) != 0 || strcmp(coming.path, path) != 0)
		memset(&coming, 0, sizeof(coming));
	coming.session = lo->session;
	coming.generation = lo->generation;
	coming.owner = (uid_t)json_integer_value(json_object_get(as->is, "owner"));
	(void)snprintf(coming.name, sizeof(coming.name), "%s", he->name);
	(void)snprintf(coming.path, sizeof(coming.path), "%s", path);
}

static void
written(void *arg, int error)
{
	struct answer *an = arg;

	if (error == 0)
		admin_answer(an->later, an->is);
	else
		admin_refuse(
		    an->later, "Failed",
		    json_pack("{s:s+}", "message",
			      "what is to be kept could not be written ([host] directory): ",
			      strerror(error)));
	if (error != 0)
		json_decref(an->is);
	free(an);
}

/* The answer comes when what that principal has is on the disk. is is consumed. */
static void
commit(struct ask *as, struct keytab *kt, const char *name, json_t *is)
{
	struct answer *an = calloc(1, sizeof(*an));

	if (an == NULL || is == NULL) {
		free(an);
		json_decref(is);
		ask_refuse(as, "Failed", "out of memory");
		return;
	}
	an->later = as->later;
	an->is = is;
	keytab_commit(kt, name, written, an);
}

/* With "fresh": behind the newest stand-in of that type, which stays. */
static struct standin_key *
newest(struct keytab *kt, const char *name, const char *path, int32_t etype)
{
	struct standin_key *sk = keytab_named(kt, name);

	while (sk != NULL && (sk->etype != etype || strcmp(sk->path, path) != 0))
		sk = sk->next;
	return sk;
}

static json_t *
show_standin(const struct standin_key *sk)
{
	char text[2 * ISO_KEY_MAX + 1];
	json_t *is;

	hex_put(sk->key, sk->key_len, text);
	is = json_pack("{s:i, s:I, s:s}", "etype", (int)sk->etype, "kvno", (json_int_t)sk->kvno,
		       "standin", text);
	explicit_bzero(text, sizeof(text));
	return is;
}

static void
settle(struct ask *as, struct keytab *kt, bool fresh)
{
	json_t *keys = json_array();
	struct standin_key *sk;

	for (size_t i = 0; i < coming.n; i++) {
		const struct coming_key *key = &coming.keys[i];

		sk = fresh ? newest(kt, coming.name, coming.path, key->etype)
			   : keytab_add(kt, coming.name, coming.path, key->etype, key->kvno,
					key_len(key->etype));
		if (sk == NULL && fresh)
			continue; /* lsactl looks before */
		if (sk == NULL) {
			json_decref(keys);
			ask_refuse(as, "Failed", "%s",
				   errno == ENOSPC ? "too many keys are kept: lsactl keytab remove "
						     "what is not used any more"
						   : strerror(errno));
			return;
		}
		if (!fresh)
			sk->owner = coming.owner;
		standin_put(sk, KEPT_CURRENT, key->kvno, (struct rd){ key->kept, key->len });
		(void)json_array_append_new(keys, show_standin(sk));
	}
	log_notice("keytab %s: %zu keys of %s are kept%s", coming.path, coming.n, coming.name,
		   fresh ? ", in front of those before" : "");
	commit(as, kt, coming.name, json_pack("{s:o}", "keys", keys));
}

json_t *
method_keytab_key(const struct admin_view *view, uid_t uid, const json_t *ask,
		  struct admin_error *error)
{
	const char *path;
	struct coming_key *key;
	struct held *he;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || !keytab_is_root(&as, view) ||
	    (he = ask_begun(&as, "keys")) == NULL || !keytab_path(&as, &path))
		return NULL;
	begin(&as, he, path);
	if (coming.n == KEYTAB_FAMILY_MAX) {
		ask_refuse(&as, "InvalidParameter", "one principal has at most %d keys",
			   KEYTAB_FAMILY_MAX);
		return NULL;
	}
	key = &coming.keys[coming.n];
	if (!absorb(&as, he, key))
		return NULL;
	key->kvno = (uint32_t)json_integer_value(json_object_get(ask, "kvno"));
	coming.n++;
	if (ask_flag(&as, "last")) {
		settle(&as, view->keytab, ask_flag(&as, "fresh"));
		(void)logons_end(view->logons, he->logon);
		memset(&coming, 0, sizeof(coming));
	} else {
		admin_answer(as.later, json_pack("{s:I}", "n", (json_int_t)coming.n));
	}
	return NULL;
}

/* ---- ListKeytabs */

struct listing {
	struct admin_scope scope;
	json_t *keys;
};

static const char *
state_text(enum kept_state state)
{
	switch (state) {
	case KEPT_CURRENT:
		return "current";
	case KEPT_CANDIDATE:
		return "candidate";
	case KEPT_OLD:
		return "old";
	}
	return "?";
}

static bool
list_one(struct standin_key *sk, void *arg)
{
	struct listing *li = arg;
	uint8_t hash[KEYTAB_ID];
	char id[2 * KEYTAB_ID + 1];
	json_t *versions;

	if (!li->scope.all && li->scope.uid != sk->owner)
		return false;
	versions = json_array();
	for (size_t i = 0; i < sk->nversions; i++)
		(void)json_array_append_new(
		    versions, json_pack("{s:I, s:I, s:s}", "kvno", (json_int_t)sk->versions[i].kvno,
					"since", (json_int_t)sk->versions[i].since, "state",
					state_text(sk->versions[i].state)));
	standin_id(sk, hash);
	hex_put(hash, sizeof(hash), id);
	(void)json_array_append_new(
	    li->keys,
	    json_pack("{s:s, s:i, s:I, s:s, s:I, s:s, s:o}", "principal", sk->name, "etype",
		      (int)sk->etype, "kvno", (json_int_t)sk->kvno, "path", sk->path, "uid",
		      (json_int_t)sk->owner, "id", id, "versions", versions));
	return false;
}

json_t *
method_list_keytabs(const struct admin_view *view, uid_t uid, const json_t *ask,
		    struct admin_error *error)
{
	struct listing li;

	if (admin_scope_of(uid, ask, &li.scope, error) != 0)
		return NULL;
	li.keys = json_array();
	if (view->keytab != NULL)
		keytab_each(view->keytab, list_one, &li);
	return json_pack("{s:o, s:b}", "keys", li.keys, "kept",
			 view->keytab != NULL && keytab_keeps(view->keytab));
}

/* ---- KeytabRemove, KeytabPrune */

struct change {
	struct keytab *kt;
	const char *path, *principal; /* "": any */
	int64_t since;		      /* prune */
	bool prune;
	json_int_t n;
	char names[64][ISO_NAME_MAX + 1]; /* that changed */
	size_t nnames;
};

static bool
change_one(struct standin_key *sk, void *arg)
{
	struct change *ch = arg;
	bool known = false;
	size_t n = 1;

	if ((ch->path[0] != '\0' && strcmp(ch->path, sk->path) != 0) ||
	    (ch->principal[0] != '\0' && strcmp(ch->principal, sk->name) != 0))
		return false;
	for (size_t i = 0; i < ch->nnames; i++)
		known = known || strcmp(ch->names[i], sk->name) == 0;
	if (!known && ch->nnames == sizeof(ch->names) / sizeof(ch->names[0]))
		return false; /* the next call has it */
	if (ch->prune && (n = standin_prune(sk, ch->since)) == 0)
		return false;
	if (!known)
		(void)snprintf(ch->names[ch->nnames++], ISO_NAME_MAX + 1, "%s", sk->name);
	if (!ch->prune)
		keytab_drop(ch->kt, sk);
	ch->n += (json_int_t)n;
	return false;
}

static json_t *
change(const struct admin_view *view, uid_t uid, const json_t *ask, bool prune)
{
	static struct change ch; /* it is large, and the loop thread's */
	json_int_t age = json_integer_value(json_object_get(ask, "age"));
	struct ask as;

	if (!ask_begin(&as, view, uid, ask) || !keytab_is_root(&as, view))
		return NULL;
	ch = (struct change){ .kt = view->keytab, .prune = prune };
	ch.path = ask_text(&as, "path");
	ch.principal = ask_text(&as, "principal");
	ch.since = time(NULL) - (age > 0 ? age : 0);
	if (!prune && ch.path[0] == '\0') {
		ask_refuse(&as, "InvalidParameter", "path must be that of a keytab");
		return NULL;
	}
	keytab_each(view->keytab, change_one, &ch);
	if (ch.n == 0 && !prune) {
		ask_refuse(&as, "NotFound",
			   "no keys of such a keytab are kept: lsactl keytab list");
		return NULL;
	}
	log_notice("uid %u: keytab %s: %lld %s", (unsigned int)uid,
		   ch.path[0] != '\0' ? ch.path : "(all)", (long long)ch.n,
		   prune ? "old versions of keys were dropped" : "keys were removed");
	for (size_t i = 0; i + 1 < ch.nnames; i++)
		keytab_commit(view->keytab, ch.names[i], NULL, NULL);
	if (ch.nnames == 0)
		admin_answer(as.later, json_pack("{s:I}", "n", ch.n));
	else /* writes go one after the other: the last is the last */
		commit(&as, view->keytab, ch.names[ch.nnames - 1], json_pack("{s:I}", "n", ch.n));
	return NULL;
}

json_t *
method_keytab_remove(const struct admin_view *view, uid_t uid, const json_t *ask,
		     struct admin_error *error)
{
	(void)error;
	return change(view, uid, ask, false);
}

json_t *
method_keytab_prune(const struct admin_view *view, uid_t uid, const json_t *ask,
		    struct admin_error *error)
{
	(void)error;
	return change(view, uid, ask, true);
}
