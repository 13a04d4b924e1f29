/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.MachineKey: the keys of this machine, a box each, to a session
 * of root's that LogonStart opened; or, of a keytab of stand-ins, the kept one with that id. They
 * count together, with the last one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/admin/logons.h"
#include "lsass/keytab/keytab.h"

/* Those that came so far, to which session. Only the loop thread is here. */
static struct machine_keys coming;

/* The session for them. */
static struct held *
session_of(struct ask *as)
{
	/* An instance of an ordinary user is its user's. */
	if (as->uid != 0 && as->uid != geteuid()) {
		ask_refuse(as, "PermissionDenied",
			   "only root may say what this machine's keys are");
		return NULL;
	}
	return ask_begun(as, "keys");
}

static void
begin(const struct held *he, const char *host)
{
	const struct logon *lo = he->logon;

	if (coming.session != lo->session || coming.generation != lo->generation ||
	    strcmp(coming.name, he->name) != 0)
		memset(&coming, 0, sizeof(coming));
	coming.session = lo->session;
	coming.generation = lo->generation;
	coming.owner = lo->owner;
	(void)snprintf(coming.name, sizeof(coming.name), "%s", he->name);
	(void)snprintf(coming.host, sizeof(coming.host), "%s", host);
}

/* The box into lsaiso. */
static bool
absorb(struct ask *as, const struct held *he, struct machine_key *key)
{
	struct iso_rep_logon_absorb is;
	enum iso_status status;

	if (!ask_absorb(as, he->logon, ISO_KIND_KEY, &is, &status))
		return false;
	if (status == ISO_OK && is.blob.len > sizeof(key->blob))
		status = ISO_E_KIND;
	if (status != ISO_OK) {
		ask_refuse_key(as, status);
		return false;
	}
	key->etype = is.etype;
	key->len = is.blob.len;
	memcpy(key->blob, is.blob.at, is.blob.len);
	return true;
}

/* A key that is kept, for a keytab of stand-ins: the one with that id. */
static bool
take(struct ask *as, struct keytab *kt, struct machine_key *key)
{
	struct standin_key *sk = kt != NULL ? keytab_named(kt, coming.name) : NULL;
	uint8_t wanted[KEYTAB_ID], id[KEYTAB_ID];
	struct iso_rep_key_take is;
	enum iso_status status = ISO_E_BLOB;

	if (hex_get(ask_text(as, "id"), wanted, sizeof(wanted)) != (long)sizeof(wanted))
		sk = NULL;
	for (; sk != NULL; sk = sk->next) {
		standin_id(sk, id);
		if (sk->nversions > 0 && memcmp(id, wanted, sizeof(id)) == 0)
			break;
	}
	if (sk == NULL) {
		ask_refuse(as, "NotFound", "no such key is kept: lsactl keytab list");
		return false;
	}
	status = kept_take(&sk->versions[0], coming.name, coming.session, coming.generation,
			   coming.owner, &is);
	if (status != ISO_OK) {
		ask_refuse_key(as, status);
		return false;
	}
	key->etype = is.etype;
	key->len = is.blob.len;
	memcpy(key->blob, is.blob.at, is.blob.len);
	explicit_bzero(&is, sizeof(is));
	return true;
}

struct other {
	const struct logon *but;
	struct logon *found;
};

static bool
is_other(struct logon *lo, void *arg)
{
	struct other *ot = arg;

	if (lo == ot->but || lo->dead || lo->held == NULL || !lo->held->machine)
		return false;
	ot->found = lo;
	return true;
}

/* From now on these are the machine's; what had its keys before ends. */
static void
settle(struct ask *as, struct held *he)
{
	struct other ot;

	he->begun = false;
	he->machine = true;
	he->keep = true;
	logons_save(he);
	machine_set(as->logons->machine, &coming, NULL);
	log_notice("this machine is %s: %zu keys of version %u%s%s", coming.name, coming.n,
		   coming.keys[0].kvno,
		   strcmp(coming.name, coming.host) != 0 ? ", as well as " : "",
		   strcmp(coming.name, coming.host) != 0 ? coming.host : "");
	do {
		ot = (struct other){ .but = he->logon };
		store_each_logon(as->logons->store, is_other, &ot);
		if (ot.found != NULL)
			(void)logons_end(as->logons, ot.found);
	} while (ot.found != NULL);
	memset(&coming, 0, sizeof(coming));
}

json_t *
method_machine_key(const struct admin_view *view, uid_t uid, const json_t *ask,
		   struct admin_error *error)
{
	const char *host;
	struct machine_key *key;
	struct held *he;
	struct ask as;
	size_t n;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (he = session_of(&as)) == NULL)
		return NULL;
	host = ask_text(&as, "host");
	if (host[0] == '\0' || strlen(host) > ISO_NAME_MAX) {
		ask_refuse(&as, "InvalidParameter", "host must be a principal");
		return NULL;
	}
	begin(he, host);
	if (coming.n == MACHINE_KEYS_MAX) {
		ask_refuse(&as, "InvalidParameter", "a machine has at most %d keys",
			   MACHINE_KEYS_MAX);
		return NULL;
	}
	key = &coming.keys[coming.n];
	if (ask_text(&as, "id")[0] != '\0' ? !take(&as, view->keytab, key) : !absorb(&as, he, key))
		return NULL;
	key->kvno = (uint32_t)json_integer_value(json_object_get(ask, "kvno"));
	n = ++coming.n;
	if (ask_flag(&as, "last"))
		settle(&as, he);
	admin_answer(as.later, json_pack("{s:I}", "keys", (json_int_t)n));
	return NULL;
}
