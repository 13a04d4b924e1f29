/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/* In the record: the user (after the type of its name), then who asks for it. */
ISO_HANDLER(krb_for_user)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	if (req->text.len < 4)
		return st ?: ISO_E_RANGE;
	audit_text(iso, (struct rd){ req->text.at + 4, req->text.len - 4 });
	audit_text(iso, (struct rd){ (const uint8_t *)" by ", 4 });
	audit_client(iso, req->client);
	st = st ?: ((iso->policy & ISO_POLICY_S4U) != 0 ? ISO_OK : ISO_E_POLICY);
	st = st ?: session_spend(iso, s);
	st = st ?: policy_key(iso, s, req->blob, ISO_MAY_TGS, req->client, &key);
	if (st == ISO_OK)
		krb_checksum_md5(&key, KRB_USAGE_FOR_USER, req->text, rep->mac);
	wipe(&key, sizeof(key));
	return st;
}
