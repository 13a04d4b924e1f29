/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/*
 * EncTicketPart, [APPLICATION 3]: flags [0], key [1], and more. Opened where
 * it lies: it is large, and a request is wiped in any case.
 */
static bool
has_key(struct iso *iso, const struct krb_key *key, const struct iso_req_krb_ticket_check *req)
{
	uint8_t *at = iso->frame + (req->cipher.at - iso->frame);
	bool bad = false;
	struct der all = { .bad = &bad }, outer, in, session_key;
	struct rd octets = { 0 };

	if (req->etype != key->type->etype ||
	    krb_decrypt(key, KRB_USAGE_TICKET, req->cipher, (struct wr){ at, req->cipher.len },
			&all.rest.len) != ISO_OK)
		return false;
	all.rest.at = at;
	outer = der_take(&all, DER_APP(3));
	in = der_take(&outer, DER_SEQUENCE);
	der_field_flags(&in, 0);
	session_key = der_field(&in, 1, DER_SEQUENCE);
	der_field_int(&session_key, 0);
	octets = der_field(&session_key, 1, DER_OCTETS).rest;
	return !bad && octets.len > 0 && octets.len == req->given.len &&
	       ct_equal(octets.at, req->given.at, octets.len);
}

ISO_HANDLER(krb_ticket_check)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	st = st ?: policy_key(iso, s, req->key, ISO_MAY_CHECK, req->name, &key);
	if (st == ISO_OK && !has_key(iso, &key, req))
		st = ISO_E_INTEGRITY;
	wipe(&key, sizeof(key));
	return st;
}
