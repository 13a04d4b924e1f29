/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of a logon: stand-ins that libkrb5 has, blobs that lsaiso can open. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsass/ask.h"
#include "lsass/logon/as_private.h"

/* ---- stand-ins */

krb5_keyblock *
as_stand_in(struct as_state *st, int32_t etype)
{
	for (int i = 0; i < st->netypes; i++) {
		if (st->etypes[i] == etype)
			return &st->stand_in[i];
	}
	return NULL;
}

static krb5_error_code
add_to_keytab(struct as_state *st)
{
	krb5_keytab_entry entry = { .magic = KV5M_KEYTAB_ENTRY, .principal = st->client };
	krb5_error_code code = 0;

	for (int i = 0; code == 0 && i < st->netypes; i++) {
		entry.vno = 1;
		entry.key = st->stand_in[i];
		code = krb5_kt_add_entry(st->ctx, st->keytab, &entry);
	}
	return code;
}

int32_t
as_keys_make(struct as_state *st)
{
	char name[64];
	krb5_error_code code = 0;

	/* Keytabs of memory are the process's: one name, one exchange. */
	(void)snprintf(name, sizeof(name), "MEMORY:as-%p", (void *)st);
	for (int i = 0; code == 0 && i < st->netypes; i++)
		code = krb5_c_make_random_key(st->ctx, st->etypes[i], &st->stand_in[i]);
	if (code == 0)
		code = krb5_kt_resolve(st->ctx, name, &st->keytab);
	return code == 0 ? add_to_keytab(st) : code;
}

int32_t
as_keys_move(struct as_state *st, struct rd realm)
{
	krb5_data name = creds_data(realm);
	krb5_error_code code;
	char *text;

	text = strndup(name.data, name.length);
	if (text == NULL)
		return ENOMEM;
	code = krb5_set_principal_realm(st->ctx, st->client, text);
	free(text);
	return code == 0 ? add_to_keytab(st) : code;
}

void
as_keys_free(struct as_state *st)
{
	if (st->keytab != NULL)
		(void)krb5_kt_close(st->ctx, st->keytab);
	for (int i = 0; i < st->netypes; i++)
		krb5_free_keyblock_contents(st->ctx, &st->stand_in[i]);
	creds_free(&st->info2);
	creds_free(&st->pw_salt);
}

/* ---- salts */

/* The default one (RFC 4120 section 4): realm and components, one after the other. */
static bool
default_salt(const struct wire_princ *client, struct as_anchor *how)
{
	const struct rd *part = &client->realm;

	how->salt_len = 0;
	for (uint32_t i = 0; i <= client->ncomp; part = &client->comp[i++]) {
		if (part->len > sizeof(how->salt) - how->salt_len)
			return false;
		if (part->len != 0)
			memcpy(how->salt + how->salt_len, part->at, part->len);
		how->salt_len += part->len;
	}
	return true;
}

static bool
set_salt(struct as_anchor *how, struct rd salt)
{
	if (salt.len > sizeof(how->salt))
		return false;
	if (salt.len != 0)
		memcpy(how->salt, salt.at, salt.len);
	how->salt_len = salt.len;
	return true;
}

/* As a view, for default_salt. */
static bool
client_of(const struct as_state *st, struct wire_princ *client)
{
	memset(client, 0, sizeof(*client));
	client->realm = creds_rd(&st->client->realm);
	for (krb5_int32 i = 0; i < st->client->length; i++) {
		if (client->ncomp == WIRE_COMPONENTS_MAX)
			return false;
		client->comp[client->ncomp++] = creds_rd(&st->client->data[i]);
	}
	return true;
}

/*
 * What the KDC wants of the password: the reply's own word, else that of its
 * METHOD-DATA, else what is the default (RFC 4120 5.2.7.5).
 */
