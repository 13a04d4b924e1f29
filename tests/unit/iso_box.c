/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boxes: does lsaiso open what HPKE says, and what lib/box seals, and nothing
 * else? Is a box taken once, in time, by the session that asked for it, and
 * is what is in it judged field by field?
 */
#include <nettle/chacha-poly1305.h>
#include <nettle/curve25519.h>
#include <nettle/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "host.h"
#include "hpke.h"
#include "iso_client.h"
#include "iso_vectors.h"
#include "iso_world.h"
#include "lib/box.h"

static const uint8_t secret[32] = "a key of thirty-two octets, for ";
static const char who[] = "user@EXAMPLE.TEST", password[] = "correct horse";

static struct rd
text(const char *at)
{
	return (struct rd){ (const uint8_t *)at, strlen(at) };
}

/* ---- HPKE */

static void
check_base(const struct words *w)
{
	struct rd eph = hex(w->word[0]), private = hex(w->word[1]), public = hex(w->word[2]);
	struct box_message m = { .info = hex(w->word[3]),
				 .aad = hex(w->word[4]),
				 .plain = hex(w->word[5]) };
	struct rd sent = hex(w->word[6]);
	struct hpke_pair own;
	uint8_t out[256], plain[128];

	memcpy(own.private, private.at, ISO_PUBLIC);
	memcpy(own.public, public.at, ISO_PUBLIC);
	assert_int_equal(box_hpke(eph.at, public.at, &m, out), 0);
	assert_int_equal(sent.len, BOX_ENC + m.plain.len + BOX_TAG);
	assert_memory_equal(out, sent.at, sent.len);
	assert_int_equal(hpke_open(&own, m.info, m.aad, sent, (struct wr){ plain, m.plain.len }),
			 ISO_OK);
	assert_memory_equal(plain, m.plain.at, m.plain.len);
	/* another context, another key, any bit */
	assert_int_equal(hpke_open(&own, m.aad, m.aad, sent, (struct wr){ plain, m.plain.len }),
			 ISO_E_INTEGRITY);
	assert_int_equal(hpke_open(&own, m.info, m.info, sent, (struct wr){ plain, m.plain.len }),
			 ISO_E_INTEGRITY);
	own.public[0] ^= 1;
	assert_int_equal(hpke_open(&own, m.info, m.aad, sent, (struct wr){ plain, m.plain.len }),
			 ISO_E_INTEGRITY);
	own.public[0] ^= 1;
	own.private[1] ^= 1;
	assert_int_equal(hpke_open(&own, m.info, m.aad, sent, (struct wr){ plain, m.plain.len }),
			 ISO_E_INTEGRITY);
	own.private[1] ^= 1;
	for (size_t i = 0; i < sent.len * 8; i++) {
		static const uint8_t none[128];

		out[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(hpke_open(&own, m.info, m.aad, (struct rd){ out, sent.len },
					   (struct wr){ plain, m.plain.len }),
				 ISO_E_INTEGRITY);
		assert_memory_equal(plain, none, m.plain.len);
		out[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	/* lengths that do not belong together */
	for (size_t n = 0; n < sizeof(out); n++) {
		if (n != sent.len)
			assert_int_equal(hpke_open(&own, m.info, m.aad, (struct rd){ out, n },
						   (struct wr){ plain, m.plain.len }),
					 ISO_E_INTEGRITY);
	}
}

static void
hpke_vectors(void **state)
{
	(void)state;
	iso_fresh();
	each_line("rfc9180-base.txt", 7, check_base);
}

/* LabeledExtract, or with n LabeledExpand of n octets, of RFC 9180 section 4. */
static void
labeled(const char *id, size_t id_len, const uint8_t *key, const char *label, struct rd in,
	uint8_t n, uint8_t out[32])
{
	const uint8_t len[] = { 0, n }, one = 1;
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key != NULL ? 32 : 0, key);
	hmac_sha256_update(&ctx, n != 0 ? 2 : 0, len);
	hmac_sha256_update(&ctx, 7, (const uint8_t *)"HPKE-v1");
	hmac_sha256_update(&ctx, id_len, (const uint8_t *)id);
	hmac_sha256_update(&ctx, strlen(label), (const uint8_t *)label);
	hmac_sha256_update(&ctx, in.len, in.at);
	hmac_sha256_update(&ctx, n != 0, &one);
	hmac_sha256_digest(&ctx, n != 0 ? n : 32, out);
}

/* What anybody can seal: as if X25519 of enc and the receiver's key were dh. */
static void
seal_sharing(const uint8_t dh[32], const uint8_t enc[32], const uint8_t to[32], struct rd plain,
	     uint8_t *out)
{
	const char *id = "HPKE\0\x20\0\1\0\3";
	uint8_t prk[32], secret_[32], context[65] = { 0 }, key[32], nonce[32], both[64];
	struct chacha_poly1305_ctx aead;

	memcpy(both, enc, 32);
	memcpy(both + 32, to, 32);
	labeled("KEM\0\x20", 5, NULL, "eae_prk", (struct rd){ dh, 32 }, 0, prk);
	labeled("KEM\0\x20", 5, prk, "shared_secret", (struct rd){ both, 64 }, 32, prk);
	labeled(id, 10, NULL, "psk_id_hash", text(""), 0, context + 1);
	labeled(id, 10, NULL, "info_hash", text(BOX_INFO), 0, context + 33);
	labeled(id, 10, prk, "secret", text(""), 0, secret_);
	labeled(id, 10, secret_, "key", (struct rd){ context, 65 }, 32, key);
	labeled(id, 10, secret_, "base_nonce", (struct rd){ context, 65 }, 12, nonce);
	chacha_poly1305_set_key(&aead, key);
	chacha_poly1305_set_nonce(&aead, nonce);
	memcpy(out, enc, 32);
	chacha_poly1305_encrypt(&aead, plain.len, out + 32, plain.at);
	chacha_poly1305_digest(&aead, 16, out + 32 + plain.len);
}

static void
points_of_low_order(void **state)
{
	static const uint8_t points[][ISO_PUBLIC] = { { 0 }, { 1 } }, zero[32];
	struct iso *iso = iso_running(0);
	struct hpke_pair own;
	struct box box = { 0 };
	uint8_t out[ISO_BOX], shared[32], plain[4];
	const uint8_t eph[32] = { 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++)
		assert_int_equal(box_seal(points[i], &box, out), -1);
	iso_derive(iso, ISO_PRIVATE, (struct wr){ own.private, ISO_PUBLIC });
	memcpy(own.public, iso->public, ISO_PUBLIC);
	/* who seals like this is opened, if the point is a good one ... */
	curve25519_mul(shared, eph, own.public);
	curve25519_mul_g(out, eph);
	seal_sharing(shared, out, own.public, text("open"), out);
	assert_int_equal(hpke_open(&own, text(BOX_INFO), text(""), (struct rd){ out, 52 },
				   (struct wr){ plain, 4 }),
			 ISO_OK);
	assert_memory_equal(plain, "open", 4);
	/* ... but not by what anybody knows */
	for (size_t i = 0; i < COUNT(points); i++) {
		seal_sharing(zero, points[i], own.public, text("open"), out);
		assert_int_equal(hpke_open(&own, text(BOX_INFO), text(""), (struct rd){ out, 52 },
					   (struct wr){ plain, 4 }),
				 ISO_E_INTEGRITY);
		assert_memory_equal(plain, zero, 4);
	}
}

/* ---- logon_challenge, logon_absorb */

struct logon {
	struct iso *iso;
	struct iso_rep_session_open s;
};

static struct iso_rep_session_open
open_session(struct iso *iso)
{
	struct iso_req_session_open req = { .owner = OWNER, .lifetime = 36000 };
	struct iso_rep_session_open s = { 0 };

	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &s), ISO_OK);
	return s;
}

