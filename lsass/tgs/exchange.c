/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One TGS exchange through libkrb5 and lsaiso. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/tgs/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/tgs/again.h"

#define USAGE_TGS_REP_SESSION_KEY 8 /* RFC 4120 7.5.1 */

/* ---- codes */

/* What libkrb5 and its user get to see of lsaiso's answer. */
static int32_t
code_of(enum iso_status status)
{
	switch ((unsigned int)status) {
	case ISO_OK:
		return 0;
	case ISO_E_SESSION:
	case ISO_E_EXPIRED:
	case ISO_E_BLOB:
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	case ISO_E_POLICY:
		return KRB5KDC_ERR_POLICY;
	case ISO_E_LOCKED:
		return KRB5_FCC_PERM;
	case ISO_GONE: /* it may come back with all it held (a link to a host) */
	case ISO_E_RATE:
	case ISO_E_PENDING: /* too many newer requests before the reply came */
		return KRB5KDC_ERR_SVC_UNAVAILABLE;
	case ISO_E_ETYPE:
		return KRB5KDC_ERR_ETYPE_NOSUPP;
	case ISO_E_INTEGRITY:
		return KRB5KRB_AP_ERR_BAD_INTEGRITY;
	default:
		return KRB5_KDCREP_MODIFIED;
	}
}

/* A hook fails: libkrb5 must not turn it into something else. */
static krb5_error_code
broken(struct exchange *ex, int32_t code)
{
	if (ex->broken == 0)
		ex->broken = code;
	ex->kdc_refused = false;
	return code;
}

static krb5_error_code
refused_by_iso(struct exchange *ex, const char *what, enum iso_status status)
{
	int32_t code = code_of(status);
	/* What any user can bring about as often as they like does not fill the log. */
	bool common = code == KRB5KRB_AP_ERR_TKT_EXPIRED || code == KRB5KDC_ERR_SVC_UNAVAILABLE;

	log_line(common ? LOG_DEBUG : LOG_INFO, "tgs: uid %u: %s: %s", (unsigned int)ex->req->uid,
		 what, rpc_status_text((uint32_t)status));
	return broken(ex, code);
}

/* ---- messages for libkrb5: a krb5_data and its octets, both malloc */

static krb5_data *
message_new(size_t room)
{
	krb5_data *data = calloc(1, sizeof(*data));

	if (data == NULL)
		return NULL;
	data->magic = KV5M_DATA;
	data->data = malloc(room);
	if (data->data == NULL) {
		free(data);
		return NULL;
	}
	data->length = (unsigned int)room;
	return data;
}

static void
message_free(krb5_data *data)
{
	if (data != NULL)
		free(data->data);
	free(data);
}

/* What was written at the end of the room becomes the message. */
static void
message_fit(krb5_data *data, const struct wr *written)
{
	memmove(data->data, written->at, written->left);
	data->length = (unsigned int)written->left;
}

static struct wr
message_room(const krb5_data *data)
{
	struct wr out = { (uint8_t *)data->data, data->length };

	return out;
}

/* ---- on the way to the KDC */

static const struct exchange_tgt *
find_tgt(const struct exchange *ex, struct rd cipher)
{
	for (size_t i = 0; i < ex->ntgts; i++) {
		const struct rd *have = &ex->tgts[i].cipher;

		if (have->len == cipher.len && memcmp(have->at, cipher.at, cipher.len) == 0)
			return &ex->tgts[i];
	}
	return NULL;
}

static krb5_error_code
seal(struct exchange *ex, const struct der_tgs_req *req, krb5_data **message)
{
	const struct exchange_tgt *tgt = find_tgt(ex, req->sealed.cipher);
	struct iso_req_krb_tgs_seal ask = { 0 };
	struct iso_rep_krb_tgs_seal answer;
	struct der_sealed authenticator;
	enum iso_status status;
	struct wr out;

	if (tgt == NULL)
		return broken(ex, KRB5KRB_AP_ERR_NOKEY);
	ask.session = tgt->session;
	ask.generation = tgt->generation;
	ask.owner = (uint32_t)ex->req->uid;
	ask.skew = ex->req->kdc_offset;
	ask.blob = tgt->blob;
	ask.client = (struct rd){ ex->client, ex->client_len };
	ask.body = req->body;
	status = ask_krb_tgs_seal(&ask, &answer);
	if (status != ISO_OK)
		return refused_by_iso(ex, "request", status);
	ex->asked_with = tgt;
	ex->pending = answer.pending;
	authenticator.etype = answer.etype;
	authenticator.cipher = (struct rd){ answer.authenticator.at, answer.authenticator.len };
	*message = message_new(req->padata.len + req->body.len + answer.authenticator.len +
			       DER_TGS_SLACK);
	if (*message == NULL)
		return broken(ex, ENOMEM);
	out = message_room(*message);
	if (der_make_tgs_req(req, &authenticator, &out) != 0) {
		message_free(*message);
		*message = NULL;
		return broken(ex, KRB5KRB_AP_ERR_MSG_TYPE);
	}
	message_fit(*message, &out);
	return 0;
}

