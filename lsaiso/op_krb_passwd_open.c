/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer to a change of password: from the server (it opened our
 * authenticator), and for this request (it has its time).
 */
#include "op.h"

#define RESULT_LEN 2u

/* EncAPRepPart, RFC 4120 section 5.5.2. Its subkey, if it has one, takes ours' place. */
static enum iso_status
read_ap_rep(const struct iso *iso, const struct pending *p, struct rd der, struct krb_key *sub)
{
	bool bad = false;
	struct der all = { der, &bad };
	struct der outer = der_take(&all, DER_APP(27));
	struct der in = der_take(&outer, DER_SEQUENCE), key = { .bad = &bad };
	int64_t ctime = der_field_time(&in, 0), cusec = der_field_int(&in, 1);

	der_end(&all);
	der_end(&outer);
	if (der_next(&in, DER_CONTEXT(2))) {
		key = der_field(&in, 2, DER_SEQUENCE);
		sub->type = policy_type(iso, der_field_int(&key, 0));
		key = der_field(&key, 1, DER_OCTETS);
	}
	der_skip(&in, 3); /* seq-number */
	der_end(&in);
	if (bad)
		return ISO_E_DER;
	if (ctime != p->ctime || cusec != p->cusec)
		return ISO_E_MISMATCH;
	if (sub->type == NULL || (key.rest.at != NULL && key.rest.len != sub->type->key_len))
		return ISO_E_ETYPE;
	if (key.rest.at != NULL)
		memcpy(sub->octets, key.rest.at, sub->type->key_len);
	return ISO_OK;
}

/*
 * EncKrbPrivPart, RFC 4120 section 5.7.1. One with our own sequence number is
 * ours come back: what it says is the new password.
 */
static enum iso_status
read_priv(const struct pending *p, struct rd der, struct iso_rep_krb_passwd_open *rep)
{
	bool bad = false;
	struct der all = { der, &bad };
	struct der outer = der_take(&all, DER_APP(28));
	struct der in = der_take(&outer, DER_SEQUENCE);
	struct rd data = der_field(&in, 0, DER_OCTETS).rest;
	size_t len = 0;
	uint32_t seq = 0;

	der_maybe_time(&in, 1);
	der_skip(&in, 2); /* usec */
	seq = (uint32_t)der_field_int(&in, 3);
	der_skip(&in, 4); /* s-address */
	der_skip(&in, 5); /* r-address */
	der_end(&in);
	der_end(&outer);
	der_end(&all);
	if (bad || data.len < RESULT_LEN)
		return ISO_E_DER;
	if (seq == p->nonce)
		return ISO_E_MISMATCH;
	rep->result = (uint32_t)data.at[0] << 8 | data.at[1];
	len = data.len - RESULT_LEN;
	rep->text.len = (uint32_t)(len < sizeof(rep->text.at) ? len : sizeof(rep->text.at));
	memcpy(rep->text.at, data.at + RESULT_LEN, rep->text.len);
	return ISO_OK;
}

/* Both messages, one after the other in the same room. */
static enum iso_status
open_both(const struct iso *iso, const struct pending *p, const struct krb_key *key,
	  const struct iso_req_krb_passwd_open *req, struct iso_rep_krb_passwd_open *rep)
{
	struct krb_key sub = { .type = krb_type(p->etype) };
	uint8_t plain[2048] = { 0 };
	const struct wr room = { plain, sizeof(plain) };
	size_t len = 0;
	enum iso_status st = ISO_E_MISMATCH;

	memcpy(sub.octets, p->subkey, sizeof(sub.octets));
	if (req->etype == key->type->etype)
		st = krb_decrypt(key, KRB_USAGE_AP_REP, req->ap_rep, room, &len);
	st = st ?: read_ap_rep(iso, p, (struct rd){ plain, len }, &sub);
	if (st == ISO_OK && req->priv_etype != sub.type->etype)
		st = ISO_E_MISMATCH;
	st = st ?: krb_decrypt(&sub, KRB_USAGE_PRIV, req->priv, room, &len);
	st = st ?: read_priv(p, (struct rd){ plain, len }, rep);
	wipe(&sub, sizeof(sub));
	wipe(plain, sizeof(plain));
	return st;
}

ISO_HANDLER(krb_passwd_open)
{
	struct krb_key key = { 0 };
	struct pending p = { 0 };
	struct session *s = NULL;
	enum iso_status st = pending_take(iso, req->pending, PENDING_PASSWD, &p);

	audit_client(iso, req->client);
	st = st ?: session_find(iso, p.session, p.generation, req->owner, &s);
	st = st ?: policy_key(iso, s, req->blob, ISO_MAY_CHANGE, req->client, &key);
	st = st ?: open_both(iso, &p, &key, req, rep);
	wipe(&key, sizeof(key));
	wipe(&p, sizeof(p));
	return st;
}
