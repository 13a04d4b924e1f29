/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(krb_armor)
{
	struct session *s = NULL;
	struct krb_key key = { 0 }, armor = { 0 };
	struct authenticator a = { .client = req->client, .usage = KRB_USAGE_AP_REQ_AUTH };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_client(iso, req->client);
	st = st ?: stamp_make(iso, req->skew, &a.stamp);
	st = st ?: session_spend(iso, s);
	st = st ?: policy_key(iso, s, req->blob, ISO_MAY_ARMOR, req->client, &key);
	st = st ?: authenticator_seal(&key, &a, ROOM(rep->authenticator), &rep->authenticator.len);
	if (st == ISO_OK) {
		krb_cf2(&a.subkey, "subkeyarmor", &key, "ticketarmor", &armor);
		rep->etype = armor.type->etype;
		rep->key.len = armor.type->key_len;
		memcpy(rep->key.at, armor.octets, rep->key.len);
		s->uses++;
		iso->count.sealed++;
	}
	wipe(&key, sizeof(key));
	wipe(&a, sizeof(a));
	wipe(&armor, sizeof(armor));
	return st;
}
