/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * krb_tgs_seal and krb_tgs_open against a stand-in KDC: is the authenticator
 * right, does the good way work, is everything else refused? Which keys may
 * leave is in iso_rule.c.
 */
#include "iso_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "tgs.h"

/* ---- the good way */

static void
service_ticket(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		for (size_t k = 0; k < COUNT(etypes); k++) {
			struct world w = world_with(ISO_POLICY_RC4, etypes[e]);
			struct body_spec body = { 0 };
			struct part_spec part = { .etype = etypes[k], .nonce = NONCE };
			struct iso_rep_krb_tgs_open rep;
			struct rd want;

			part.key = (struct rd){ service_key, krb_type(etypes[k])->key_len };
			want = d_part(&part);
			assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
			assert_int_equal(w.sealed.etype, etypes[e]);
			assert_int_equal(w.ctime, TEST_NOW);
			assert_int_equal(rep.verdict, ISO_RELEASED);
			assert_int_equal(rep.blob.len, 0);
			assert_int_equal(rep.part.len, want.len);
			assert_memory_equal(rep.part.at, want.at, want.len);
		}
	}
}

static void
time_stamps(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct rd body = d_body(&spec);
	struct iso_req_krb_tgs_seal req = seal_req(&w, body);
	int64_t first;

	(void)state;
	/* two in one microsecond differ */
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	first = w.cusec;
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	assert_int_not_equal(w.cusec, first);
	/* the KDC's clock, a day either way and no further */
	static const int32_t skews[] = { 86400, -86400, 1, -1 };
	for (size_t i = 0; i < COUNT(skews); i++) {
		req.skew = skews[i];
		assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, &w.sealed), ISO_OK);
		kdc_reads(&w, body);
		assert_int_equal(w.ctime, TEST_NOW + skews[i]);
	}
	req.skew = 86401;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_RANGE);
	req.skew = INT32_MIN;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_RANGE);
}

/* A referral: the new key stays, its blob works for the next hop. */
static void
withheld_key_works_sealed(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct world w = world_with(0, 18), next;
		struct body_spec body = { 0 };
		struct part_spec part = { .etype = etypes[e],
					  .endtime = TEST_NOW + 600,
					  .sname = d_name(2, "krbtgt", "OTHER.TEST", NULL) };
		struct iso_rep_krb_tgs_open rep;
		struct tgs_part read;
		size_t len = krb_type(etypes[e])->key_len;
		struct body_spec hop = { .nonce = NONCE };
		struct rd der;

		assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
		assert_int_equal(rep.verdict, ISO_WITHHELD);
		assert_int_equal(rep.blob.len, BLOB_OVER + len);
		assert_false(contains(&rep, sizeof(rep), service_key, 8));
		assert_int_equal(tgs_part_read((struct rd){ rep.part.at, rep.part.len }, &read),
				 ISO_OK);
		assert_int_equal(read.key.len, len);
		assert_int_equal(read.etype, etypes[e]);
		/* the next hop, under the withheld key */
		next = w;
		next.etype = etypes[e];
		next.key_len = len;
		memcpy(next.key, service_key, len);
		memcpy(next.blob.blob.at, rep.blob.at, rep.blob.len);
		next.blob.blob.len = rep.blob.len;
		der = d_body(&hop);
		assert_int_equal(seal(&next, der), ISO_OK);
		kdc_reads(&next, der);
		/* until it ends */
		pass_ms(600000);
		assert_int_equal(seal(&next, der), ISO_E_EXPIRED);
	}
}

static void
policy_bits(void **state)
{
	static const struct {
		uint32_t option, policy;
	} rows[] = {
		{ TGS_OPT_FORWARDED, ISO_POLICY_FORWARDED },
		{ TGS_OPT_PROXY, ISO_POLICY_PROXY },
		{ TGS_OPT_CNAME_IN_ADDL_TKT, ISO_POLICY_S4U },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (uint32_t policy = 0; policy <= ISO_POLICY_ALL; policy++) {
			struct world w = world_with(policy, 18);
			struct body_spec spec = { .options = rows[i].option | TGS_OPTION(1) };

			assert_int_equal(seal(&w, d_body(&spec)),
					 policy & rows[i].policy ? ISO_OK : ISO_E_POLICY);
		}
	}
}

