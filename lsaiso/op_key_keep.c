/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kept.h"
#include "op.h"

ISO_HANDLER(key_keep)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct kept k = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	st = st ?: policy_key(iso, s, req->key, ISO_KIND_KEY, ISO_MAY_AS, req->name, &key);
	if (st == ISO_OK) {
		k.etype = key.type->etype;
		memcpy(k.key, key.octets, key.type->key_len);
		st = kept_seal(iso, req->name, &k, ROOM(rep->kept), &rep->kept.len);
	}
	wipe(&key, sizeof(key));
	wipe(&k, sizeof(k));
	return st;
}
