/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checksum of PA-FOR-USER: is it what libkrb5 makes of the same key, and
 * does nobody have one whom policy, session and blob do not allow it?
 */
#include "iso_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"

#define LIMIT ISO_FOR_USER_MAX

/* Name type 10, the user, the realm, the package: [MS-SFU] 2.2.1. */
static const uint8_t plain[] = "\x0a\0\0\0alice@EXAMPLE.TESTEXAMPLE.TESTKerberos";

static krb5_context ctx;

static struct iso_req_krb_for_user
request(const struct world *w)
{
	return (struct iso_req_krb_for_user){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.blob = { w->blob.blob.at, w->blob.blob.len },
		.client = d_client(),
		.text = { plain, sizeof(plain) - 1 },
	};
}

static enum iso_status
ask(struct world *w, const struct iso_req_krb_for_user *req, struct iso_rep_krb_for_user *rep)
{
	static const uint8_t none[16];
	enum iso_status st;

	memset(rep, 0, sizeof(*rep));
	st = iso_call(w->iso, ISO_OP_krb_for_user, req, rep);
	assert_int_equal(memcmp(rep->mac, none, sizeof(none)) != 0, st == ISO_OK);
	return st;
}

/* Every length up to the limit, with each type of key. */
static void
as_libkrb5_makes_it(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };
	static uint8_t text[LIMIT];

	(void)state;
	test_random(text, sizeof(text));
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct world w = world_with(ISO_POLICY_S4U | ISO_POLICY_RC4, etypes[e]);
		krb5_keyblock key = { .enctype = etypes[e],
				      .length = (unsigned int)w.key_len,
				      .contents = w.key };
		struct iso_req_krb_for_user req = request(&w);
		struct iso_rep_krb_for_user rep;

		for (size_t len = 4; len <= LIMIT; len += len < 200 ? 1 : 77) {
			krb5_data in = { .length = (unsigned int)len, .data = (char *)text };
			krb5_checksum sum;

			req.text = (struct rd){ text, len };
			assert_int_equal(ask(&w, &req, &rep), ISO_OK);
			assert_int_equal(krb5_c_make_checksum(ctx, CKSUMTYPE_HMAC_MD5_ARCFOUR, &key,
							      17, &in, &sum),
					 0);
			assert_int_equal(sum.length, sizeof(rep.mac));
			assert_memory_equal(sum.contents, rep.mac, sizeof(rep.mac));
			krb5_free_checksum_contents(ctx, &sum);
			/* for no other usage, and with no other key */
			assert_int_equal(krb5_c_make_checksum(ctx, CKSUMTYPE_HMAC_MD5_ARCFOUR, &key,
							      6, &in, &sum),
					 0);
			assert_memory_not_equal(sum.contents, rep.mac, sizeof(rep.mac));
			krb5_free_checksum_contents(ctx, &sum);
		}
	}
}

static void
by_policy_alone(void **state)
{
	struct iso_rep_krb_for_user rep;

	(void)state;
	for (uint32_t policy = 0; policy <= ISO_POLICY_ALL; policy++) {
		struct world w = world_with(policy, 18);
		struct iso_req_krb_for_user req = request(&w);

		assert_int_equal(ask(&w, &req, &rep),
				 (policy & ISO_POLICY_S4U) != 0 ? ISO_OK : ISO_E_POLICY);
	}
}

