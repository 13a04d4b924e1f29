/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks the KDC endpoint with a stand-in: is only that taken for a proof
 * which says, under that key, who, when and what for?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lsass/front/kdc/proof.h"
#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_parts.h"

#define NOW 1790000000 /* 2026-09-21 */

static krb5_context ctx;
static const uint8_t body[] = "any octets: what is asked for";

/* What a client writes; zeros: as it should be. */
struct spec {
	int32_t etype;
	const char *realm, *name;
	int64_t late; /* seconds */
	bool no_sum, no_subkey, trailing;
	int32_t sum_type;
	int32_t sum_usage;
	int32_t usage;
	int32_t subkey_etype;
	size_t subkey_len;
	int vno;
};

static struct proof_key
key_of(int32_t etype)
{
	struct proof_key key = { .etype = etype };
	size_t octets, len;

	assert_int_equal(krb5_c_keylengths(ctx, etype, &octets, &len), 0);
	key.len = (uint8_t)len;
	memset(key.octets, 0x5a, len);
	return key;
}

static struct wire_princ
alice(void)
{
	struct wire_princ pr = { .type = 1, .ncomp = 2 };

	pr.realm = (struct rd){ (const uint8_t *)"REALM", 5 };
	pr.comp[0] = (struct rd){ (const uint8_t *)"alice", 5 };
	pr.comp[1] = (struct rd){ (const uint8_t *)"admin", 5 };
	return pr;
}

/* ---- the client's part */

struct request {
	uint8_t plain[1024], cipher[1200];
	struct der_tgs_req req;
};

static void
put_text(struct back *b, const char *text)
{
	size_t mark = b->at;

	back_put(b, text, strlen(text));
	back_wrap(b, mark, DER_GEN_STRING);
}

static void
put_octets(struct back *b, uint8_t n, int32_t type, const void *at, size_t len)
{
	size_t mark = b->at;

	back_put(b, at, len);
	back_wrap(b, mark, DER_OCTETS);
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, type);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(n));
}

static void
put_sum(struct back *b, const struct spec *sp, const struct proof_key *key)
{
	krb5_keyblock block = proof_keyblock(key);
	krb5_data over = creds_data((struct rd){ body, sizeof(body) });
	krb5_checksum sum;

	assert_int_equal(krb5_c_make_checksum(ctx, sp->sum_type, &block,
					      sp->sum_usage != 0 ? sp->sum_usage : 6, &over, &sum),
			 0);
	put_octets(b, 3, sum.checksum_type, sum.contents, sum.length);
	krb5_free_checksum_contents(ctx, &sum);
}

static void
put_time(struct back *b, time_t at)
{
	char text[32];
	size_t mark = b->at;

	assert_int_equal(strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", gmtime(&at)), 15);
	back_put(b, text, 15);
	back_wrap(b, mark, DER_GEN_TIME);
	back_wrap(b, mark, DER_CONTEXT(5));
}

static void
put_name(struct back *b, const char *name)
{
	size_t mark = b->at;

	put_text(b, "admin");
	put_text(b, name);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, 1);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(2));
}

static void
put_authenticator(struct back *b, const struct spec *sp, const struct proof_key *key)
{
	uint8_t subkey[64] = { 0 };
	size_t end = b->at, mark;

	memset(subkey, 0x77, sizeof(subkey));
	if (sp->trailing)
		back_int(b, 9, 1);
	back_int(b, 7, 12345);
	if (!sp->no_subkey)
		put_octets(b, 6, sp->subkey_etype != 0 ? sp->subkey_etype : 18, subkey,
			   sp->subkey_len != 0 ? sp->subkey_len : 32);
	put_time(b, NOW + sp->late);
	back_int(b, 4, 999);
	if (!sp->no_sum)
		put_sum(b, sp, key);
	put_name(b, sp->name != NULL ? sp->name : "alice");
	mark = b->at;
	put_text(b, sp->realm != NULL ? sp->realm : "REALM");
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, sp->vno != 0 ? sp->vno : 5);
	back_wrap(b, end, DER_SEQUENCE);
	back_wrap(b, end, 0x62);
}

static void
make(struct request *rq, const struct spec *sp)
{
	struct proof_key key = key_of(sp->etype != 0 ? sp->etype : 18);
	krb5_keyblock block = proof_keyblock(&key);
	struct back b = { rq->plain, sizeof(rq->plain), sizeof(rq->plain), false };
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA };
	struct wr out;
	krb5_data plain;
	size_t len;

	memset(&rq->req, 0, sizeof(rq->req));
	put_authenticator(&b, sp, &key);
	assert_int_equal(back_done(&b, &out), 0);
	plain = creds_data((struct rd){ out.at, out.left });
	assert_int_equal(krb5_c_encrypt_length(ctx, key.etype, out.left, &len), 0);
	enc.ciphertext.data = (char *)rq->cipher;
	enc.ciphertext.length = (unsigned int)len;
	assert_int_equal(
	    krb5_c_encrypt(ctx, &block, sp->usage != 0 ? sp->usage : 7, NULL, &plain, &enc), 0);
	rq->req.authenticator.etype = key.etype;
	rq->req.authenticator.cipher = (struct rd){ rq->cipher, len };
	rq->req.body = (struct rd){ body, sizeof(body) };
}

