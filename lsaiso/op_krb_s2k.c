/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/*
 * Of the request, within bounds: what has no lower one is a way to have the
 * password's key made weak, and what has no upper one stops the house.
 */
static enum iso_status
iterations(const struct krb_type *type, struct rd params, uint32_t *n)
{
	uint32_t least = type->profile == KRB_SHA1 ? ISO_ITERATIONS_SHA1 : ISO_ITERATIONS_SHA2;

	*n = least;
	if (type->profile == KRB_RC4 || params.len == 0)
		return ISO_OK;
	if (params.len != 4)
		return ISO_E_RANGE;
	*n = (uint32_t)params.at[0] << 24 | (uint32_t)params.at[1] << 16 |
	     (uint32_t)params.at[2] << 8 | params.at[3];
	return *n >= least && *n <= ISO_ITERATIONS_MAX ? ISO_OK : ISO_E_RANGE;
}

/* The key, and what its blob says of it. */
static enum iso_status
make(const struct iso *iso, const struct iso_req_krb_s2k *req, struct rd password,
     struct krb_key *key, struct blob *b, uint32_t *len)
{
	enum iso_status st = ISO_E_POLICY;
	uint32_t n = 0;

	b->etype = req->etype;
	if (req->etype == 0) {
		if ((iso->policy & ISO_POLICY_NTLM) == 0)
			return st;
		b->kind = ISO_KIND_NTLM;
		*len = KRB_NT_HASH;
		return krb_nt_hash(password, key->octets);
	}
	key->type = policy_type(iso, req->etype);
	if (key->type == NULL)
		return ISO_E_ETYPE;
	b->kind = ISO_KIND_KEY;
	b->may = ISO_MAY_AS;
	*len = key->type->key_len;
	st = iterations(key->type, req->params, &n);
	return st == ISO_OK ? krb_string_to_key(password, req->salt, n, key) : st;
}

/* The first key of a session, to compare others with when it is locked. */
static enum iso_status
anchor(struct iso *iso, struct session *s, struct blob b, struct rd key,
       struct iso_rep_krb_s2k *rep)
{
	enum iso_status st = ISO_OK;

	if (b.kind != ISO_KIND_KEY || (s->flags & (SESSION_LOCKED | SESSION_ANCHORED)) != 0)
		return st;
	b.may = ISO_MAY_UNLOCK;
	b.expires_ms = s->expires_ms;
	st = blob_seal(iso, s, &b, key, ROOM(rep->anchor), &rep->anchor.len);
	if (st == ISO_OK)
		s->flags |= SESSION_ANCHORED;
	return st;
}

ISO_HANDLER(krb_s2k)
{
	struct blob want = { .kind = ISO_KIND_PASSWORD, .may = ISO_MAY_S2K }, got = { 0 },
		    b = { 0 };
	uint8_t password[ISO_SECRET_MAX] = { 0 };
	struct krb_key key = { 0 };
	struct session *s = NULL;
	size_t n = 0;
	uint32_t len = 0;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	blob_client_hash(req->name, want.client);
	if (st == ISO_OK)
		st = blob_open(iso, s, req->password, &want, &got,
			       (struct wr){ password, sizeof(password) }, &n);
	st = st ?: make(iso, req, (struct rd){ password, n }, &key, &b, &len);
	if (st == ISO_OK) {
		memcpy(b.client, got.client, sizeof(b.client));
		b.expires_ms = (got.flags & BLOB_KEEP) != 0 || b.kind == ISO_KIND_NTLM
				   ? s->expires_ms
				   : got.expires_ms;
		st = blob_seal(iso, s, &b, (struct rd){ key.octets, len }, ROOM(rep->blob),
			       &rep->blob.len);
	}
	st = st ?: anchor(iso, s, b, (struct rd){ key.octets, len }, rep);
	wipe(password, sizeof(password));
	wipe(&key, sizeof(key));
	return st;
}