/* ---- request bodies that are refused */

static void
bodies(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec good = { .nonce = NONCE }, spec;
	struct rd body, bad, host = d_name(2, "host", "server.test", NULL);
	uint8_t copy[1024];
	static const uint8_t large[65000];

	(void)state;
	body = d_body(&good);
	assert_int_equal(seal(&w, body), ISO_OK);
	/* cname means nothing: some send it, twice is too much */
	spec = good;
	spec.before_realm = d_ctx(1, d_name(1, "user", NULL, NULL));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	spec.before_realm = d_join(2, spec.before_realm, spec.before_realm);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_DER);
	/* enc-authorization-data; addresses and additional-tickets are fine */
	spec = good;
	spec.after_etypes = d_ctx(10, d_seq(d_int(1)));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_DER);
	spec.after_etypes = d_join(2, d_ctx(9, d_seq(d_int(1))), d_ctx(11, d_seq(d_int(1))));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	spec.after_etypes = d_join(2, d_ctx(11, d_seq(d_int(1))), d_ctx(9, d_seq(d_int(1))));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_DER);
	spec.after_etypes = d_ctx(12, d_int(1));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_DER);
	/* etype lists */
	spec = good;
	spec.etypes = d_join(3, d_int(3), d_int(1), d_int(18)); /* DES is passed over */
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	spec.etypes = d_join(2, d_int(3), d_int(1));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_ETYPE);
	spec.etypes = d_int(23); /* policy has no RC4 */
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_ETYPE);
	spec.etypes = d_join(2, d_int(-133), d_int(20));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	/* no sname */
	bad = d_seq(d_join(5, d_ctx(0, d_flags(0)), d_ctx(2, d_text("EXAMPLE.TEST")),
			   d_ctx(5, d_time(TEST_NOW)), d_ctx(7, d_int(1)),
			   d_ctx(8, d_seq(d_int(18)))));
	assert_int_equal(seal(&w, bad), ISO_E_DER);
	/* no etype list, order, flags of another length */
	bad = d_seq(d_join(5, d_ctx(0, d_flags(0)), d_ctx(2, d_text("EXAMPLE.TEST")),
			   d_ctx(3, host), d_ctx(5, d_time(TEST_NOW)), d_ctx(7, d_int(1))));
	assert_int_equal(seal(&w, bad), ISO_E_DER);
	bad = d_seq(d_join(6, d_ctx(0, d_flags(0)), d_ctx(3, host),
			   d_ctx(2, d_text("EXAMPLE.TEST")), d_ctx(5, d_time(TEST_NOW)),
			   d_ctx(7, d_int(1)), d_ctx(8, d_seq(d_int(18)))));
	assert_int_equal(seal(&w, bad), ISO_E_DER);
	bad = d_seq(d_join(6, d_ctx(0, d_tlv(0x03, d_raw("\0\0\0\0", 4))),
			   d_ctx(2, d_text("EXAMPLE.TEST")), d_ctx(3, host),
			   d_ctx(5, d_time(TEST_NOW)), d_ctx(7, d_int(1)),
			   d_ctx(8, d_seq(d_int(18)))));
	assert_int_equal(seal(&w, bad), ISO_E_DER);
	/* trailing octet, every shorter body */
	assert_int_equal(seal(&w, d_join(2, body, d_raw("", 1))), ISO_E_DER);
	for (size_t n = 0; n < body.len; n++)
		assert_int_equal(seal(&w, (struct rd){ body.at, n }), ISO_E_DER);
	/* one flipped bit may make another good body, but must not do harm */
	memcpy(copy, body.at, body.len);
	for (size_t i = 0; i < body.len * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1u << (i % 8));
		(void)!seal(&w, (struct rd){ copy, body.len });
		copy[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	/* as large as a frame can hold */
	spec = good;
	spec.after_etypes = d_ctx(11, d_seq(d_octets(d_raw(large, sizeof(large)))));
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
}

