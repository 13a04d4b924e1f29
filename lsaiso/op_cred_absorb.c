/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#define NT_HASH_LEN 16u

/* What kind of secret this is, and whether it has the shape of one. */
static enum iso_status
classify(const struct iso *iso, const struct iso_req_cred_absorb *req, struct blob *b)
{
	const struct krb_type *type = NULL;

	b->kind = (uint8_t)req->kind;
	b->etype = req->etype;
	switch (req->kind) {
	case ISO_KIND_TGT:
		type = policy_type(iso, req->etype);
		if (type == NULL)
			return ISO_E_ETYPE;
		if (req->key.len != type->key_len)
			return ISO_E_RANGE;
		b->may = ISO_MAY_TGS;
		return tgs_client_check(req->client);
	case ISO_KIND_NTLM:
		if (req->etype != 0)
			return ISO_E_ETYPE;
		return req->key.len == NT_HASH_LEN ? ISO_OK : ISO_E_RANGE;
	default:
		return ISO_E_RANGE;
	}
}

ISO_HANDLER(cred_absorb)
{
	struct blob b = { 0 };
	struct session *s = NULL;
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_client(iso, req->client);
	st = st ?: classify(iso, req, &b);
	st = st ?: blob_deadline(iso, req->endtime, 0, &b.expires_ms);
	if (st != ISO_OK)
		return st;
	blob_client_hash(req->client, b.client);
	st = blob_seal(iso, s, &b, req->key, ROOM(rep->blob), &rep->blob.len);
	if (st == ISO_OK)
		iso->count.absorbed++;
	return st;
}
