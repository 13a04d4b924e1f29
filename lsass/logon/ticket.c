/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tickets for armour: how they are had, and the armour that they make. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/logon/tickets.h"
#include "lsass/tgs/der_fast.h"
#include "lsass/tgs/exchange.h"

#define AP_REQ_SLACK 128

/* ---- of another realm */

/* krbtgt/REALM@HOME as octets (wire.h principal). */
static int32_t
put_krbtgt(struct rd home, struct rd realm, struct creds_octets *octets)
{
	static const char krbtgt[] = "krbtgt";
	const struct rd part[] = { home, { (const uint8_t *)krbtgt, strlen(krbtgt) }, realm };
	uint8_t *at;

	octets->len = 5 * sizeof(uint32_t) + home.len + part[1].len + realm.len;
	octets->at = at = malloc(octets->len);
	if (at == NULL)
		return ENOMEM;
	wire_set_u32(at, KRB5_NT_SRV_INST);
	wire_set_u32(at + 4, 2);
	at += 8;
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		wire_set_u32(at, (uint32_t)part[i].len);
		memcpy(at + 4, part[i].at, part[i].len);
		at += 4 + part[i].len;
	}
	return 0;
}

/* What came out; a key that left lsaiso is no armour. */
static int32_t
take_last(struct exchange *ex, const struct ticket *own, struct ticket *ticket)
{
	struct exchange_ticket *last = ex->ntickets != 0 ? &ex->tickets[ex->ntickets - 1] : NULL;

	if (last == NULL || last->blob_len == 0)
		return KRB5KRB_AP_ERR_NOKEY;
	ticket->cred = last->cred;
	last->cred = (struct creds_octets){ 0 };
	memcpy(ticket->blob, last->blob, last->blob_len);
	ticket->blob_len = last->blob_len;
	ticket->session = last->session;
	ticket->generation = last->generation;
	ticket->owner = own->owner;
	ticket->offset = own->offset;
	return 0;
}

int32_t
ticket_for_realm(krb5_context ctx, const struct ticket *own, struct rd home, struct rd realm,
		 struct ticket *ticket)
{
	struct rd cred = { own->cred.at, own->cred.len }, rest = cred;
	struct creds_octets server = { 0 };
	struct exchange *ex = calloc(1, sizeof(*ex));
	struct tgs_tgt tgt = { cred, own->session, own->generation, { own->blob, own->blob_len } };
	struct tgs_request req = {
		.uid = own->owner, .tgts = &tgt, .ntgts = 1, .kdc_offset = own->offset
	};
	struct wire_princ client;
	int32_t code = ex == NULL ? ENOMEM : put_krbtgt(home, realm, &server);

	if (code == 0 && wire_princ(&rest, &client) != 0)
		code = KRB5_CC_FORMAT;
	if (code == 0)
		code = krb5_copy_context(ctx, &ex->ctx);
	if (code == 0) {
		if (own->offset != 0)
			code = krb5_set_real_time(ex->ctx,
						  (krb5_timestamp)(time(NULL) + own->offset), -1);
		req.client = client.octets;
		req.server = (struct rd){ server.at, server.len };
		ex->req = &req;
		if (code == 0)
			code = exchange_run(ex);
		if (code == 0)
			code = take_last(ex, own, ticket);
		exchange_free(ex);
		krb5_free_context(ex->ctx);
	}
	creds_free(&server);
	free(ex);
	return code;
}

/* ---- of nobody */

static krb5_error_code
anonymous_creds(krb5_context ctx, const char *realm, krb5_creds *creds)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_principal princ = NULL;
	krb5_error_code code;

	code = krb5_build_principal(ctx, &princ, (unsigned int)strlen(realm), realm,
				    KRB5_WELLKNOWN_NAMESTR, KRB5_ANONYMOUS_PRINCSTR, (char *)NULL);
	if (code == 0)
		code = krb5_get_init_creds_opt_alloc(ctx, &opt);
	if (code == 0) {
		princ->type = KRB5_NT_WELLKNOWN;
		krb5_get_init_creds_opt_set_anonymous(opt, 1);
		krb5_get_init_creds_opt_set_forwardable(opt, 0);
		krb5_get_init_creds_opt_set_proxiable(opt, 0);
		krb5_get_init_creds_opt_set_renew_life(opt, 0);
		code = krb5_get_init_creds_password(ctx, creds, princ, NULL, NULL, NULL, 0, NULL,
						    opt);
	}
	krb5_get_init_creds_opt_free(ctx, opt);
	krb5_free_principal(ctx, princ);
	return code;
}

int32_t
ticket_anonymous(krb5_context given, struct rd realm, struct ticket *ticket)
{
	char name[ISO_NAME_MAX + 1];
	krb5_creds creds = { 0 };
	krb5_context ctx = NULL;
	krb5_timestamp offset;
	krb5_int32 micro;
	krb5_error_code code;

	if (realm.len >= sizeof(name))
		return KRB5_PARSE_MALFORMED;
	memcpy(name, realm.at, realm.len);
	name[realm.len] = '\0';
	code = krb5_copy_context(given, &ctx);
	if (code != 0)
		return code;
	code = anonymous_creds(ctx, name, &creds);
	if (code == 0)
		code = creds_put(&creds, &ticket->cred) == 0 ? 0 : ENOMEM;
	if (code == 0 && krb5_get_time_offsets(ctx, &offset, &micro) == 0)
		ticket->offset = (int32_t)offset;
	krb5_free_cred_contents(ctx, &creds); /* zaps the key */
	krb5_free_context(ctx);
	return code;
}

