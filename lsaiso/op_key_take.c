/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"
#include "seal.h"

ISO_HANDLER(key_take)
{
	struct session *s = NULL;
	struct blob b = { .kind = ISO_KIND_KEY, .may = ISO_MAY_AS | ISO_MAY_CHECK };
	const struct seal how = { .kind = SEAL_KEPT, .with = { b.client, sizeof(b.client) } };
	const struct krb_type *type = NULL;
	struct kept k = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	blob_client_hash(req->name, b.client);
	st = st ?: seal_open(iso, &how, req->kept, (struct wr){ (uint8_t *)&k, sizeof(k) });
	if (st == ISO_OK) {
		type = policy_type(iso, k.etype);
		st = type != NULL ? ISO_OK : ISO_E_ETYPE;
	}
	if (st == ISO_OK) {
		rep->etype = b.etype = k.etype;
		b.expires_ms = s->expires_ms;
		st = blob_seal(iso, s, &b, (struct rd){ k.key, type->key_len }, ROOM(rep->blob),
			       &rep->blob.len);
	}
	wipe(&k, sizeof(k));
	return st;
}