static void
seal_bindings(void **state)
{
	struct world w = world_with(0, 18), v;
	struct body_spec spec = { .nonce = NONCE };
	struct iso_req_krb_tgs_seal good = seal_req(&w, d_body(&spec)), req = good;
	struct iso_req_cred_absorb absorb = { .session = w.s.session,
					      .generation = w.s.generation,
					      .owner = OWNER,
					      .kind = ISO_KIND_NTLM,
					      .endtime = TEST_NOW + 60,
					      .client = d_client(),
					      .key = { service_key, 16 } };
	struct iso_rep_cred_absorb ntlm = { 0 };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 60 };
	struct iso_rep_session_open other = { 0 };

	(void)state;
	req.owner++;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_OWNER);
	req = good;
	req.session++;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_SESSION);
	req = good;
	req.blob.len--;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_BLOB);
	req = good;
	req.client = d_join(2, d_ctx(1, d_text("EXAMPLE.TEST")),
			    d_ctx(2, d_name(1, "root", NULL, NULL)));
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_OWNER);
	/* an NTLM blob of the same session */
	assert_int_equal(iso_call(w.iso, ISO_OP_cred_absorb, &absorb, &ntlm), ISO_OK);
	req = good;
	req.blob = (struct rd){ ntlm.blob.at, ntlm.blob.len };
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_KIND);
	/* another session of the same owner */
	assert_int_equal(iso_call(w.iso, ISO_OP_session_open, &open, &other), ISO_OK);
	req = good;
	req.session = other.session;
	req.generation = other.generation;
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_BLOB);
	/* a blob of the lsaiso before this one */
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_seal, &good, NULL), ISO_OK);
	v = world_with(0, 18);
	req = seal_req(&v, d_body(&spec));
	req.blob = (struct rd){ w.blob.blob.at, w.blob.blob.len };
	assert_int_equal(iso_call(v.iso, ISO_OP_krb_tgs_seal, &req, NULL), ISO_E_BLOB);
	test_host.no_entropy = true;
	assert_int_equal(seal(&v, d_body(&spec)), ISO_E_ENTROPY);
}

static void
token_bucket(void **state)
{
	struct iso *iso = iso_fresh();
	struct iso_req_configure conf = { .rate = 2, .burst = 5 };
	struct world w;
	struct body_spec spec = { .nonce = NONCE };
	struct iso_req_session_info ask;
	struct iso_rep_session_info info;

	(void)state;
	w = world_with(0, 18);
	iso->phase = ISO_BOOT; /* configured again, with a small bucket */
	assert_int_equal(iso_call(iso, ISO_OP_configure, &conf, NULL), ISO_OK);
	ask = (struct iso_req_session_info){ .session = w.s.session,
					     .generation = w.s.generation,
					     .owner = OWNER };
	for (int i = 0; i < 5; i++)
		assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_RATE);
	pass_ms(499);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_RATE);
	pass_ms(1);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_RATE);
	/* never more than the depth, however long it waits; never less for a
	 * clock that goes back */
	pass_ms(3600000);
	assert_int_equal(iso_call(iso, ISO_OP_session_info, &ask, &info), ISO_OK);
	assert_int_equal(info.tokens, 5);
	assert_int_equal(info.uses, 6);
	assert_int_equal(info.refused, 3);
	test_host.boot_us -= 3000000;
	assert_int_equal(iso_call(iso, ISO_OP_session_info, &ask, &info), ISO_OK);
	assert_int_equal(info.tokens, 5);
	/* a refused blob costs a token too */
	w.blob.blob.at[0] ^= 1;
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_BLOB);
	assert_int_equal(iso_call(iso, ISO_OP_session_info, &ask, &info), ISO_OK);
	assert_int_equal(info.tokens, 4);
}

