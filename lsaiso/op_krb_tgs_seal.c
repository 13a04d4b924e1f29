/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authenticator of a TGS-REQ, RFC 4120 section 5.5.1, over the caller's body.
 * The subkey is ours: had the caller chosen it, it could read the keys of
 * renewed and cross-realm TGTs off the wire.
 */
#include "audit.h"
#include "blob.h"
#include "host.h"
#include "krb.h"
#include "pending.h"
#include "session.h"
#include "tgs.h"
#include "wipe.h"

#define SKEW_MAX 86400
#define VNO	 5

/* Everything that goes into the authenticator. */
struct parts {
	struct rd client; /* crealm [1], cname [2] */
	const struct krb_type *type;
	uint8_t cksum[KRB_MAC_MAX];
	int64_t ctime;
	uint32_t cusec;
	uint8_t subkey[ISO_KEY_MAX];
	uint32_t seq;
};

/* Wrap what was written since end: SEQUENCE in [n]. */
static void
close_sequence(struct derw *w, unsigned int n, const uint8_t *end)
{
	derw_head(w, DER_SEQUENCE, end);
	derw_head(w, DER_CONTEXT(n), end);
}

static void
field_int(struct derw *w, unsigned int n, int64_t value)
{
	const uint8_t *end = w->at;

	derw_int(w, value);
	derw_head(w, DER_CONTEXT(n), end);
}

/* Checksum [3] and EncryptionKey [6] have the same shape; tags differ by base. */
static void
typed_octets(struct derw *w, unsigned int n, unsigned int base, int64_t type, struct rd octets)
{
	const uint8_t *end = w->at;

	derw_octets(w, octets);
	derw_head(w, DER_OCTETS, end);
	derw_head(w, DER_CONTEXT(base + 1), end);
	field_int(w, base, type);
	close_sequence(w, n, end);
}

/* Backwards: the last field first. */
static struct derw
write_authenticator(const struct parts *p, struct wr out)
{
	struct derw w = { out.at + out.left, out.left };
	const uint8_t *end = w.at, *time_end;
	uint8_t time[KRBTIME_LEN] = { 0 };

	field_int(&w, 7, p->seq);
	typed_octets(&w, 6, 0, p->type->etype, (struct rd){ p->subkey, p->type->key_len });
	time_end = w.at;
	krbtime_write(p->ctime, time);
	derw_octets(&w, (struct rd){ time, sizeof(time) });
	derw_head(&w, DER_TIME, time_end);
	derw_head(&w, DER_CONTEXT(5), time_end);
	field_int(&w, 4, p->cusec);
	typed_octets(&w, 3, 0, p->type->cksumtype, (struct rd){ p->cksum, p->type->mac_len });
	derw_octets(&w, p->client);
	field_int(&w, 0, VNO);
	derw_head(&w, DER_SEQUENCE, end);
	derw_head(&w, DER_APP(2), end);
	return w;
}

/* A time stamp that no authenticator of ours had before (RFC 4120 3.2.2). */
static void
stamp(struct iso *iso, int32_t skew, struct parts *p)
{
	uint64_t us = iso_host_clock(ISO_CLOCK_REAL) + (uint64_t)((int64_t)skew * 1000000);

	if (us == iso->stamp_us)
		us++;
	iso->stamp_us = us;
	p->ctime = (int64_t)(us / 1000000);
	p->cusec = (uint32_t)(us % 1000000);
}

static enum iso_status
seal_authenticator(struct iso *iso, const struct iso_req_krb_tgs_seal *req,
		   const struct krb_key *key, struct pending *pending,
		   struct iso_rep_krb_tgs_seal *rep)
{
	uint8_t plain[ISO_AUTH_MAX] = { 0 };
	struct parts p = { .client = req->client, .type = key->type };
	struct derw w = { 0 };
	size_t len = 0;
	enum iso_status st = iso_host_entropy((struct wr){ p.subkey, key->type->key_len });

	if (st == ISO_OK)
		st = iso_host_entropy((struct wr){ (uint8_t *)&p.seq, sizeof(p.seq) });
	p.seq &= INT32_MAX; /* positive for those who read it as signed */
	stamp(iso, req->skew, &p);
	krb_checksum(key, KRB_USAGE_TGS_REQ_CKSUM, req->body, p.cksum);
	w = write_authenticator(&p, (struct wr){ plain, sizeof(plain) });
	if (st == ISO_OK && w.at == NULL)
		st = ISO_E_RANGE;
	if (st == ISO_OK)
		st = krb_encrypt(
		    key, KRB_USAGE_TGS_REQ_AUTH, (struct rd){ w.at, sizeof(plain) - w.left },
		    (struct wr){ rep->authenticator.at, sizeof(rep->authenticator.at) }, &len);
	memcpy(pending->subkey, p.subkey, sizeof(p.subkey));
	rep->authenticator.len = (uint32_t)len;
	wipe(&p, sizeof(p));
	wipe(plain, sizeof(plain));
	return st;
}

/* The TGT's key out of the blob. */
static enum iso_status
open_key(struct iso *iso, const struct session *s, const struct iso_req_krb_tgs_seal *req,
	 struct krb_key *key, struct blob *got)
{
	struct blob want = { .kind = ISO_KIND_TGT, .may = ISO_MAY_TGS };
	size_t len = 0;
	enum iso_status st = ISO_OK;

	blob_client_hash(req->client, want.client);
	st = blob_open(iso, s, req->blob, &want, got,
		       (struct wr){ key->octets, sizeof(key->octets) }, &len);
	if (st != ISO_OK)
		return st;
	key->type = policy_type(iso, got->etype);
	return key->type != NULL && key->type->key_len == len ? ISO_OK : ISO_E_ETYPE;
}

enum iso_status
iso_op_krb_tgs_seal(struct iso *iso, const struct iso_req_krb_tgs_seal *req,
		    struct iso_rep_krb_tgs_seal *rep)
{
	struct session *s = NULL;
	struct krb_key key = { 0 };
	struct blob got = { 0 };
	struct tgs_body body = { 0 };
	struct pending p = { 0 };
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	if (st == ISO_OK && (req->skew < -SKEW_MAX || req->skew > SKEW_MAX))
		st = ISO_E_RANGE;
	if (st == ISO_OK)
		st = session_spend(iso, s);
	if (st == ISO_OK)
		st = open_key(iso, s, req, &key, &got);
	if (st == ISO_OK)
		st = tgs_body_read(iso, req->body, &body);
	audit_name(iso, &body.sname);
	if (st == ISO_OK)
		st = seal_authenticator(iso, req, &key, &p, rep);
	if (st == ISO_OK) {
		p.kind = PENDING_TGS;
		p.owner = req->owner;
		p.session = req->session;
		p.generation = req->generation;
		p.options = body.options;
		p.nonce = body.nonce;
		p.etype = key.type->etype;
		p.skew = req->skew;
		p.tgt_class = tgt_class_name(&body.sname);
		memcpy(p.client, got.client, sizeof(p.client));
		st = pending_put(iso, &p);
	}
	if (st == ISO_OK) {
		rep->pending = p.id;
		rep->etype = p.etype;
		s->uses++;
		iso->count.sealed++;
	}
	wipe(&key, sizeof(key));
	wipe(&p, sizeof(p));
	return st;
}
