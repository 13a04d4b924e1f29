/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The KDC's answer to a logon: opened under the long-term key, or with FAST
 * under what the KDC's strengthen key makes of it. The ticket's key stays.
 */
#include "op.h"

/*
 * The KDC's word for the request as it had it: a Checksum of it, RFC 6806
 * section 11. A flag in the part says that there is one.
 */
static enum iso_status
check_request(const struct krb_key *key, const struct tgs_part *part, struct rd request,
	      uint32_t *checked)
{
	bool bad = false;
	struct der all = { part->req_enc_pa_rep, &bad };
	struct der sum = { 0 };
	struct rd mac = { 0 };
	uint8_t expected[KRB_MAC_MAX] = { 0 };
	int64_t type = 0;

	*checked = part->req_enc_pa_rep.at != NULL;
	if (*checked == 0)
		return (part->flags & TGS_FLAG_ENC_PA_REP) != 0 ? ISO_E_MISMATCH : ISO_OK;
	sum = der_take(&all, DER_SEQUENCE);
	type = der_field_int(&sum, 0);
	mac = der_field(&sum, 1, DER_OCTETS).rest;
	der_end(&sum);
	der_end(&all);
	if (bad || type != key->type->cksumtype || mac.len != key->type->mac_len)
		return ISO_E_MISMATCH;
	krb_checksum(key, KRB_USAGE_ENC_PA_REP, request, expected);
	return ct_equal(mac.at, expected, mac.len) ? ISO_OK : ISO_E_MISMATCH;
}

/* Into rep->part, then as EncASRepPart. */
static enum iso_status
open_part(const struct krb_key *key, const struct iso_req_krb_as_open *req,
	  struct iso_rep_krb_as_open *rep, struct tgs_part *part)
{
	size_t len = 0;
	enum iso_status st = ISO_E_MISMATCH;

	if (req->etype != key->type->etype)
		return st;
	st = krb_decrypt(key, KRB_USAGE_AS_REP, req->cipher, ROOM(rep->part), &len);
	rep->part.len = (uint32_t)len;
	st = st ?: tgs_part_read((struct rd){ rep->part.at, len }, part);
	if (st == ISO_OK && part->nonce != req->nonce)
		st = ISO_E_MISMATCH;
	return st == ISO_OK ? check_request(key, part, req->request, &rep->checked) : st;
}

static enum iso_status
keep(struct iso *iso, const struct session *s, const struct iso_req_krb_as_open *req,
     const struct tgs_part *part, struct iso_rep_krb_as_open *rep)
{
	const struct wr der = { rep->part.at, rep->part.len };
	struct blob b = { .may = tgt_may(&part->sname) };
	enum iso_status st = tgs_client_check(req->client);

	if (st == ISO_OK && b.may == 0)
		st = ISO_E_POLICY;
	st = st ?: tgs_part_clean(iso, part, der);
	blob_client_hash(req->client, b.client);
	if (st == ISO_OK)
		st = tgs_part_withhold(iso, s, part, der, req->skew, &b, ROOM(rep->blob),
				       &rep->blob.len);
	return st;
}

ISO_HANDLER(krb_as_open)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct tgs_part part = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	audit_client(iso, req->client);
	if (st == ISO_OK && (req->skew < -SKEW_MAX || req->skew > SKEW_MAX))
		st = ISO_E_RANGE;
	st = st ?: policy_key(iso, s, req->key, ISO_MAY_AS, req->name, &key);
	if (st == ISO_OK && req->strengthen_etype != 0)
		st = policy_mix(iso, req->strengthen_etype, req->strengthen, "strengthenkey", &key,
				"replykey");
	st = st ?: open_part(&key, req, rep, &part);
	st = st ?: keep(iso, s, req, &part, rep);
	wipe(&key, sizeof(key));
	return st;
}