static struct logon
logon(uint32_t policy)
{
	struct logon l = { .iso = iso_running(policy) };

	l.s = open_session(l.iso);
	return l;
}

static struct box
box_of(struct logon l, struct rd octets, int32_t etype, uint32_t flags)
{
	return client_box(l.iso, l.s, OWNER, who, octets, etype, flags);
}

static struct blob
opened(struct logon l, const struct iso_rep_logon_absorb *rep, struct rd want)
{
	struct blob as = { .kind = (uint8_t)rep->kind }, got = { 0 };
	uint8_t out[ISO_SECRET_MAX];
	size_t n = 0;

	blob_client_hash(text(who), as.client);
	assert_int_equal(blob_open(l.iso, &l.iso->session[l.s.session],
				   (struct rd){ rep->blob.at, rep->blob.len }, &as, &got,
				   (struct wr){ out, sizeof(out) }, &n),
			 ISO_OK);
	assert_int_equal(n, want.len);
	assert_memory_equal(out, want.at, n);
	assert_int_equal(got.etype, rep->etype);
	return got;
}

static void
passwords_come_in(void **state)
{
	static const struct {
		uint32_t flags;
		uint16_t may;
		uint64_t keeps;
	} rows[] = {
		{ 0, ISO_MAY_S2K, 0 },
		{ BOX_KEEP, ISO_MAY_S2K, BLOB_KEEP },
		{ BOX_NEW, ISO_MAY_NEW, 0 },
	};
	uint8_t longest[ISO_SECRET_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t len = 1; len <= sizeof(longest); len += 7) {
			struct logon l = logon(0);
			struct rd given = { longest, len };
			struct box box = box_of(l, given, 0, rows[i].flags);
			struct iso_rep_logon_absorb rep = { 0 };
			struct blob got;

			assert_int_equal(client_give(l.iso, l.s, OWNER, &box, &rep), ISO_OK);
			assert_int_equal(rep.kind, ISO_KIND_PASSWORD);
			/* nothing tells how long it is */
			assert_int_equal(rep.blob.len, BLOB_OVER + ISO_SECRET_MAX);
			got = opened(l, &rep, given);
			assert_int_equal(got.may, rows[i].may);
			assert_int_equal(got.flags, rows[i].keeps);
			assert_int_equal(got.expires_ms, l.iso->now_ms + ISO_BOX_MS);
		}
	}
}