/* ---- replies that are refused */

static void
replies(void **state)
{
	const struct rd key = { service_key, 32 };
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct rd body = d_body(&spec), full;
	struct part_spec good = { .etype = 18, .key = key, .nonce = NONCE }, part;
	struct iso_rep_krb_tgs_open rep = { 0 };
	const struct {
		struct part_spec part;
		enum iso_status want;
	} rows[] = {
		{ { .etype = 18, .key = key, .nonce = NONCE + 1 }, ISO_E_MISMATCH },
		{ { .etype = 17, .key = key, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 18, .key = { service_key, 31 }, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 18, .key = { service_key, 0 }, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 23, .key = { service_key, 16 }, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 3, .key = { service_key, 8 }, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 1, .key = { service_key, 8 }, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 0x80000012, .key = key, .nonce = NONCE }, ISO_E_ETYPE },
		{ { .etype = 18, .key = key, .nonce = NONCE, .tag = 0x79 }, ISO_OK },
		{ { .etype = 18, .key = key, .nonce = NONCE, .tag = 0x7b }, ISO_E_DER },
		{ { .etype = 18, .key = key, .nonce = NONCE, .trailing = { service_key, 1 } },
		  ISO_E_DER },
		{ { .etype = 18, .key = key, .nonce = NONCE, .endtime = TEST_NOW - 1 }, ISO_OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(seal(&w, body), ISO_OK);
		kdc_reads(&w, body);
		if (answer(&w, d_part(&rows[i].part), &rep) != rows[i].want)
			fail_msg("row %zu", i);
	}
	/* a withheld key that has ended already */
	part = good;
	part.sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL);
	part.endtime = TEST_NOW - 1;
	assert_int_equal(exchange(&w, &spec, part, &rep), ISO_E_EXPIRED);
	/* wrong usage, etype, owner; each consumes the request */
	full = d_part(&good);
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	assert_int_equal(answer_as(&w, full, OWNER, 18, 8, &rep), ISO_E_INTEGRITY);
	assert_int_equal(answer(&w, full, &rep), ISO_E_PENDING);
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	assert_int_equal(answer_as(&w, full, OWNER, 17, 9, &rep), ISO_E_MISMATCH);
	assert_int_equal(answer(&w, full, &rep), ISO_E_PENDING);
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	assert_int_equal(answer_as(&w, full, OWNER + 1, 18, 9, &rep), ISO_E_OWNER);
	assert_int_equal(answer(&w, full, &rep), ISO_E_PENDING);
	/* another request's subkey */
	assert_int_equal(seal(&w, body), ISO_OK);
	assert_int_equal(answer(&w, full, &rep), ISO_E_INTEGRITY);
	/* every shorter part, under a good seal */
	for (size_t n = 0; n < full.len; n++) {
		assert_int_equal(seal(&w, body), ISO_OK);
		kdc_reads(&w, body);
		assert_int_equal(answer(&w, (struct rd){ full.at, n }, &rep), ISO_E_DER);
	}
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	assert_int_equal(answer(&w, d_join(2, full, d_raw("", 1)), &rep), ISO_E_DER);
}

/* ---- the ring */

