/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"
#include "seal.h"

ISO_HANDLER(key_keep)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct kept k = { 0 };
	uint8_t who[ISO_HASH];
	const struct seal how = { .kind = SEAL_KEPT, .with = { who, sizeof(who) } };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	blob_client_hash(req->name, who);
	if (st == ISO_OK && iso->root_kind != ISO_ROOT_KEPT)
		st = ISO_E_POLICY;
	st = st ?: policy_key(iso, s, req->key, ISO_MAY_AS, req->name, &key);
	if (st == ISO_OK) {
		k.etype = key.type->etype;
		memcpy(k.key, key.octets, key.type->key_len);
		st = seal_put(iso, &how, (struct rd){ (const uint8_t *)&k, sizeof(k) },
			      rep->kept.at, &rep->kept.len);
	}
	wipe(&key, sizeof(key));
	wipe(&k, sizeof(k));
	return st;
}
