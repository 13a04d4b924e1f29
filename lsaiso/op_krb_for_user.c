/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(krb_for_user)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_client(iso, req->client);
	if (st == ISO_OK && (iso->policy & ISO_POLICY_S4U) == 0)
		st = ISO_E_POLICY;
	st = st ?: session_spend(iso, s);
	if (st == ISO_OK)
		st = policy_key(iso, s, req->blob, ISO_KIND_TGT, ISO_MAY_TGS, req->client, &key);
	if (st == ISO_OK)
		krb_checksum_md5(&key, KRB_USAGE_FOR_USER, req->text, rep->mac);
	wipe(&key, sizeof(key));
	return st;
}
