/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpc/box.h"

#include "blob.h"
#include "hpke.h"
#include "pending.h"
#include "session.h"
#include "tgs.h"
#include "wipe.h"

static enum iso_status
open_box(const struct iso *iso, struct rd sealed, struct box *box)
{
	static const uint8_t info[] = BOX_INFO;
	struct hpke_pair own = { 0 };
	enum iso_status st = ISO_E_INTEGRITY;

	iso_derive(iso, ISO_PRIVATE, (struct wr){ own.private, sizeof(own.private) });
	memcpy(own.public, iso->public, sizeof(own.public));
	st = hpke_open(&own, (struct rd){ info, sizeof(info) - 1 }, (struct rd){ info, 0 }, sealed,
		       (struct wr){ (uint8_t *)box, sizeof(*box) });
	wipe(&own, sizeof(own));
	return st;
}

/* Is it an answer to our challenge, for this session? The challenge is spent either way. */
static enum iso_status
answers(struct iso *iso, const struct box *box, const struct iso_req_logon_absorb *req)
{
	struct pending p = { 0 };
	enum iso_status st = pending_take(iso, box->challenge, PENDING_BOX, &p);

	if (st == ISO_OK && (p.session != req->session || p.generation != req->generation ||
			     p.owner != req->owner || box->session != req->session ||
			     box->generation != req->generation || box->owner != req->owner))
		st = ISO_E_MISMATCH;
	return st;
}

/* What is in it, and what that may do. */
static enum iso_status
classify(const struct iso *iso, const struct box *box, struct blob *b)
{
	const struct krb_type *type = NULL;

	b->kind = (uint8_t)box->kind;
	b->etype = box->etype;
	memcpy(b->client, box->name, sizeof(b->client));
	switch (box->kind) {
	case ISO_KIND_PASSWORD:
		b->may = (box->flags & BOX_NEW) != 0 ? ISO_MAY_NEW : ISO_MAY_S2K;
		b->flags = (box->flags & BOX_KEEP) != 0 ? BLOB_KEEP : 0;
		if (box->etype != 0)
			return ISO_E_ETYPE;
		return box->flags <= BOX_NEW && box->secret[box->len - 1] != 0 ? ISO_OK
									       : ISO_E_RANGE;
	case ISO_KIND_KEY:
		b->may = ISO_MAY_AS | ISO_MAY_CHECK;
		type = policy_type(iso, box->etype);
		if (type == NULL)
			return ISO_E_ETYPE;
		return box->flags <= BOX_KEEP && box->len == type->key_len ? ISO_OK : ISO_E_RANGE;
	default:
		return ISO_E_RANGE;
	}
}

static enum iso_status
check(const struct iso *iso, const struct box *box, struct blob *b)
{
	uint8_t more = 0;

	if (box->len < 1 || box->len > sizeof(box->secret))
		return ISO_E_RANGE;
	for (size_t i = 0; i < sizeof(box->pad_); i++)
		more |= box->pad_[i];
	for (size_t i = box->len; i < sizeof(box->secret); i++)
		more |= box->secret[i];
	return more == 0 ? classify(iso, box, b) : ISO_E_RANGE;
}

enum iso_status
iso_op_logon_absorb(struct iso *iso, const struct iso_req_logon_absorb *req,
		    struct iso_rep_logon_absorb *rep)
{
	struct session *s = NULL;
	struct blob b = { 0 };
	struct box box = { 0 };
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	if (st == ISO_OK && req->box.len != ISO_BOX)
		st = ISO_E_RANGE;
	if (st == ISO_OK)
		st = open_box(iso, req->box, &box);
	if (st == ISO_OK)
		st = answers(iso, &box, req);
	if (st == ISO_OK)
		st = check(iso, &box, &b);
	if (st == ISO_OK) {
		rep->kind = b.kind;
		rep->etype = b.etype;
		b.expires_ms = iso->now_ms + ISO_BOX_MS;
		if (b.kind == ISO_KIND_KEY && (box.flags & BOX_KEEP) != 0)
			b.expires_ms = s->expires_ms;
		/* of a password with what is after it: blobs of all are as long */
		st = blob_seal(iso, s, &b,
			       (struct rd){ box.secret, b.kind == ISO_KIND_PASSWORD
							    ? sizeof(box.secret)
							    : box.len },
			       (struct wr){ rep->blob.at, sizeof(rep->blob.at) }, &rep->blob.len);
	}
	wipe(&box, sizeof(box));
	return st;
}