static void
keys_come_in(void **state)
{
	static const struct {
		int32_t etype;
		uint32_t len, flags, policy;
		enum iso_status want;
	} rows[] = {
		{ 17, 16, 0, 0, ISO_OK },
		{ 18, 32, 0, 0, ISO_OK },
		{ 19, 16, BOX_KEEP, 0, ISO_OK },
		{ 20, 32, BOX_KEEP, 0, ISO_OK },
		{ 23, 16, 0, ISO_POLICY_RC4, ISO_OK },
		{ 23, 16, 0, ISO_POLICY_ALL - ISO_POLICY_RC4, ISO_E_ETYPE },
		{ 16, 24, 0, ISO_POLICY_ALL, ISO_E_ETYPE },
		{ -1, 16, 0, ISO_POLICY_ALL, ISO_E_ETYPE },
		{ 18, 31, 0, 0, ISO_E_RANGE },
		{ 18, 16, 0, 0, ISO_E_RANGE },
		{ 17, 17, 0, 0, ISO_E_RANGE },
		{ 17, 32, 0, 0, ISO_E_RANGE },
		{ 18, 32, BOX_NEW, 0, ISO_E_RANGE },
		{ 18, 32, BOX_NEW | BOX_KEEP, 0, ISO_E_RANGE },
		{ 18, 32, 4, 0, ISO_E_RANGE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct logon l = logon(rows[i].policy);
		struct rd key = { secret, rows[i].len };
		struct box box = box_of(l, key, rows[i].etype, rows[i].flags);
		struct iso_rep_logon_absorb rep = { 0 };
		struct blob got;

		assert_int_equal(client_give(l.iso, l.s, OWNER, &box, &rep), rows[i].want);
		assert_int_equal(rep.blob.len != 0, rows[i].want == ISO_OK);
		if (rows[i].want != ISO_OK)
			continue;
		got = opened(l, &rep, key);
		assert_int_equal(got.kind, ISO_KIND_KEY);
		assert_int_equal(got.may, ISO_MAY_AS | ISO_MAY_CHECK);
		assert_int_equal(got.flags, 0);
		assert_int_equal(got.expires_ms, rows[i].flags == BOX_KEEP
						     ? l.iso->session[l.s.session].expires_ms
						     : l.iso->now_ms + ISO_BOX_MS);
	}
}

/* The key of a ticket-granting ticket that was in a file: for TGS requests, until it ends. */
static void
tickets_come_in(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct logon l = { w.iso, w.s };
	int64_t now = (int64_t)(iso_host_clock(ISO_CLOCK_REAL) / 1000000);
	struct iso_rep_logon_absorb rep = { 0 };
	struct box box = box_of(l, text(password), 0, 0);
	struct rd key = { w.key, w.key_len };
	struct iso_req_krb_tgs_seal req;

	(void)state;
	assert_int_equal(box_fill_tgt(&box, d_client(), key, 0, now + 60), -1);
	assert_int_equal(box_fill_tgt(&box, d_client(), key, 18, now + 60), 0);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &box, &rep), ISO_OK);
	assert_int_equal(rep.kind, ISO_KIND_TGT);
	memcpy(w.blob.blob.at, rep.blob.at, rep.blob.len);
	w.blob.blob.len = rep.blob.len;
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	kdc_reads(&w, d_body(&spec));
	/* another client's than the box said */
	req = seal_req(&w, d_body(&spec));
	req.client.len--;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_OWNER);
	pass_ms(61000);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_EXPIRED);
}

