/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Change of password, RFC 3244 with its version 1: the KRB-PRIV has the new
 * password and nothing else. It is under our own subkey, so the server's
 * answer is too, or under one that only the server and we know.
 */
#include "op.h"

/* Address types, RFC 4120 section 7.5.3. */
#define ADDRTYPE_INET  2
#define ADDRTYPE_INET6 24

/* EncKrbPrivPart, RFC 4120 section 5.7.1; backwards. */
static struct derw
write_priv(const struct authenticator *a, struct rd password, struct rd address, struct wr out)
{
	struct derw w = { out.at + out.left, out.left };
	const uint8_t *end = w.at;

	derw_field_typed(&w, 4, address.len == 4 ? ADDRTYPE_INET : ADDRTYPE_INET6, address);
	derw_field_int(&w, 3, a->seq);
	derw_field_int(&w, 2, a->stamp.micros);
	derw_field_time(&w, 1, a->stamp.seconds);
	derw_field_octets(&w, 0, password);
	derw_head(&w, DER_SEQUENCE, end);
	derw_head(&w, DER_APP(28), end);
	return w;
}

/* The new password out of its blob into the KRB-PRIV. */
static enum iso_status
seal_priv(struct iso *iso, const struct session *s, const struct iso_req_krb_passwd_seal *req,
	  const struct authenticator *a, struct iso_rep_krb_passwd_seal *rep)
{
	struct blob want = { .kind = ISO_KIND_PASSWORD, .may = ISO_MAY_NEW }, got = { 0 };
	uint8_t password[ISO_SECRET_MAX] = { 0 }, plain[ISO_SECRET_MAX + 128] = { 0 };
	struct derw w = { 0 };
	size_t len = 0;
	enum iso_status st = ISO_OK;

	blob_client_hash(req->name, want.client);
	st = blob_open(iso, s, req->password, &want, &got,
		       (struct wr){ password, sizeof(password) }, &len);
	w = write_priv(a, (struct rd){ password, len }, req->address,
		       (struct wr){ plain, sizeof(plain) });
	if (st == ISO_OK && w.at == NULL)
		st = ISO_E_RANGE;
	if (st == ISO_OK)
		st = krb_encrypt(&a->subkey, KRB_USAGE_PRIV,
				 (struct rd){ w.at, sizeof(plain) - w.left }, ROOM(rep->priv),
				 &len);
	rep->priv.len = (uint32_t)len;
	wipe(password, sizeof(password));
	wipe(plain, sizeof(plain));
	return st;
}

ISO_HANDLER(krb_passwd_seal)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct authenticator a = { .client = req->client, .usage = KRB_USAGE_AP_REQ_AUTH };
	struct pending p = { .kind = PENDING_PASSWD,
			     .owner = req->owner,
			     .session = req->session,
			     .generation = req->generation };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_client(iso, req->client);
	if (st == ISO_OK && req->address.len != 4 && req->address.len != 16)
		st = ISO_E_RANGE;
	st = st ?: stamp_make(iso, req->skew, &a.stamp);
	st = st ?: policy_key(iso, s, req->blob, ISO_MAY_CHANGE, req->client, &key);
	st = st ?: authenticator_seal(&key, &a, ROOM(rep->authenticator), &rep->authenticator.len);
	st = st ?: seal_priv(iso, s, req, &a, rep);
	if (st == ISO_OK) {
		p.nonce = a.seq;
		p.etype = key.type->etype;
		p.ctime = a.stamp.seconds;
		p.cusec = a.stamp.micros;
		memcpy(p.subkey, a.subkey.octets, sizeof(p.subkey));
		st = pending_put(iso, &p);
	}
	if (st == ISO_OK) {
		rep->pending = p.id;
		rep->etype = p.etype;
		s->uses++;
		iso->count.sealed++;
	}
	wipe(&key, sizeof(key));
	wipe(&a, sizeof(a));
	wipe(&p, sizeof(p));
	return st;
}
