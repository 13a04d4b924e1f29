/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hpke.h"
#include "op.h"
#include "rpc/box.h"

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

/* Has it the shape that its kind asks for? */
static enum iso_status
shape(const struct iso *iso, const struct box *box)
{
	const struct krb_type *type = policy_type(iso, box->etype);
	bool password = box->kind == ISO_KIND_PASSWORD, tgt = box->kind == ISO_KIND_TGT;
	uint32_t flags = password ? BOX_NEW : tgt ? 0 : BOX_KEEP;
	uint8_t rest = 0;

	for (size_t i = 0; i < sizeof(box->pad_); i++)
		rest |= box->pad_[i];
	for (size_t i = box->len; i < sizeof(box->secret); i++)
		rest |= box->secret[i];
	if ((!password && !tgt && box->kind != ISO_KIND_KEY) || box->len < 1 ||
	    box->len > sizeof(box->secret) || rest != 0 || box->flags > flags ||
	    (!tgt && box->endtime != 0))
		return ISO_E_RANGE;
	if (password ? box->etype != 0 : type == NULL)
		return ISO_E_ETYPE;
	if (password ? box->secret[box->len - 1] == 0 : box->len != type->key_len)
		return ISO_E_RANGE;
	return ISO_OK;
}

/* What is in it, what that may do, and for how long. */
static enum iso_status
judge(struct iso *iso, const struct box *box, const struct session *s, struct blob *b)
{
	bool key = box->kind == ISO_KIND_KEY, tgt = box->kind == ISO_KIND_TGT;
	enum iso_status st = shape(iso, box);

	if (st != ISO_OK)
		return st;
	b->kind = (uint8_t)box->kind;
	b->etype = box->etype;
	b->may = key			 ? ISO_MAY_AS | ISO_MAY_CHECK
		 : tgt			 ? ISO_MAY_TGS
		 : box->flags == BOX_NEW ? ISO_MAY_NEW
					 : ISO_MAY_S2K;
	b->flags = box->flags == BOX_KEEP && !key ? BLOB_KEEP : 0;
	b->expires_ms = key && box->flags == BOX_KEEP ? s->expires_ms : iso->now_ms + ISO_BOX_MS;
	memcpy(b->client, box->name, sizeof(b->client));
	return tgt ? blob_deadline(iso, box->endtime, 0, &b->expires_ms) : ISO_OK;
}

ISO_HANDLER(logon_absorb)
{
	struct session *s = NULL;
	struct blob b = { 0 };
	struct box box = { 0 };
	struct rd secret = { box.secret, 0 };
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	if (st == ISO_OK && req->box.len != ISO_BOX)
		st = ISO_E_RANGE;
	st = st ?: open_box(iso, req->box, &box);
	st = st ?: answers(iso, &box, req);
	st = st ?: judge(iso, &box, s, &b);
	if (st == ISO_OK) {
		rep->kind = b.kind;
		rep->etype = b.etype;
		/* of a password with what is after it: blobs of all are as long */
		secret.len = b.kind == ISO_KIND_PASSWORD ? sizeof(box.secret) : box.len;
		st = blob_seal(iso, s, &b, secret, ROOM(rep->blob), &rep->blob.len);
	}
	wipe(&box, sizeof(box));
	return st;
}