/* Expired, of a wrong length, kept, or whose client is no client. */
static void
bad_tickets(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct logon l = { w.iso, w.s };
	int64_t now = (int64_t)(iso_host_clock(ISO_CLOCK_REAL) / 1000000);
	struct iso_rep_logon_absorb rep = { 0 };
	struct rd key = { secret, 32 };
	struct iso_req_krb_tgs_seal req;
	struct box box;

	(void)state;
	for (int i = 0; i < 4; i++) {
		box = box_of(l, text(password), 0, 0);
		key.len = i == 1 ? 16 : 32;
		assert_int_equal(box_fill_tgt(&box, text("no client"), key, i == 2 ? 23 : 18,
					      i == 0 ? now : now + 60),
				 0);
		box.flags = i == 3 ? BOX_KEEP : 0;
		assert_int_equal(client_give(l.iso, l.s, OWNER, &box, NULL), i == 0 ? ISO_E_EXPIRED
									     : i == 2
										 ? ISO_E_ETYPE
										 : ISO_E_RANGE);
	}
	box = box_of(l, text(password), 0, 0);
	assert_int_equal(box_fill_tgt(&box, text("no client"), key, 18, now + 60), 0);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &box, &rep), ISO_OK);
	memcpy(w.blob.blob.at, rep.blob.at, rep.blob.len);
	w.blob.blob.len = rep.blob.len;
	req = seal_req(&w, d_body(&spec));
	req.client = text("no client");
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_DER);
}

/* Change one thing of a good box; it is refused, and so is the good one then. */
static void
refused(uint32_t octet, const void *with, size_t len, enum iso_status want)
{
	struct logon l = logon(ISO_POLICY_ALL);
	struct box good = box_of(l, text(password), 0, 0), bad = good;
	struct iso_rep_logon_absorb rep = { 0 };

	memcpy((uint8_t *)&bad + octet, with, len);
	assert_memory_not_equal(&good, &bad, sizeof(good));
	assert_int_equal(client_give(l.iso, l.s, OWNER, &bad, &rep), want);
	assert_int_equal(rep.blob.len, 0);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &good, &rep),
			 want == ISO_E_PENDING ? ISO_OK : ISO_E_PENDING);
}