static krb5_error_code
on_send(krb5_context ctx, void *arg, const krb5_data *realm, const krb5_data *message,
	krb5_data **new_message, krb5_data **new_reply)
{
	struct exchange *ex = arg;
	struct der_tgs_req req;
	int32_t code = 0;

	*new_message = NULL;
	*new_reply = NULL;
	ex->asked_with = NULL;
	ex->kdc_refused = false;
	if (ex->enter != NULL)
		code = ex->enter(ex->arg, creds_rd(realm));
	if (code != 0)
		return broken(ex, code);
	/* Anything but a TGS-REQ would not be ours; it does not leave. */
	if (der_read_tgs_req(creds_rd(message), &req) != 0)
		return broken(ex, KRB5KRB_AP_ERR_MSG_TYPE);
	return seal(ex, &req, new_message);
}

/* ---- on the way back */

/* Encrypt lsaiso's plain part under the stand-in, where libkrb5 expects it. */
static krb5_error_code
rewrap(struct exchange *ex, const struct der_tgs_rep *rep, struct rd part, krb5_data **reply)
{
	const struct exchange_tgt *tgt = ex->asked_with;
	krb5_keyblock key = { .magic = KV5M_KEYBLOCK, .enctype = tgt->etype };
	struct creds_octets cipher;
	struct der_sealed enc_part;
	krb5_error_code code;
	struct wr out;

	key.length = (unsigned int)tgt->key.len;
	key.contents = (krb5_octet *)(uintptr_t)tgt->key.at;
	code = creds_seal(ex->ctx, &key, USAGE_TGS_REP_SESSION_KEY, part, &cipher, &enc_part);
	if (code != 0)
		return code;
	*reply = message_new(rep->padata.len + rep->names.len + cipher.len + DER_TGS_SLACK);
	if (*reply == NULL) {
		creds_free(&cipher);
		return ENOMEM;
	}
	out = message_room(*reply);
	if (der_make_tgs_rep(rep, &enc_part, &out) == 0) {
		message_fit(*reply, &out);
	} else {
		code = KRB5KRB_AP_ERR_MSG_TYPE;
		message_free(*reply);
		*reply = NULL;
	}
	creds_free(&cipher);
	return code;
}