static bool
find_how(const struct as_state *st, int32_t etype, struct rd padata,
	 const struct wire_princ *client, struct as_anchor *how)
{
	struct rd info2, salt = { st->pw_salt.at, st->pw_salt.len };
	struct rd earlier = { st->info2.at, st->info2.len };
	struct der_info info = { 0 };
	struct wire_princ own;

	memset(how, 0, sizeof(*how));
	how->etype = etype;
	if ((der_find_padata(padata, DER_PA_ETYPE_INFO2, &info2) &&
	     der_find_info(info2, etype, &info)) ||
	    der_find_info(earlier, etype, &info)) {
		if (info.params.len > sizeof(how->params))
			return false;
		if (info.params.len != 0)
			memcpy(how->params, info.params.at, info.params.len);
		how->params_len = info.params.len;
		if (info.has_salt)
			return set_salt(how, info.salt);
	} else if (der_find_padata(padata, DER_PA_PW_SALT, &salt) || st->pw_salt.at != NULL) {
		return set_salt(how, salt);
	}
	if (etype == ENCTYPE_ARCFOUR_HMAC)
		return true; /* RFC 4757: none */
	if (client != NULL)
		return default_salt(client, how);
	return client_of(st, &own) && default_salt(&own, how);
}

bool
as_how(const struct as_exchange *as, int32_t etype, struct as_anchor *how)
{
	struct rd info2 = { as->info2.at, as->info2.len };
	struct rd octets = { as->client.at, as->client.len };
	struct der_info info = { 0 };
	struct wire_princ client;

	memset(how, 0, sizeof(*how));
	how->etype = etype;
	if (der_find_info(info2, etype, &info)) {
		if (info.params.len > sizeof(how->params))
			return false;
		if (info.params.len != 0)
			memcpy(how->params, info.params.at, info.params.len);
		how->params_len = info.params.len;
		if (info.has_salt)
			return set_salt(how, info.salt);
	}
	return etype == ENCTYPE_ARCFOUR_HMAC ||
	       (wire_princ(&octets, &client) == 0 && default_salt(&client, how));
}

/* ---- real keys */

static bool
same_way(const struct as_anchor *a, const struct as_anchor *b)
{
	return a->etype == b->etype && a->salt_len == b->salt_len &&
	       a->params_len == b->params_len && memcmp(a->salt, b->salt, a->salt_len) == 0 &&
	       memcmp(a->params, b->params, a->params_len) == 0;
}

/* Weak by lsaiso's rule: there may be another etype. */
static int32_t
too_weak(struct as_state *st, int32_t etype, enum iso_status status)
{
	if (status == ISO_E_ETYPE || status == ISO_E_RANGE)
		st->weak = etype;
	return as_refused(st, "key of a password", status);
}

static int32_t
make_key(struct as_state *st, const struct as_anchor *how)
{
	const struct as_exchange *as = st->as;
	struct iso_req_krb_s2k ask = { 0 };
	struct iso_rep_krb_s2k answer;
	enum iso_status status;

	ask.session = as->session;
	ask.generation = as->generation;
	ask.owner = as->owner;
	ask.password = as->password;
	ask.name = (struct rd){ (const uint8_t *)as->principal, strlen(as->principal) };
	ask.etype = how->etype;
	ask.salt = (struct rd){ how->salt, how->salt_len };
	ask.params = (struct rd){ how->params, how->params_len };
	status = ask_krb_s2k(&ask, &answer);
	if (status != ISO_OK)
		return too_weak(st, how->etype, status);
	st->made.how = *how;
	memcpy(st->made.blob, answer.blob.at, answer.blob.len);
	st->made.len = answer.blob.len;
	memcpy(st->made.how.blob, answer.anchor.at, answer.anchor.len);
	st->made.how.len = answer.anchor.len;
	return 0;
}

int32_t
as_real_key(struct as_state *st, int32_t etype, struct rd padata, const struct wire_princ *client,
	    struct rd *blob)
{
	const struct as_exchange *as = st->as;
	struct as_anchor how;
	int32_t code;

	if (as->password.len == 0) {
		for (size_t i = 0; i < as->nkeys; i++) {
			if (as->keys[i].etype == etype) {
				*blob = as->keys[i].blob;
				return 0;
			}
		}
		return as_broken(st, AS_HERE, KRB5KDC_ERR_ETYPE_NOSUPP);
	}
	if (!find_how(st, etype, padata, client, &how))
		return too_weak(st, etype, ISO_E_RANGE);
	if (st->made.len == 0 || !same_way(&how, &st->made.how)) {
		code = make_key(st, &how);
		if (code != 0)
			return code;
	}
	*blob = (struct rd){ st->made.blob, st->made.len };
	return 0;
}