static void
refused(void **state)
{
	struct world w = world_with(ISO_POLICY_S4U, 18);
	struct iso_req_krb_for_user req = request(&w);
	struct iso_rep_krb_for_user rep;
	static uint8_t long_text[LIMIT + 1];
	static const struct {
		uint8_t kind;
		uint16_t may;
		enum iso_status want;
	} rows[] = {
		{ ISO_KIND_TGT, ISO_MAY_TGS, ISO_OK },
		{ ISO_KIND_TGT, ISO_MAY_TGS | ISO_MAY_ARMOR, ISO_OK },
		{ ISO_KIND_TGT, ISO_MAY_ARMOR, ISO_E_KIND },
		{ ISO_KIND_TGT, ISO_MAY_CHANGE, ISO_E_KIND },
		{ ISO_KIND_KEY, ISO_MAY_AS | ISO_MAY_CHECK, ISO_E_KIND },
		{ ISO_KIND_KEY, ISO_MAY_TGS, ISO_E_KIND },
		{ ISO_KIND_NTLM, 0, ISO_E_KIND },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct blob b = { .kind = rows[i].kind,
				  .may = rows[i].may,
				  .etype = 18,
				  .expires_ms = w.iso->now_ms + 1000 };
		struct iso_rep_cred_absorb of;

		blob_client_hash(d_client(), b.client);
		assert_int_equal(blob_seal(w.iso, &w.iso->session[w.s.session], &b,
					   (struct rd){ w.key, w.key_len },
					   (struct wr){ of.blob.at, sizeof(of.blob.at) },
					   &of.blob.len),
				 ISO_OK);
		req.blob = (struct rd){ of.blob.at, of.blob.len };
		assert_int_equal(ask(&w, &req, &rep), rows[i].want);
	}
	req = request(&w);
	req.owner++;
	assert_int_equal(ask(&w, &req, &rep), ISO_E_OWNER);
	req = request(&w);
	req.generation++;
	assert_int_equal(ask(&w, &req, &rep), ISO_E_SESSION);
	req = request(&w);
	req.client.len--;
	assert_int_equal(ask(&w, &req, &rep), ISO_E_OWNER);
	req = request(&w);
	req.blob.len--;
	assert_int_equal(ask(&w, &req, &rep), ISO_E_BLOB);
	req = request(&w);
	for (req.text.len = 0; req.text.len < 4; req.text.len++)
		assert_int_equal(ask(&w, &req, &rep), ISO_E_RANGE);
	assert_int_equal(ask(&w, &req, &rep), ISO_OK);
	req.text = (struct rd){ long_text, sizeof(long_text) };
	size_t n = 0;
	assert_int_equal(rpc_encode_req(ISO_OP_krb_for_user, &req,
					(struct wr){ w.iso->frame, sizeof(w.iso->frame) }, &n),
			 ISO_E_RANGE);
	req = request(&w);
	w.iso->session[w.s.session].flags |= SESSION_LOCKED;
	assert_int_equal(ask(&w, &req, &rep), ISO_E_LOCKED);
	w.iso->session[w.s.session].flags = 0;
	pass_ms(36000000);
	assert_int_equal(ask(&w, &req, &rep), ISO_E_EXPIRED);
}

static void
counted_and_recorded(void **state)
{
	static const char who[] = "alice@EXAMPLE.TESTEXAMPLE.TESTKerberos by user@EXAMPLE.TEST";
	struct world w = world_with(ISO_POLICY_S4U, 18);
	struct iso_req_krb_for_user req = request(&w);
	struct iso_rep_krb_for_user rep;
	const struct record *re;

	(void)state;
	assert_int_equal(ask(&w, &req, &rep), ISO_OK);
	re = &w.iso->used[(w.iso->records - 1) % ISO_RECORDS].of;
	assert_int_equal(re->op, ISO_OP_krb_for_user);
	assert_int_equal(re->target_len, sizeof(who) - 1);
	assert_memory_equal(re->target, who, RECORD_TARGET);
	/* as often as the session may use a key */
	w.iso->rate = w.iso->burst = 1;
	w.iso->session[w.s.session].millitokens = 2000;
	assert_int_equal(ask(&w, &req, &rep), ISO_OK);
	assert_int_equal(ask(&w, &req, &rep), ISO_E_RATE);
	pass_ms(1000);
	assert_int_equal(ask(&w, &req, &rep), ISO_OK);
}

static int
setup(void **state)
{
	(void)state;
	return (int)krb5_init_context(&ctx) != 0 || world_setup(state) != 0;
}

static int
teardown(void **state)
{
	krb5_free_context(ctx);
	return world_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_libkrb5_makes_it),
		cmocka_unit_test(by_policy_alone),
		cmocka_unit_test(refused),
		cmocka_unit_test(counted_and_recorded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