static int32_t
check(const struct request *rq, int32_t etype, struct proof_key *subkey)
{
	struct proof_key key = key_of(etype);
	struct wire_princ client = alice();

	return proof_check(ctx, &key, &client, &rq->req, NOW, subkey);
}

static int32_t
judged(const struct spec *sp)
{
	struct proof_key subkey;
	struct request rq;

	make(&rq, sp);
	return check(&rq, sp->etype != 0 ? sp->etype : 18, &subkey);
}

/* ---- what holds */

static void
a_proof_holds_for_every_etype(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };

	for (size_t i = 0; i < sizeof(etypes) / sizeof(etypes[0]); i++) {
		struct proof_key subkey;
		struct request rq;

		make(&rq, &(struct spec){ .etype = etypes[i] });
		assert_int_equal(check(&rq, etypes[i], &subkey), 0);
		assert_int_equal(subkey.etype, 18);
		assert_int_equal(subkey.len, 32);
		assert_int_equal(subkey.octets[31], 0x77);
	}
}

static void
a_subkey_may_be_absent_or_of_another_etype(void **state)
{
	struct proof_key subkey;
	struct request rq;

	make(&rq, &(struct spec){ .no_subkey = true });
	assert_int_equal(check(&rq, 18, &subkey), 0);
	assert_int_equal(subkey.etype, 0);
	make(&rq, &(struct spec){ .subkey_etype = 17, .subkey_len = 16 });
	assert_int_equal(check(&rq, 18, &subkey), 0);
	assert_int_equal(subkey.etype, 17);
	assert_int_equal(subkey.len, 16);
}

static void
clocks_may_differ_by_five_minutes(void **state)
{
	assert_int_equal(judged(&(struct spec){ .late = 300 }), 0);
	assert_int_equal(judged(&(struct spec){ .late = -300 }), 0);
	assert_int_equal(judged(&(struct spec){ .late = 301 }), PROOF_SKEW);
	assert_int_equal(judged(&(struct spec){ .late = -301 }), PROOF_SKEW);
}

static void
no_checksum_is_let_pass(void **state)
{
	assert_int_equal(judged(&(struct spec){ .no_sum = true }), 0);
}

/* ---- what does not */

