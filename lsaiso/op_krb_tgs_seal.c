/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(krb_tgs_seal)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct tgs_body body = { 0 };
	struct authenticator a = { .client = req->client,
				   .usage = KRB_USAGE_TGS_REQ_AUTH,
				   .body = req->body };
	struct pending p = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	st = st ?: stamp_make(iso, req->skew, &a.stamp);
	st = st ?: session_spend(iso, s);
	st = st ?: policy_key(iso, s, req->blob, ISO_MAY_TGS, req->client, &key);
	st = st ?: tgs_client_check(req->client); /* of a box, only its hash was seen */
	st = st ?: tgs_body_read(iso, req->body, &body);
	audit_name(iso, &body.sname);
	st = st ?: authenticator_seal(&key, &a, ROOM(rep->authenticator), &rep->authenticator.len);
	if (st == ISO_OK) {
		p.kind = PENDING_TGS;
		p.owner = req->owner;
		p.session = req->session;
		p.generation = req->generation;
		p.options = body.options;
		p.nonce = body.nonce;
		memcpy(p.subkey, a.subkey.octets, sizeof(p.subkey));
		p.etype = key.type->etype;
		p.skew = req->skew;
		p.tgt_class = tgt_class_name(&body.sname);
		blob_client_hash(req->client, p.client);
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
