/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions, their bucket, the clock, and sealed blobs: does each good call
 * work, and does every bad one fail with the status that rpc/status.h has
 * for it?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"

#define OWNER 1000u

static struct iso_rep_session_open
open_for(struct iso *iso, uint32_t owner, uint32_t lifetime)
{
	struct iso_req_session_open req = { .owner = owner, .lifetime = lifetime };
	struct iso_rep_session_open rep = { 0 };

	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_OK);
	return rep;
}

static enum iso_status
close_it(struct iso *iso, struct iso_rep_session_open s, uint32_t owner)
{
	struct iso_req_session_close req = { .session = s.session,
					     .generation = s.generation,
					     .owner = owner };

	return iso_call(iso, ISO_OP_session_close, &req, NULL);
}

static enum iso_status
info(struct iso *iso, struct iso_rep_session_open s, uint32_t owner,
     struct iso_rep_session_info *rep)
{
	struct iso_req_session_info req = { .session = s.session,
					    .generation = s.generation,
					    .owner = owner };

	return iso_call(iso, ISO_OP_session_info, &req, rep);
}

static struct iso_rep_status
status(struct iso *iso)
{
	struct iso_req_status req = { 0 };
	struct iso_rep_status rep = { 0 };

	assert_int_equal(iso_call(iso, ISO_OP_status, &req, &rep), ISO_OK);
	return rep;
}

static void
configure_once(void **state)
{
	static const struct iso_req_configure bad[] = {
		{ .policy = ISO_POLICY_ALL + 1, .rate = 1, .burst = 1 },
		{ .policy = 0x80000000u, .rate = 1, .burst = 1 },
		{ .policy = 0, .rate = 0, .burst = 1 },
		{ .policy = 0, .rate = 1000001, .burst = 1 },
		{ .policy = 0, .rate = 1, .burst = 0 },
		{ .policy = 0, .rate = 1, .burst = 1000001 },
	};
	struct iso_req_configure good = { .policy = ISO_POLICY_ALL, .rate = 7, .burst = 1000000 };
	struct iso *iso = iso_fresh();

	(void)state;
	assert_int_equal(status(iso).phase, ISO_BOOT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(iso_call(iso, ISO_OP_configure, &bad[i], NULL), ISO_E_RANGE);
		assert_int_equal(status(iso).phase, ISO_BOOT);
	}
	assert_int_equal(iso_call(iso, ISO_OP_configure, &good, NULL), ISO_OK);
	assert_int_equal(status(iso).phase, ISO_RUN);
	assert_int_equal(status(iso).policy, ISO_POLICY_ALL);
	assert_int_equal(iso_call(iso, ISO_OP_configure, &good, NULL), ISO_E_PHASE);
}

static void
session_life(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_session_open req = { .owner = OWNER };
	struct iso_rep_session_info rep = { 0 };
	struct iso_rep_session_open s, other, again;
	static const uint8_t none[ISO_SESSION_KEY];

	(void)state;
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, NULL), ISO_E_RANGE);
	req.lifetime = 31622401;
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, NULL), ISO_E_RANGE);
	s = open_for(iso, OWNER, 31622400);
	other = open_for(iso, OWNER, 10);
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_OK);
	assert_int_equal(rep.expires_in, 31622400);
	assert_memory_not_equal(iso->session[s.session].key, iso->session[other.session].key, 32);

	/* another owner, generation, slot; none of them harms the session */
	assert_int_equal(info(iso, s, OWNER + 1, &rep), ISO_E_OWNER);
	assert_int_equal(close_it(iso, s, OWNER + 1), ISO_E_OWNER);
	s.generation++;
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_E_SESSION);
	s.generation--;
	s.session += 2;
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_E_SESSION);
	s.session = UINT32_MAX;
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_E_SESSION);
	s.session = 0;
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_OK);

	assert_int_equal(close_it(iso, s, OWNER), ISO_OK);
	assert_memory_equal(iso->session[s.session].key, none, sizeof(none));
	assert_int_equal(close_it(iso, s, OWNER), ISO_E_SESSION);
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_E_SESSION);
	again = open_for(iso, OWNER, 10);
	assert_int_equal(again.session, s.session);
	assert_int_not_equal(again.generation, s.generation);
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_E_SESSION);
	assert_int_equal(status(iso).sessions, 2);

	test_host.no_entropy = true;
	req.lifetime = 10;
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, NULL), ISO_E_ENTROPY);
}