static void
another_key_is_none_of_ours(void **state)
{
	struct wire_princ client = alice();
	struct proof_key key = key_of(18), subkey;
	struct request rq;

	make(&rq, &(struct spec){ 0 });
	for (size_t i = 0; i < (size_t)8 * key.len; i++) {
		key.octets[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(proof_check(ctx, &key, &client, &rq.req, NOW, &subkey),
				 PROOF_OTHER_KEY);
		key.octets[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(check(&rq, 20, &subkey), PROOF_OTHER_KEY);
	assert_int_equal(judged(&(struct spec){ .usage = 11 }), PROOF_OTHER_KEY);
}

static void
every_bit_of_it_counts(void **state)
{
	struct proof_key subkey;
	struct request rq;
	size_t n;

	make(&rq, &(struct spec){ 0 });
	n = rq.req.authenticator.cipher.len;
	for (size_t i = 0; i < 8 * n; i++) {
		rq.cipher[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(check(&rq, 18, &subkey), PROOF_OTHER_KEY);
		rq.cipher[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t i = 0; i < n; i++) {
		rq.req.authenticator.cipher.len = i;
		assert_int_equal(check(&rq, 18, &subkey), PROOF_OTHER_KEY);
	}
}

static void
every_bit_of_the_body_counts(void **state)
{
	uint8_t other[sizeof(body)];
	struct proof_key subkey;
	struct request rq;

	make(&rq, &(struct spec){ 0 });
	rq.req.body = (struct rd){ other, sizeof(other) };
	for (size_t i = 0; i < 8 * sizeof(body); i++) {
		memcpy(other, body, sizeof(body));
		other[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(check(&rq, 18, &subkey), PROOF_MODIFIED);
	}
	rq.req.body = (struct rd){ body, sizeof(body) - 1 };
	assert_int_equal(check(&rq, 18, &subkey), PROOF_MODIFIED);
	assert_int_equal(judged(&(struct spec){ .sum_usage = 10 }), PROOF_MODIFIED);
}

static void
a_checksum_without_a_key_is_none(void **state)
{
	assert_int_equal(judged(&(struct spec){ .sum_type = CKSUMTYPE_RSA_MD5 }),
			 PROOF_INAPP_CKSUM);
	assert_int_equal(judged(&(struct spec){ .sum_type = CKSUMTYPE_NIST_SHA }),
			 PROOF_INAPP_CKSUM);
}

static void
another_client_is_refused(void **state)
{
	assert_int_equal(judged(&(struct spec){ .name = "alicE" }), PROOF_BAD_MATCH);
	assert_int_equal(judged(&(struct spec){ .realm = "REALN" }), PROOF_BAD_MATCH);
	assert_int_equal(judged(&(struct spec){ .name = "" }), PROOF_BAD_MATCH);
}

static void
an_odd_subkey_is_refused(void **state)
{
	assert_int_equal(judged(&(struct spec){ .subkey_len = 31 }), PROOF_ETYPE_NOSUPP);
	assert_int_equal(judged(&(struct spec){ .subkey_len = 33 }), PROOF_ETYPE_NOSUPP);
	assert_int_equal(judged(&(struct spec){ .subkey_etype = 17 }), PROOF_ETYPE_NOSUPP);
	assert_int_equal(judged(&(struct spec){ .subkey_etype = 12345 }), PROOF_ETYPE_NOSUPP);
}

static void
nonsense_is_refused(void **state)
{
	assert_int_equal(judged(&(struct spec){ .vno = 4 }), PROOF_MSG_TYPE);
	assert_int_equal(judged(&(struct spec){ .trailing = true }), PROOF_MSG_TYPE);
}

/* ---- PA-FOR-USER */

static void
put_for_user(struct back *b, const uint8_t mac[16], int32_t type)
{
	size_t end = b->at, mark;

	put_text(b, "Kerberos");
	back_wrap(b, end, DER_CONTEXT(3));
	mark = b->at;
	back_put(b, mac, 16);
	back_wrap(b, mark, DER_OCTETS);
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, type);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(2));
	mark = b->at;
	put_text(b, "REALM");
	back_wrap(b, mark, DER_CONTEXT(1));
	mark = b->at;
	put_text(b, "admin");
	put_text(b, "bob");
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, 10);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(0));
	back_wrap(b, end, DER_SEQUENCE);
}

static int32_t
for_user(const uint8_t mac[16], int32_t type, struct wr *text, struct rd *place)
{
	static uint8_t buf[512];
	struct back b = { buf, sizeof(buf), sizeof(buf), false };
	struct proof_key key = key_of(18);
	struct wr out;

	put_for_user(&b, mac, type);
	assert_int_equal(back_done(&b, &out), 0);
	return proof_for_user(ctx, &key, (struct rd){ out.at, out.left }, text, place);
}

static void
the_user_is_under_the_stand_in(void **state)
{
	static const uint8_t over[] = "\012\0\0\0bobadminREALMKerberos";
	struct proof_key key = key_of(18);
	krb5_keyblock block = proof_keyblock(&key);
	krb5_data data = creds_data((struct rd){ over, sizeof(over) - 1 });
	uint8_t text[64], mac[16];
	struct wr room = { text, sizeof(text) };
	krb5_checksum sum;
	struct rd place;

	assert_int_equal(krb5_c_make_checksum(ctx, -138, &block, 17, &data, &sum), 0);
	assert_int_equal(sum.length, 16);
	memcpy(mac, sum.contents, 16);
	krb5_free_checksum_contents(ctx, &sum);
	assert_int_equal(for_user(mac, -138, &room, &place), 0);
	assert_int_equal(room.left, sizeof(over) - 1);
	assert_memory_equal(room.at, over, room.left);
	assert_memory_equal(place.at, mac, 16);
	for (size_t i = 0; i < 128; i++) {
		mac[i / 8] ^= (uint8_t)(1u << (i % 8));
		room = (struct wr){ text, sizeof(text) };
		assert_int_equal(for_user(mac, -138, &room, &place), PROOF_MODIFIED);
		mac[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	room = (struct wr){ text, sizeof(text) };
	assert_int_equal(for_user(mac, 16, &room, &place), PROOF_INAPP_CKSUM);
	room = (struct wr){ text, sizeof(over) - 2 };
	assert_int_equal(for_user(mac, -138, &room, &place), PROOF_MSG_TYPE);
}

static int
set_up(void **state)
{
	return krb5_init_context(&ctx);
}

static int
tear_down(void **state)
{
	krb5_free_context(ctx);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proof_holds_for_every_etype),
		cmocka_unit_test(a_subkey_may_be_absent_or_of_another_etype),
		cmocka_unit_test(clocks_may_differ_by_five_minutes),
		cmocka_unit_test(no_checksum_is_let_pass),
		cmocka_unit_test(another_key_is_none_of_ours),
		cmocka_unit_test(every_bit_of_it_counts),
		cmocka_unit_test(every_bit_of_the_body_counts),
		cmocka_unit_test(a_checksum_without_a_key_is_none),
		cmocka_unit_test(another_client_is_refused),
		cmocka_unit_test(an_odd_subkey_is_refused),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(the_user_is_under_the_stand_in),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
