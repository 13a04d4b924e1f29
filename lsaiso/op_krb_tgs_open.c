/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The KDC's answer: opened under the subkey that krb_tgs_seal chose. Decides
 * whether the new ticket's key may leave, and takes it out if not.
 */
#include "op.h"

/* Under S' into rep->part, then as EncTGSRepPart. */
static enum iso_status
open_part(const struct pending *p, const struct iso_req_krb_tgs_open *req,
	  struct iso_rep_krb_tgs_open *rep, struct tgs_part *part)
{
	struct krb_key key = { .type = krb_type(p->etype) };
	size_t len = 0;
	enum iso_status st = ISO_E_MISMATCH;

	if (key.type == NULL || req->etype != p->etype)
		return st;
	memcpy(key.octets, p->subkey, sizeof(key.octets));
	st = krb_decrypt(&key, KRB_USAGE_TGS_REP_SUB, req->cipher, ROOM(rep->part), &len);
	wipe(&key, sizeof(key));
	rep->part.len = (uint32_t)len;
	st = st ?: tgs_part_read((struct rd){ rep->part.at, len }, part);
	if (st == ISO_OK && part->nonce != p->nonce)
		st = ISO_E_MISMATCH;
	return st;
}

static enum iso_status
release_or_withhold(struct iso *iso, const struct session *s, const struct pending *p,
		    const struct tgs_part *part, struct iso_rep_krb_tgs_open *rep)
{
	const struct wr der = { rep->part.at, rep->part.len };
	struct blob b = { .may = ISO_MAY_TGS | ISO_MAY_ARMOR };
	enum iso_status st = tgs_part_clean(iso, part, der);

	if (st != ISO_OK)
		return st;
	if ((iso->policy & ISO_POLICY_FORWARDED) != 0 && tgt_forwarded(part, p->options))
		iso->note.verdict = RECORD_FORWARDED;
	else if (p->tgt_class != 0 || tgt_class(&part->sname, p->options))
		iso->note.verdict = rep->verdict = ISO_WITHHELD;
	if (rep->verdict == ISO_RELEASED) {
		iso->count.released++;
		return ISO_OK;
	}
	memcpy(b.client, p->client, sizeof(b.client));
	return tgs_part_withhold(iso, s, part, der, p->skew, &b, ROOM(rep->blob), &rep->blob.len);
}

ISO_HANDLER(krb_tgs_open)
{
	struct pending p = { 0 };
	struct tgs_part part = { 0 };
	struct session *s = NULL;
	enum iso_status st = pending_take(iso, req->pending, PENDING_TGS, &p);

	st = st ?: session_find(iso, p.session, p.generation, req->owner, &s);
	st = st ?: open_part(&p, req, rep, &part);
	if (st == ISO_OK) {
		audit_name(iso, &part.sname);
		st = release_or_withhold(iso, s, &p, &part, rep);
	}
	wipe(&p, sizeof(p));
	return st;
}