static void
fields_are_judged(void **state)
{
	static const uint32_t kinds[] = { 0, 2, 5, 3 + 256, UINT32_MAX };
	static const uint32_t lengths[] = { 0, 12, 14, 513, 65536, UINT32_MAX };
	static const uint32_t flags[] = { 3, 4, 5, 0x80000000u, UINT32_MAX };
	static const int32_t types[] = { 18, 23, -1 };
	static const uint64_t challenges[] = { 0, 1, UINT64_MAX };
	static const uint32_t tgt = ISO_KIND_TGT;
	static const uint8_t one = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		refused(offsetof(struct box, kind), &kinds[i], 4, ISO_E_RANGE);
	for (size_t i = 0; i < COUNT(lengths); i++) /* 12 leaves a rest, 14 ends with zero */
		refused(offsetof(struct box, len), &lengths[i], 4, ISO_E_RANGE);
	for (size_t i = 0; i < COUNT(flags); i++)
		refused(offsetof(struct box, flags), &flags[i], 4, ISO_E_RANGE);
	for (size_t i = 0; i < COUNT(types); i++)
		refused(offsetof(struct box, etype), &types[i], 4, ISO_E_ETYPE);
	for (size_t i = 0; i < COUNT(challenges); i++)
		refused(offsetof(struct box, challenge), &challenges[i], 8, ISO_E_PENDING);
	refused(offsetof(struct box, kind), &tgt, 4, ISO_E_ETYPE); /* its etype is 0 */
	for (uint32_t i = 0; i < 12; i++)			   /* and its endtime */
		refused((uint32_t)offsetof(struct box, pad_) + i, &one, 1, ISO_E_RANGE);
	for (uint32_t i = (uint32_t)strlen(password); i < ISO_SECRET_MAX; i++)
		refused((uint32_t)offsetof(struct box, secret) + i, &one, 1, ISO_E_RANGE);
	refused(offsetof(struct box, session), &one, 1, ISO_E_MISMATCH);
	refused(offsetof(struct box, generation), "\x02", 1, ISO_E_MISMATCH);
	refused(offsetof(struct box, owner), &one, 1, ISO_E_MISMATCH);
}

static void
boxes_are_taken_once_and_in_time(void **state)
{
	struct logon l = logon(0), m;
	struct box a = box_of(l, text(password), 0, 0), b = box_of(l, text(password), 0, 0);

	(void)state;
	assert_int_not_equal(a.challenge, b.challenge);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &b, NULL), ISO_OK);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &b, NULL), ISO_E_PENDING);
	pass_ms(ISO_BOX_MS - 1);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &a, NULL), ISO_OK);
	a = box_of(l, text(password), 0, 0);
	pass_ms(ISO_BOX_MS);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &a, NULL), ISO_E_PENDING);
	/* of another session, of another owner, of a session that has ended */
	m = l;
	m.s = open_session(l.iso);
	a = box_of(l, text(password), 0, 0);
	assert_int_equal(client_give(l.iso, m.s, OWNER, &a, NULL), ISO_E_MISMATCH);
	a = box_of(l, text(password), 0, 0);
	a.session = m.s.session;
	a.generation = m.s.generation;
	assert_int_equal(client_give(l.iso, m.s, OWNER, &a, NULL), ISO_E_MISMATCH);
	a = box_of(l, text(password), 0, 0);
	assert_int_equal(client_give(l.iso, l.s, OWNER + 1, &a, NULL), ISO_E_OWNER);
	struct iso_req_session_close end = { .session = l.s.session,
					     .generation = l.s.generation,
					     .owner = OWNER };
	assert_int_equal(iso_call(l.iso, ISO_OP_session_close, &end, NULL), ISO_OK);
	assert_int_equal(client_give(l.iso, l.s, OWNER, &a, NULL), ISO_E_SESSION);
	assert_int_equal(client_give(l.iso, m.s, OWNER, &a, NULL), ISO_E_PENDING);
}