static void
session_expiry(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_rep_session_open a = open_for(iso, OWNER, 10), b = open_for(iso, OWNER, 20);
	struct iso_rep_session_info rep = { 0 };
	static const uint8_t none[ISO_SESSION_KEY];

	(void)state;
	pass_ms(9999);
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_OK);
	pass_ms(1);
	assert_int_equal(info(iso, a, OWNER + 1, &rep), ISO_E_OWNER);
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_E_EXPIRED);
	assert_memory_equal(iso->session[a.session].key, none, sizeof(none));
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_E_SESSION);
	assert_int_equal(status(iso).sessions, 1);
	/* one that nobody asks for is swept by what others do */
	pass_ms(10000);
	assert_int_equal(status(iso).sessions, 0);
	assert_memory_equal(iso->session[b.session].key, none, sizeof(none));
}

static void
clock_never_goes_back(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_rep_session_open a = open_for(iso, OWNER, 10);
	struct iso_rep_session_info rep = { 0 };

	(void)state;
	pass_ms(9000);
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_OK);
	assert_int_equal(rep.expires_in, 1);
	test_host.boot_us -= 8000000;
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_OK);
	assert_int_equal(rep.expires_in, 1);
	assert_int_equal(status(iso).uptime_ms, 9000);
	test_host.real_us = 0; /* the settable clock has no say */
	test_host.boot_us += 9000000;
	assert_int_equal(info(iso, a, OWNER, &rep), ISO_E_EXPIRED);
}

static void
table_is_finite(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_session_open req = { .owner = OWNER, .lifetime = 3600 };
	struct iso_rep_session_open rep = { 0 };

	(void)state;
	for (uint32_t i = 0; i < ISO_SESSIONS; i++) {
		req.lifetime = i == 7 ? 60 : 3600;
		assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_OK);
		assert_int_equal(rep.session, i);
	}
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_E_FULL);
	assert_int_equal(status(iso).sessions, ISO_SESSIONS);
	/* the expired one makes room for exactly one */
	pass_ms(60000);
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_OK);
	assert_int_equal(rep.session, 7);
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_E_FULL);
	/* so does a closed one */
	rep = (struct iso_rep_session_open){ .session = ISO_SESSIONS - 1, .generation = 1 };
	assert_int_equal(close_it(iso, rep, OWNER), ISO_OK);
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &req, &rep), ISO_OK);
	assert_int_equal(rep.session, ISO_SESSIONS - 1);
	assert_int_equal(rep.generation, 2);
}

/* ---- blobs */

static const uint8_t key32[32] = "thirty-two octets of a test key.";

static struct iso_req_cred_absorb
absorb_req(struct iso_rep_session_open s)
{
	return (struct iso_req_cred_absorb){
		.session = s.session,
		.generation = s.generation,
		.owner = OWNER,
		.kind = ISO_KIND_TGT,
		.etype = 18,
		.endtime = TEST_NOW + 3600,
		.client = d_client(),
		.key = { key32, 32 },
	};
}

