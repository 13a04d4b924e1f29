/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A logon: what is asked of libkrb5, and what became of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/as.h"

#include <ctype.h>
#include <errno.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/logon/as_private.h"

#define CHANGE_SECONDS 300 /* a ticket for a change of password: as long as kpasswd's */

/* ---- octets */

int32_t
as_copy(struct creds_octets *to, struct rd from)
{
	uint8_t *at = malloc(from.len + 1);

	if (at == NULL)
		return ENOMEM;
	if (from.len != 0)
		memcpy(at, from.at, from.len);
	creds_free(to);
	to->at = at;
	to->len = from.len;
	return 0;
}

/* ---- failures */

int32_t
as_broken(struct as_state *st, enum as_who who, int32_t code)
{
	if (st->broken == 0) {
		st->broken = code;
		st->as->who = who;
	}
	return st->broken;
}

static int32_t
code_of(enum iso_status status)
{
	switch ((unsigned int)status) {
	case ISO_E_SESSION:
	case ISO_E_EXPIRED:
	case ISO_E_BLOB:
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	case ISO_E_POLICY:
	case ISO_E_LOCKED:
		return KRB5KDC_ERR_POLICY;
	case ISO_GONE:
	case ISO_E_RATE:
		return KRB5KDC_ERR_SVC_UNAVAILABLE;
	case ISO_E_ETYPE:
	case ISO_E_RANGE:
		return KRB5KDC_ERR_ETYPE_NOSUPP;
	default:
		return KRB5_KDCREP_MODIFIED;
	}
}

int32_t
as_refused(struct as_state *st, const char *what, enum iso_status status)
{
	log_line(LOG_INFO, "logon: uid %u: %s: %s", (unsigned int)st->as->owner, what,
		 rpc_status_text((uint32_t)status));
	if (st->broken == 0)
		st->as->status = status;
	return as_broken(st, AS_ISO, code_of(status));
}

/* ---- who */

/* Does krb5.conf have a realm of that name? */
static bool
is_known(krb5_context ctx, const char *realm)
{
	const char *const names[] = { "realms", realm, NULL };
	profile_t profile = NULL;
	char **found = NULL;
	bool known;

	if (krb5_get_profile(ctx, &profile) != 0)
		return false;
	known = profile_get_relation_names(profile, (const char **)(uintptr_t)names, &found) == 0 &&
		found != NULL && found[0] != NULL;
	profile_free_list(found);
	profile_release(profile);
	return known;
}

/* A realm has no small letters, unless the administrator says so. */
static bool
is_enterprise(krb5_context ctx, const char *text)
{
	const char *realm = strrchr(text, '@');
	bool small = false;

	if (realm == NULL)
		return false;
	for (const char *c = ++realm; *c != '\0'; c++)
		small = small || islower((unsigned char)*c);
	return small && !is_known(ctx, realm);
}

static int32_t
parse(struct as_state *st, bool *enterprise)
{
	const struct as_exchange *as = st->as;

	*enterprise = as->form == AS_ENTERPRISE ||
		      (as->form == AS_AUTO && is_enterprise(st->ctx, as->principal));
	if (strlen(as->principal) > ISO_NAME_MAX)
		return KRB5_PARSE_MALFORMED;
	return krb5_parse_name_flags(
	    st->ctx, as->principal, *enterprise ? KRB5_PRINCIPAL_PARSE_ENTERPRISE : 0, &st->client);
}

/* ---- how */

static bool
has_key(const struct as_exchange *as, int32_t etype)
{
	for (size_t i = 0; i < as->nkeys; i++) {
		if (as->keys[i].etype == etype)
			return true;
	}
	return false;
}

/* Can lsaiso make a key of that type? */
static bool
can(uint32_t policy, int32_t etype)
{
	switch (etype) {
	case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
	case ENCTYPE_AES256_CTS_HMAC_SHA384_192:
		return true;
	case ENCTYPE_ARCFOUR_HMAC:
		return (policy & ISO_POLICY_RC4) != 0;
	default:
		return false;
	}
}

/* What krb5.conf permits, lsaiso can, and there is a key for; but for what was too weak. */
static int32_t
pick_etypes(struct as_state *st, const int32_t *weak, size_t nweak)
{
	const struct as_exchange *as = st->as;
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is;
	enum iso_status status = ask_status(&ask, &is);
	krb5_enctype *list = NULL;
	krb5_error_code code;

	if (status != ISO_OK)
		return as_refused(st, "status", status);
	code = krb5_get_permitted_enctypes(st->ctx, &list);
	if (code != 0)
		return code;
	for (size_t i = 0; list[i] != 0 && st->netypes < AS_KEYS_MAX; i++) {
		bool out = !can(is.policy, list[i]) ||
			   (as->password.len == 0 && !has_key(as, list[i]));

		for (size_t j = 0; j < nweak; j++)
			out = out || weak[j] == list[i];
		if (!out)
			st->etypes[st->netypes++] = list[i];
	}
	krb5_free_enctypes(st->ctx, list);
	return st->netypes != 0 ? 0 : KRB5_CONFIG_ETYPE_NOSUPP;
}

static void
on_expiry(krb5_context ctx, void *arg, krb5_timestamp password, krb5_timestamp account,
	  krb5_boolean is_last_req)
{
	struct as_exchange *as = arg;

	as->password_expires = (int64_t)(uint32_t)password;
}