/* ---- armour */

static int32_t
take_key(const krb5_keyblock *key, struct fast_armor *armor)
{
	if (key->length > sizeof(armor->key))
		return KRB5_BAD_KEYSIZE;
	armor->etype = key->enctype;
	memcpy(armor->key, key->contents, key->length);
	armor->len = key->length;
	return 0;
}

/* Of a ticket whose key is here: RFC 6113 5.4.1.1 by libkrb5. */
static krb5_error_code
own_armor(krb5_context ctx, krb5_creds *creds, struct fast_armor *armor)
{
	krb5_auth_context ac = NULL;
	krb5_keyblock *sub = NULL, *key = NULL;
	krb5_data ap_req = { 0 };
	krb5_error_code code;

	code = krb5_mk_req_extended(ctx, &ac, AP_OPTS_USE_SUBKEY, NULL, creds, &ap_req);
	if (code == 0)
		code = krb5_auth_con_getsendsubkey(ctx, ac, &sub);
	if (code == 0)
		code = krb5_c_fx_cf2_simple(ctx, sub, "subkeyarmor", &creds->keyblock,
					    "ticketarmor", &key);
	if (code == 0)
		code = take_key(key, armor);
	if (code == 0) {
		armor->ap_req.at = malloc(ap_req.length);
		armor->ap_req.len = ap_req.length;
		if (armor->ap_req.at != NULL)
			memcpy(armor->ap_req.at, ap_req.data, ap_req.length);
		else
			code = ENOMEM;
	}
	krb5_free_keyblock(ctx, sub);
	krb5_free_keyblock(ctx, key);
	krb5_free_data_contents(ctx, &ap_req);
	krb5_auth_con_free(ctx, ac);
	return code;
}

static int32_t
armor_outside(krb5_context given, const struct ticket *ticket, int32_t skew,
	      struct fast_armor *armor)
{
	struct creds_view view;
	krb5_context ctx = NULL;
	krb5_error_code code;

	if (creds_view_cred((struct rd){ ticket->cred.at, ticket->cred.len }, &view) != 0)
		return KRB5_CC_FORMAT;
	code = krb5_copy_context(given, &ctx);
	if (code != 0)
		return code;
	if (skew != 0)
		code = krb5_set_real_time(ctx, (krb5_timestamp)(time(NULL) + skew), -1);
	if (code == 0)
		code = own_armor(ctx, &view.creds, armor);
	krb5_free_context(ctx);
	return code;
}

static int32_t
code_of(enum iso_status status)
{
	log_line(LOG_INFO, "logon: armour: %s", rpc_status_text((uint32_t)status));
	switch ((unsigned int)status) {
	case ISO_GONE:
	case ISO_E_RATE:
		return KRB5KDC_ERR_SVC_UNAVAILABLE;
	case ISO_E_ETYPE:
		return KRB5KDC_ERR_ETYPE_NOSUPP;
	default:
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	}
}

static int32_t
armor_inside(const struct ticket *ticket, int32_t skew, struct fast_armor *armor)
{
	struct rd in = { ticket->cred.at, ticket->cred.len };
	struct iso_req_krb_armor ask = { 0 };
	struct iso_rep_krb_armor answer;
	uint8_t client[ISO_CLIENT_MAX];
	struct der_sealed sealed;
	enum iso_status status;
	struct wire_cred cred;
	struct wr out;
	int32_t code = 0;

	if (wire_cred(&in, &cred) != 0)
		return KRB5_CC_FORMAT;
	ask.session = ticket->session;
	ask.generation = ticket->generation;
	ask.owner = ticket->owner;
	ask.skew = skew;
	ask.blob = (struct rd){ ticket->blob, ticket->blob_len };
	ask.client = (struct rd){ client, wire_client_der(&cred.client, client, sizeof(client)) };
	status = ask_krb_armor(&ask, &answer);
	if (status != ISO_OK)
		return code_of(status);
	out.left = cred.ticket.len + answer.authenticator.len + AP_REQ_SLACK;
	out.at = armor->ap_req.at = malloc(out.left);
	sealed.etype = answer.etype;
	sealed.cipher = (struct rd){ answer.authenticator.at, answer.authenticator.len };
	if (out.at == NULL)
		code = ENOMEM;
	else if (der_make_ap_req(0, cred.ticket, &sealed, &out) != 0)
		code = KRB5KRB_AP_ERR_MSG_TYPE;
	if (code == 0) {
		memmove(armor->ap_req.at, out.at, out.left);
		armor->ap_req.len = out.left;
		armor->etype = answer.etype;
		memcpy(armor->key, answer.key.at, answer.key.len);
		armor->len = answer.key.len;
	}
	explicit_bzero(&answer, sizeof(answer));
	return code;
}

int32_t
ticket_armor(krb5_context ctx, const struct ticket *ticket, int32_t skew, struct fast_armor *armor)
{
	int32_t code = ticket->blob_len != 0 ? armor_inside(ticket, skew, armor)
					     : armor_outside(ctx, ticket, skew, armor);

	armor->known = ticket->fast;
	if (code != 0)
		fast_armor_free(armor);
	return code;
}