/* Keep a TGT-class ticket: for libkrb5's next request and for the asker. */
static krb5_error_code
gain(struct exchange *ex, const struct der_tgs_rep *rep, struct rd part, struct rd blob)
{
	struct exchange_ticket *ticket = &ex->tickets[ex->ntickets];
	struct exchange_tgt *tgt = &ex->tgts[ex->ntgts];
	struct der_part read;
	struct der_sealed sealed;
	struct creds_view view;

	if (ex->ntickets == EXCHANGE_GAINED_MAX || blob.len > sizeof(ticket->blob))
		return KRB5_KDC_UNREACH;
	if (der_read_part(part, &read) != 0 || der_read_ticket(rep->ticket, &sealed) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	if (creds_put_part(ex->req->client, &read, rep->ticket, &ticket->cred) != 0)
		return ENOMEM;
	memcpy(ticket->blob, blob.at, blob.len);
	ticket->blob_len = blob.len;
	ticket->session = ex->asked_with->session;
	ticket->generation = ex->asked_with->generation;
	ex->ntickets++;
	/* Views of what is now owned. */
	if (creds_view_cred((struct rd){ ticket->cred.at, ticket->cred.len }, &view) != 0 ||
	    der_read_ticket(creds_rd(&view.creds.ticket), &sealed) != 0)
		return KRB5_KDCREP_MODIFIED;
	tgt->cipher = sealed.cipher;
	tgt->etype = view.creds.keyblock.enctype;
	tgt->key = (struct rd){ view.creds.keyblock.contents, view.creds.keyblock.length };
	tgt->session = ticket->session;
	tgt->generation = ticket->generation;
	tgt->blob = (struct rd){ ticket->blob, ticket->blob_len };
	ex->ntgts++;
	return 0;
}

static krb5_error_code
open_reply(struct exchange *ex, const struct der_tgs_rep *rep, krb5_data **reply)
{
	struct iso_req_krb_tgs_open ask = { 0 };
	struct iso_rep_krb_tgs_open answer;
	enum iso_status status;
	krb5_error_code code;
	struct rd part;

	ask.pending = ex->pending;
	ask.owner = (uint32_t)ex->req->uid;
	ask.etype = rep->enc_part.etype;
	ask.cipher = rep->enc_part.cipher;
	status = ask_krb_tgs_open(&ask, &answer);
	if (status != ISO_OK) {
		ex->unopened = status;
		return refused_by_iso(ex, "reply", status);
	}
	part = (struct rd){ answer.part.at, answer.part.len };
	code = rewrap(ex, rep, part, reply);
	if (code == 0 && answer.verdict != ISO_RELEASED) {
		code = gain(ex, rep, part, (struct rd){ answer.blob.at, answer.blob.len });
		if (code != 0) {
			message_free(*reply);
			*reply = NULL;
		}
	}
	explicit_bzero(answer.part.at, answer.part.len);
	return code != 0 ? broken(ex, code) : 0;
}

static krb5_error_code
on_receive(krb5_context ctx, void *arg, krb5_error_code code, const krb5_data *realm,
	   const krb5_data *message, const krb5_data *reply, krb5_data **new_reply)
{
	struct exchange *ex = arg;
	struct der_tgs_rep rep;

	*new_reply = NULL;
	if (code != 0)
		return code;
	if (reply->length != 0 && (uint8_t)reply->data[0] == DER_KRB_ERROR) {
		ex->kdc_refused = true;
		return 0;
	}
	if (ex->asked_with == NULL || der_read_tgs_rep(creds_rd(reply), &rep) != 0)
		return broken(ex, KRB5KRB_AP_ERR_MSG_TYPE);
	return open_reply(ex, &rep, new_reply);
}

/* ---- the exchange */

/* Put the cache's TGTs where libkrb5 looks for them, and remember them. */
static krb5_error_code
offer_tgts(struct exchange *ex, krb5_ccache cc)
{
	const struct tgs_request *req = ex->req;
	struct creds_view view;
	struct der_sealed sealed;
	krb5_error_code code;

	for (size_t i = 0; i < req->ntgts && ex->ntgts < EXCHANGE_TGTS_MAX; i++) {
		struct exchange_tgt *tgt = &ex->tgts[ex->ntgts];

		if (creds_view_cred(req->tgts[i].cred, &view) != 0 ||
		    der_read_ticket(creds_rd(&view.creds.ticket), &sealed) != 0)
			continue; /* a ticket that is none: libkrb5 could not use it either */
		code = krb5_cc_store_cred(ex->ctx, cc, &view.creds);
		if (code != 0)
			return code;
		tgt->cipher = sealed.cipher;
		tgt->etype = view.creds.keyblock.enctype;
		tgt->key = (struct rd){ view.creds.keyblock.contents, view.creds.keyblock.length };
		tgt->session = req->tgts[i].session;
		tgt->generation = req->tgts[i].generation;
		tgt->blob = req->tgts[i].blob;
		ex->ntgts++;
	}
	return 0;
}

/* The ticket asked for comes last; a TGT-class one is among those gained. */
static krb5_error_code
deliver(struct exchange *ex, const krb5_creds *creds)
{
	struct exchange_ticket *last = &ex->tickets[ex->ntickets];
	struct exchange_ticket found = { 0 };
	struct creds_octets octets;
	struct der_sealed sealed;
	size_t n = ex->ntickets;
	const struct exchange_tgt *tgt;

	if (creds_put(creds, &octets) != 0)
		return ENOMEM;
	if (der_read_ticket(creds_rd(&creds->ticket), &sealed) == 0) {
		tgt = find_tgt(ex, sealed.cipher);
		for (size_t i = 0; tgt != NULL && i < n; i++) {
			if (ex->tickets[i].blob != tgt->blob.at)
				continue;
			found = ex->tickets[i];
			memmove(&ex->tickets[i], &ex->tickets[i + 1], (n - i - 1) * sizeof(found));
			last = &ex->tickets[--ex->ntickets];
			break;
		}
	}
	creds_free(&found.cred);
	*last = found;
	last->cred = octets;
	ex->ntickets++;
	ex->ntgts = 0; /* its views may have moved */
	return 0;
}

/*
 * Name type 0 (unknown) is refused by lsaiso's rule for service tickets.
 * Type 3 makes libkrb5 look for the realm of host-based names, which is what
 * an empty realm asks for; type 1 changes nothing.
 */
static void
settle_type(krb5_principal server)
{
	if (server->type != KRB5_NT_UNKNOWN)
		return;
	server->type = KRB5_NT_PRINCIPAL;
	if (server->length == 2 && server->realm.length == 0)
		server->type = KRB5_NT_SRV_HST;
}

static krb5_error_code
get(struct exchange *ex, krb5_ccache cc, struct creds_princ *client)
{
	const struct tgs_request *req = ex->req;
	krb5_creds want = { .magic = KV5M_CREDS };
	krb5_creds *got = NULL;
	struct creds_princ server;
	krb5_flags options = KRB5_GC_NO_STORE;
	krb5_error_code code;

	if (creds_view_princ(req->server, &server) != 0)
		return KRB5_CC_FORMAT;
	settle_type(&server.princ);
	want.client = &client->princ;
	want.server = &server.princ;
	want.keyblock.enctype = req->etype;
	want.times.endtime = (krb5_timestamp)req->endtime;
	if (req->user_to_user) {
		options |= KRB5_GC_USER_USER;
		want.second_ticket = creds_data(req->second_ticket);
	}
	code = krb5_get_credentials(ex->ctx, options, cc, &want, &got);
	if (code == 0)
		code = deliver(ex, got);
	krb5_free_creds(ex->ctx, got); /* zaps the key */
	return code;
}

static krb5_error_code
renew(struct exchange *ex, krb5_ccache cc, struct creds_princ *client)
{
	krb5_creds got = { 0 };
	krb5_error_code code = krb5_get_renewed_creds(ex->ctx, &got, &client->princ, cc, NULL);

	if (code != 0)
		return code;
	code = deliver(ex, &got);
	krb5_free_cred_contents(ex->ctx, &got); /* zaps the key */
	return code;
}

static krb5_error_code
run(struct exchange *ex)
{
	struct wire_princ wire;
	struct creds_princ client;
	struct rd octets = ex->req->client;
	krb5_ccache cc = NULL;
	krb5_error_code code;

	if (wire_princ(&octets, &wire) != 0 || creds_view_princ(ex->req->client, &client) != 0)
		return KRB5_CC_FORMAT;
	ex->client_len = wire_client_der(&wire, ex->client, sizeof(ex->client));
	if (ex->client_len == 0)
		return KRB5_CC_FORMAT;
	code = krb5_cc_new_unique(ex->ctx, "MEMORY", NULL, &cc);
	if (code != 0)
		return code;
	code = krb5_cc_initialize(ex->ctx, cc, &client.princ);
	if (code == 0)
		code = offer_tgts(ex, cc);
	if (code == 0)
		code = ex->req->renew ? renew(ex, cc, &client) : get(ex, cc, &client);
	(void)krb5_cc_destroy(ex->ctx, cc);
	return code;
}

static krb5_error_code
run_once(struct exchange *ex)
{
	krb5_error_code code;

	ex->broken = 0;
	ex->unopened = ISO_OK;
	code = run(ex);
	return code != 0 && ex->broken != 0 ? ex->broken : code;
}

int32_t
exchange_run(struct exchange *ex)
{
	krb5_error_code code;

	krb5_set_kdc_send_hook(ex->ctx, on_send, ex);
	krb5_set_kdc_recv_hook(ex->ctx, on_receive, ex);
	code = run_once(ex);
	for (unsigned int n = 0; code != 0 && again_worth(ex->unopened, n); n++) {
		exchange_free(ex);
		code = run_once(ex);
	}
	krb5_set_kdc_send_hook(ex->ctx, NULL, NULL);
	krb5_set_kdc_recv_hook(ex->ctx, NULL, NULL);
	if (code == 0)
		return 0;
	ex->kdc_refused = ex->kdc_refused && code > KRB5KDC_ERR_NONE &&
			  code <= KRB5KDC_ERR_NONE + 127;
	exchange_free(ex);
	return code;
}

int32_t
exchange_take(struct exchange *ex, struct exchange_ticket **tickets, size_t *n)
{
	*tickets = calloc(ex->ntickets, sizeof(**tickets));
	if (*tickets == NULL)
		return ENOMEM;
	memcpy(*tickets, ex->tickets, ex->ntickets * sizeof(**tickets));
	explicit_bzero(ex->tickets, ex->ntickets * sizeof(**tickets));
	*n = ex->ntickets;
	ex->ntickets = 0;
	return 0;
}

void
exchange_free(struct exchange *ex)
{
	for (size_t i = 0; i < ex->ntickets; i++) {
		creds_free(&ex->tickets[i].cred);
		explicit_bzero(&ex->tickets[i], sizeof(ex->tickets[i]));
	}
	ex->ntickets = 0;
	ex->ntgts = 0;
}