static void
absorb_shapes(void **state)
{
	static const struct {
		uint32_t policy, kind;
		int32_t etype;
		uint32_t len;
		enum iso_status want;
	} rows[] = {
		{ 0, ISO_KIND_TGT, 17, 16, ISO_OK },
		{ 0, ISO_KIND_TGT, 18, 32, ISO_OK },
		{ 0, ISO_KIND_TGT, 19, 16, ISO_OK },
		{ 0, ISO_KIND_TGT, 20, 32, ISO_OK },
		{ 0, ISO_KIND_TGT, 23, 16, ISO_E_ETYPE },
		{ ISO_POLICY_RC4, ISO_KIND_TGT, 23, 16, ISO_OK },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, 1, 8, ISO_E_ETYPE },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, 3, 8, ISO_E_ETYPE },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, 16, 24, ISO_E_ETYPE },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, 24, 16, ISO_E_ETYPE },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, 0, 16, ISO_E_ETYPE },
		{ ISO_POLICY_ALL, ISO_KIND_TGT, -1, 16, ISO_E_ETYPE },
		{ 0, ISO_KIND_TGT, 18, 31, ISO_E_RANGE },
		{ 0, ISO_KIND_TGT, 18, 16, ISO_E_RANGE },
		{ 0, ISO_KIND_TGT, 17, 32, ISO_E_RANGE },
		{ 0, ISO_KIND_TGT, 17, 15, ISO_E_RANGE },
		{ 0, ISO_KIND_TGT, 17, 0, ISO_E_RANGE },
		{ 0, ISO_KIND_NTLM, 0, 16, ISO_OK },
		{ 0, ISO_KIND_NTLM, 0, 15, ISO_E_RANGE },
		{ 0, ISO_KIND_NTLM, 0, 32, ISO_E_RANGE },
		{ 0, ISO_KIND_NTLM, 23, 16, ISO_E_ETYPE },
		{ 0, 0, 18, 32, ISO_E_RANGE },
		{ 0, 3, 18, 32, ISO_E_RANGE },
		{ 0, 257, 18, 32, ISO_E_RANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iso *iso = iso_running(rows[i].policy);
		struct iso_req_cred_absorb req = absorb_req(open_for(iso, OWNER, 3600));
		struct iso_rep_cred_absorb rep = { 0 };

		req.kind = rows[i].kind;
		req.etype = rows[i].etype;
		req.key.len = rows[i].len;
		assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, &rep), rows[i].want);
		assert_int_equal(rep.blob.len,
				 rows[i].want == ISO_OK ? BLOB_OVER + rows[i].len : 0);
		assert_int_equal(status(iso).absorbed, rows[i].want == ISO_OK);
	}
}

static void
absorb_refusals(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_rep_session_open s = open_for(iso, OWNER, 3600);
	struct iso_req_cred_absorb good = absorb_req(s), req = good;
	struct iso_rep_session_info rep = { 0 };

	(void)state;
	req.owner++;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_OWNER);
	req = good;
	req.session++;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_SESSION);
	req = good;
	req.generation++;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_SESSION);
	static const int64_t past[] = { TEST_NOW, TEST_NOW - 1, 0, -1, INT64_MIN };
	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		req = good;
		req.endtime = past[i];
		assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_EXPIRED);
	}
	req.endtime = INT64_MAX;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_OK);
	/* client octets of the wrong shape */
	req = good;
	req.client.len = 0;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_DER);
	req.client.len = good.client.len - 1;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_DER);
	req.client = d_join(2, good.client, d_ctx(3, d_int(1)));
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, NULL), ISO_E_DER);
	assert_int_equal(info(iso, s, OWNER, &rep), ISO_OK);
	assert_int_equal(rep.refused, 8);
	test_host.no_entropy = true;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &good, NULL), ISO_E_ENTROPY);
}

/* blob_open as the operations call it. */
static enum iso_status
reopen(struct iso *iso, uint32_t session, struct rd blob, const struct blob *want,
       uint8_t key[ISO_KEY_MAX])
{
	struct blob got = { 0 };
	size_t len = 0;

	memset(key, 0, ISO_KEY_MAX);
	return blob_open(iso, &iso->session[session], blob, want, &got,
			 (struct wr){ key, ISO_KEY_MAX }, &len);
}

