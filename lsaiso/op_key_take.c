/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kept.h"
#include "op.h"

ISO_HANDLER(key_take)
{
	struct session *s = NULL;
	struct blob b = { .kind = ISO_KIND_KEY, .may = ISO_MAY_AS };
	const struct krb_type *type = NULL;
	struct kept k = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	st = st ?: kept_open(iso, req->name, req->kept, &k);
	if (st == ISO_OK) {
		type = policy_type(iso, k.etype);
		st = type != NULL ? ISO_OK : ISO_E_ETYPE;
	}
	if (st == ISO_OK) {
		rep->etype = b.etype = k.etype;
		b.expires_ms = s->expires_ms;
		blob_client_hash(req->name, b.client);
		st = blob_seal(iso, s, &b, (struct rd){ k.key, type->key_len }, ROOM(rep->blob),
			       &rep->blob.len);
	}
	wipe(&k, sizeof(k));
	return st;
}