static void
only_whole_boxes_of_ours(void **state)
{
	struct logon l = logon(0);
	struct box box = box_of(l, text(password), 0, 0);
	uint8_t sealed[ISO_BOX];
	struct iso_req_logon_absorb req = { .session = l.s.session,
					    .generation = l.s.generation,
					    .owner = OWNER };

	(void)state;
	assert_int_equal(box_seal(l.iso->public, &box, sealed), 0);
	req.box = (struct rd){ sealed, 0 };
	for (; req.box.len < ISO_BOX; req.box.len++)
		assert_int_equal(iso_call(l.iso, ISO_OP_logon_absorb, &req, NULL), ISO_E_RANGE);
	for (size_t i = 0; i < ISO_BOX; i++) {
		sealed[i] ^= 0x20;
		assert_int_equal(iso_call(l.iso, ISO_OP_logon_absorb, &req, NULL), ISO_E_INTEGRITY);
		sealed[i] ^= 0x20;
	}
	/* none of these spent the challenge; nor does a box for another's key */
	uint8_t other[ISO_BOX];
	assert_int_equal(box_seal(secret, &box, other), 0);
	req.box.at = other;
	assert_int_equal(iso_call(l.iso, ISO_OP_logon_absorb, &req, NULL), ISO_E_INTEGRITY);
	req.box.at = sealed;
	assert_int_equal(iso_call(l.iso, ISO_OP_logon_absorb, &req, NULL), ISO_OK);
	/* the same octets again */
	assert_int_equal(iso_call(l.iso, ISO_OP_logon_absorb, &req, NULL), ISO_E_PENDING);
	test_host.no_entropy = true;
	struct iso_req_logon_challenge ask = { .session = l.s.session,
					       .generation = l.s.generation,
					       .owner = OWNER };
	assert_int_equal(iso_call(l.iso, ISO_OP_logon_challenge, &ask, NULL), ISO_E_ENTROPY);
	ask.owner++;
	assert_int_equal(iso_call(l.iso, ISO_OP_logon_challenge, &ask, NULL), ISO_E_OWNER);
}

/* What waits in one ring is never taken for the other. */
static void
kinds_of_pending_stay_apart(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct part_spec part = { .etype = 18, .key = { service_key, 32 }, .nonce = NONCE };
	struct logon l = { w.iso, w.s };
	struct box box = box_of(l, text(password), 0, 0), bent;
	struct iso_req_krb_tgs_open open = { .pending = box.challenge,
					     .owner = OWNER,
					     .etype = 18 };
	struct iso_rep_krb_tgs_open rep;

	(void)state;
	open.cipher = (struct rd){ secret, sizeof(secret) };
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	kdc_reads(&w, d_body(&spec));
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_open, &open, &rep), ISO_E_PENDING);
	bent = box;
	bent.challenge = w.sealed.pending;
	assert_int_equal(client_give(w.iso, w.s, OWNER, &bent, NULL), ISO_E_PENDING);
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_OK);
	assert_int_equal(client_give(w.iso, w.s, OWNER, &box, NULL), ISO_OK);
}

/* A locked session takes passwords: it could not be unlocked else. */
static void
locked_sessions_take_boxes(void **state)
{
	struct logon l = logon(0);
	struct iso_rep_logon_absorb rep = { 0 };
	struct iso_req_krb_s2k s2k = { .session = l.s.session,
				       .generation = l.s.generation,
				       .owner = OWNER,
				       .name = text(who),
				       .etype = 18,
				       .salt = text("EXAMPLE.TESTuser") };
	struct iso_req_session_lock lock = { .session = l.s.session,
					     .generation = l.s.generation,
					     .owner = OWNER };
	struct box early = box_of(l, text(password), 0, 0);

	(void)state;
	pass_ms(1);
	assert_int_equal(iso_call(l.iso, ISO_OP_session_lock, &lock, NULL), ISO_OK);
	/* but not what was on its way before */
	assert_int_equal(client_give(l.iso, l.s, OWNER, &early, NULL), ISO_E_PENDING);
	pass_ms(1);
	client_password(l.iso, l.s, OWNER, who, password, 0, &rep);
	s2k.password = (struct rd){ rep.blob.at, rep.blob.len };
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &s2k, NULL), ISO_OK);
	/* and it is that password: another name is another user's */
	s2k.name = text("other@EXAMPLE.TEST");
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &s2k, NULL), ISO_E_OWNER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hpke_vectors),
		cmocka_unit_test(points_of_low_order),
		cmocka_unit_test(passwords_come_in),
		cmocka_unit_test(keys_come_in),
		cmocka_unit_test(tickets_come_in),
		cmocka_unit_test(bad_tickets),
		cmocka_unit_test(fields_are_judged),
		cmocka_unit_test(boxes_are_taken_once_and_in_time),
		cmocka_unit_test(only_whole_boxes_of_ours),
		cmocka_unit_test(kinds_of_pending_stay_apart),
		cmocka_unit_test(locked_sessions_take_boxes),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