/* As plain kinit has them: what is not set here, libkrb5 takes from krb5.conf. */
static krb5_error_code
set_options(struct as_state *st, krb5_get_init_creds_opt *opt, bool enterprise)
{
	struct as_exchange *as = st->as;

	krb5_get_init_creds_opt_set_etype_list(opt, st->etypes, st->netypes);
	if (enterprise)
		krb5_get_init_creds_opt_set_canonicalize(opt, 1);
	if (as->service != NULL) {
		krb5_get_init_creds_opt_set_tkt_life(opt, CHANGE_SECONDS);
		krb5_get_init_creds_opt_set_renew_life(opt, 0);
		krb5_get_init_creds_opt_set_forwardable(opt, 0);
		krb5_get_init_creds_opt_set_proxiable(opt, 0);
	}
	if (as->lifetime != 0)
		krb5_get_init_creds_opt_set_tkt_life(opt, as->lifetime);
	if (as->renewable != 0)
		krb5_get_init_creds_opt_set_renew_life(opt, as->renewable);
	return krb5_get_init_creds_opt_set_expire_callback(st->ctx, opt, on_expiry, as);
}

/* ---- what became of it */

static int32_t
deliver(struct as_exchange *as, krb5_context ctx, const krb5_creds *creds)
{
	struct wire_princ client;
	krb5_timestamp offset;
	krb5_int32 micro;
	struct rd octets;

	if (creds_put(creds, &as->cred) != 0)
		return ENOMEM;
	octets = (struct rd){ as->cred.at, as->cred.len };
	if (wire_princ(&octets, &client) != 0)
		return KRB5_CC_FORMAT;
	if (krb5_get_time_offsets(ctx, &offset, &micro) == 0)
		as->kdc_offset = (int32_t)offset;
	return as_copy(&as->client, client.octets);
}

/* Whose word a code of libkrb5 is: its own, unless a KDC just said the same. */
static int32_t
judge(struct as_state *st, int32_t code)
{
	struct as_exchange *as = st->as;

	if (code == 0)
		return 0;
	if (st->broken != 0)
		return st->broken;
	as->who = code == st->kdc_code ? AS_KDC : AS_HERE;
	if (as->who == AS_KDC && code == KRB5KDC_ERR_PREAUTH_REQUIRED) {
		as->who = AS_HERE; /* libkrb5 had nothing to answer with */
		code = KRB5_PREAUTH_FAILED;
	}
	return code;
}

static int32_t
exchange(struct as_state *st)
{
	struct as_exchange *as = st->as;
	krb5_get_init_creds_opt *opt = NULL;
	krb5_creds creds = { 0 };
	bool enterprise;
	int32_t code;

	code = parse(st, &enterprise);
	if (code == 0)
		code = as_keys_make(st);
	if (code == 0)
		code = krb5_get_init_creds_opt_alloc(st->ctx, &opt);
	if (code == 0)
		code = set_options(st, opt, enterprise);
	if (code == 0) {
		krb5_set_kdc_send_hook(st->ctx, as_on_send, st);
		krb5_set_kdc_recv_hook(st->ctx, as_on_receive, st);
		code = krb5_get_init_creds_keytab(st->ctx, &creds, st->client, st->keytab, 0,
						  as->service, opt);
		code = judge(st, code);
		if (code == 0)
			code = deliver(as, st->ctx, &creds);
		if (code == 0) {
			as->anchor = st->made.how;
			creds_free(&as->info2);
			as->info2 = st->info2;
			st->info2 = (struct creds_octets){ 0 };
		}
		krb5_free_cred_contents(st->ctx, &creds);
	}
	krb5_get_init_creds_opt_free(st->ctx, opt);
	return code;
}

/* Once, with the etypes that are left. *weak: out, the one to leave out next; 0: none. */
static int32_t
run_once(struct as_exchange *as, const int32_t *tried, size_t ntried, int32_t *weak)
{
	struct as_state *st = calloc(1, sizeof(*st));
	int32_t code;

	if (st == NULL)
		return ENOMEM;
	st->as = as;
	as->who = AS_HERE;
	code = krb5_copy_context(as->ctx, &st->ctx);
	if (code == 0) {
		code = pick_etypes(st, tried, ntried);
		if (code == 0)
			code = exchange(st);
		as_keys_free(st);
		krb5_free_principal(st->ctx, st->client);
		krb5_free_context(st->ctx);
	}
	*weak = st->weak;
	creds_free(&st->plain);
	creds_free(&st->sent);
	explicit_bzero(st, sizeof(*st));
	free(st);
	return code;
}

int32_t
as_run(struct as_exchange *as)
{
	int32_t tried[AS_KEYS_MAX], code, weak = 0, first = 0;
	enum iso_status status = ISO_OK;
	size_t n = 0;

	do {
		code = run_once(as, tried, n, &weak);
		if (weak != 0 && n == 0) {
			first = code;
			status = as->status;
		}
		if (weak != 0 && n < AS_KEYS_MAX)
			tried[n++] = weak;
	} while (weak != 0 && n < AS_KEYS_MAX);
	if (code == 0) {
		as->who = AS_NOBODY;
		as->status = ISO_OK;
		return 0;
	}
	/* Nothing was left: why the first one was refused is the reason. */
	if (first != 0 && (code == KRB5_CONFIG_ETYPE_NOSUPP || code == KRB5KDC_ERR_ETYPE_NOSUPP)) {
		code = first;
		as->who = AS_ISO;
		as->status = status;
	}
	return code;
}

void
as_free(struct as_exchange *as)
{
	creds_free(&as->cred);
	creds_free(&as->client);
	creds_free(&as->info2);
	explicit_bzero(as->blob, sizeof(as->blob));
	explicit_bzero(&as->anchor, sizeof(as->anchor));
	as->blob_len = 0;
}