static void
pending_ring(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct part_spec good = { .etype = 18, .key = { service_key, 32 }, .nonce = NONCE };
	struct rd body = d_body(&spec), part = d_part(&good);
	struct iso_rep_krb_tgs_open rep;
	struct iso_rep_status st;
	struct iso_req_status none = { 0 };
	static struct world first, second, last;

	(void)state;
	for (uint32_t i = 0; i < ISO_PENDINGS; i++) {
		assert_int_equal(seal(&w, body), ISO_OK);
		if (i < 2)
			kdc_reads(&w, body);
		if (i == 0)
			first = w;
		if (i == 1)
			second = w;
	}
	assert_int_equal(iso_call(w.iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.pending, ISO_PENDINGS);
	assert_int_equal(st.dropped, 0);
	/* one more: exactly the oldest is gone */
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	last = w;
	assert_int_equal(iso_call(w.iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.pending, ISO_PENDINGS);
	assert_int_equal(st.dropped, 1);
	assert_int_equal(answer(&first, part, &rep), ISO_E_PENDING);
	assert_int_equal(answer(&second, part, &rep), ISO_OK);
	assert_int_equal(answer(&second, part, &rep), ISO_E_PENDING); /* once */
	assert_int_equal(answer(&last, part, &rep), ISO_OK);
	assert_int_equal(iso_call(w.iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.pending, ISO_PENDINGS - 2);
	/* ids that were never given */
	for (uint64_t id = 0; id < 2000; id++) {
		struct iso_req_krb_tgs_open req = { .pending = id, .owner = OWNER, .etype = 18 };

		assert_int_equal(iso_call(w.iso, ISO_OP_krb_tgs_open, &req, &rep), ISO_E_PENDING);
	}
	/* five minutes */
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	pass_ms(ISO_PENDING_MS - 1);
	assert_int_equal(answer(&w, part, &rep), ISO_OK);
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
	pass_ms(ISO_PENDING_MS);
	assert_int_equal(answer(&w, part, &rep), ISO_E_PENDING);
	assert_int_equal(iso_call(w.iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.pending, 0);
}

static void
close_kills_pending(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec spec = { .nonce = NONCE };
	struct part_spec good = { .etype = 18, .key = { service_key, 32 }, .nonce = NONCE };
	struct iso_req_session_close end = { .session = w.s.session,
					     .generation = w.s.generation,
					     .owner = OWNER };
	struct iso_rep_krb_tgs_open rep;
	static const struct pending empty;

	(void)state;
	assert_int_equal(seal(&w, d_body(&spec)), ISO_OK);
	kdc_reads(&w, d_body(&spec));
	assert_memory_equal(w.iso->pending[0].subkey, w.subkey, 32);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_close, &end, NULL), ISO_OK);
	assert_memory_equal(&w.iso->pending[0], &empty, sizeof(empty));
	assert_int_equal(answer(&w, d_part(&good), &rep), ISO_E_PENDING);
	assert_int_equal(seal(&w, d_body(&spec)), ISO_E_SESSION);
}

static void
counters(void **state)
{
	struct world w = world_with(0, 18);
	struct body_spec body = { 0 };
	struct part_spec service = { 0 },
			 tgt = { .sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL) };
	struct iso_rep_krb_tgs_open rep;
	struct iso_rep_status st;
	struct iso_req_status none = { 0 };

	(void)state;
	assert_int_equal(exchange(&w, &body, service, &rep), ISO_OK);
	assert_int_equal(exchange(&w, &body, tgt, &rep), ISO_OK);
	assert_int_equal(exchange(&w, &body, service, &rep), ISO_OK);
	assert_int_equal(answer(&w, d_part(&service), &rep), ISO_E_PENDING);
	assert_int_equal(iso_call(w.iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.absorbed, 1);
	assert_int_equal(st.sealed, 3);
	assert_int_equal(st.released, 2);
	assert_int_equal(st.withheld, 1);
	assert_int_equal(st.refused, 1);
	assert_int_equal(st.served, 9);
	assert_int_equal(st.pending, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_ticket),
		cmocka_unit_test(time_stamps),
		cmocka_unit_test(withheld_key_works_sealed),
		cmocka_unit_test(policy_bits),
		cmocka_unit_test(bodies),
		cmocka_unit_test(seal_bindings),
		cmocka_unit_test(token_bucket),
		cmocka_unit_test(replies),
		cmocka_unit_test(pending_ring),
		cmocka_unit_test(close_kills_pending),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
