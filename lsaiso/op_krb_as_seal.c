/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/* PA-ENC-TS-ENC: patimestamp [0], pausec [1] */
static enum iso_status
seal_stamp(const struct krb_key *key, uint32_t usage, const struct stamp *stamp,
	   struct iso_rep_krb_as_seal *rep)
{
	uint8_t plain[64] = { 0 };
	struct derw w = { plain + sizeof(plain), sizeof(plain) };
	const uint8_t *end = w.at;
	size_t len = 0;
	enum iso_status st = ISO_OK;

	derw_field_int(&w, 1, stamp->micros);
	derw_field_time(&w, 0, stamp->seconds);
	derw_head(&w, DER_SEQUENCE, end);
	st = krb_encrypt(key, usage, (struct rd){ w.at, sizeof(plain) - w.left }, ROOM(rep->cipher),
			 &len);
	rep->cipher.len = (uint32_t)len;
	rep->etype = key->type->etype;
	return st;
}

ISO_HANDLER(krb_as_seal)
{
	uint32_t usage = req->armor_etype != 0 ? KRB_USAGE_CHALLENGE : KRB_USAGE_AS_REQ_TS;
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct stamp stamp = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	st = st ?: stamp_make(iso, req->skew, &stamp);
	st = st ?: session_spend(iso, s);
	st = st ?: policy_key(iso, s, req->key, ISO_MAY_AS, req->name, &key);
	if (st == ISO_OK && req->armor_etype != 0)
		st = policy_mix(iso, req->armor_etype, req->armor, "clientchallengearmor", &key,
				"challengelongterm");
	st = st ?: seal_stamp(&key, usage, &stamp, rep);
	wipe(&key, sizeof(key));
	return st;
}