static void
blob_bindings(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_rep_session_open s = open_for(iso, OWNER, 7200), t = open_for(iso, OWNER, 7200);
	struct iso_req_cred_absorb req = absorb_req(s);
	struct iso_rep_cred_absorb rep = { 0 };
	struct blob want = { .kind = ISO_KIND_TGT, .may = ISO_MAY_TGS }, other;
	uint8_t key[ISO_KEY_MAX] = { 0 }, saved;
	static const uint8_t none[ISO_KEY_MAX];
	struct rd blob;

	(void)state;
	blob_client_hash(req.client, want.client);
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, &rep), ISO_OK);
	blob = (struct rd){ rep.blob.at, rep.blob.len };
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_OK);
	assert_memory_equal(key, key32, 32);

	/* every bit of the blob, header and all */
	for (size_t i = 0; i < blob.len * 8; i++) {
		rep.blob.at[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_BLOB);
		assert_memory_equal(key, none, sizeof(none));
		rep.blob.at[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	/* every shorter one, and longer ones */
	for (size_t n = 0; n < ISO_BLOB_MAX; n++) {
		if (n != blob.len)
			assert_int_equal(
			    reopen(iso, s.session, (struct rd){ blob.at, n }, &want, key),
			    ISO_E_BLOB);
	}
	/* another session of the same owner, another kind, operation, client */
	assert_int_equal(reopen(iso, t.session, blob, &want, key), ISO_E_BLOB);
	other = want;
	other.kind = ISO_KIND_NTLM;
	assert_int_equal(reopen(iso, s.session, blob, &other, key), ISO_E_KIND);
	other = want;
	other.may = 2 | ISO_MAY_TGS;
	assert_int_equal(reopen(iso, s.session, blob, &other, key), ISO_E_KIND);
	for (size_t i = 0; i < ISO_HASH; i++) {
		other = want;
		other.client[i] ^= 1;
		assert_int_equal(reopen(iso, s.session, blob, &other, key), ISO_E_OWNER);
	}
	/* another start, root key, owner, generation of the same session key */
	saved = iso->boot_id[3]++;
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_BLOB);
	iso->boot_id[3] = saved;
	saved = iso->root[31]++;
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_BLOB);
	iso->root[31] = saved;
	iso->session[s.session].owner++;
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_OWNER);
	iso->session[s.session].owner--;
	iso->session[s.session].generation++;
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_BLOB);
	iso->session[s.session].generation--;
	/* time */
	pass_ms(3599999);
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_OK);
	pass_ms(1);
	assert_int_equal(reopen(iso, s.session, blob, &want, key), ISO_E_EXPIRED);
	assert_memory_equal(key, none, sizeof(none));
}

static void
blobs_differ(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_cred_absorb req = absorb_req(open_for(iso, OWNER, 7200));
	struct iso_rep_cred_absorb a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, &a), ISO_OK);
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, &b), ISO_OK);
	assert_memory_equal(a.blob.at, b.blob.at, BLOB_HEADER);
	assert_memory_not_equal(a.blob.at + BLOB_HEADER, b.blob.at + BLOB_HEADER, SEAL_NONCE);
	assert_memory_not_equal(a.blob.at + BLOB_OVER, b.blob.at + BLOB_OVER, 32);
}

static void
wiped_after_calls(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_cred_absorb req = absorb_req(open_for(iso, OWNER, 7200));
	struct iso_rep_cred_absorb rep = { 0 };
	const uint8_t *all[] = { iso->frame, iso->out, (uint8_t *)&iso->req, (uint8_t *)&iso->rep };
	const size_t size[] = { sizeof(iso->frame), sizeof(iso->out), sizeof(iso->req),
				sizeof(iso->rep) };

	(void)state;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &req, &rep), ISO_OK);
	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < size[k]; i++)
			assert_int_equal(all[k][i], 0);
	}
}

static void
frames_are_judged(void **state)
{
	struct iso *iso = iso_running(0);

	(void)state;
	/* longer than any frame, and none at all */
	assert_int_equal(iso_serve(iso, sizeof(iso->frame) + 1), RPC_REP_HDR);
	assert_int_equal(iso->out[4], ISO_E_FRAME);
	assert_int_equal(iso_serve(iso, 0), RPC_REP_HDR);
	assert_int_equal(iso->out[4], ISO_E_FRAME);
	/* an operation that is not there */
	for (unsigned int op = 0; op < 70000; op += 113) {
		if (rpc_op(op & 0xffff) != NULL)
			continue;
		memcpy(iso->frame, (uint8_t[]){ 1, 0, (uint8_t)op, (uint8_t)(op >> 8), 0, 0, 0, 0 },
		       8);
		assert_int_equal(iso_serve(iso, 8), RPC_REP_HDR);
		assert_int_equal(iso->out[4], ISO_E_OP);
	}
	assert_true(status(iso).refused > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configure_once),    cmocka_unit_test(session_life),
		cmocka_unit_test(session_expiry),    cmocka_unit_test(clock_never_goes_back),
		cmocka_unit_test(table_is_finite),   cmocka_unit_test(absorb_shapes),
		cmocka_unit_test(absorb_refusals),   cmocka_unit_test(blob_bindings),
		cmocka_unit_test(blobs_differ),	     cmocka_unit_test(wiped_after_calls),
		cmocka_unit_test(frames_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
