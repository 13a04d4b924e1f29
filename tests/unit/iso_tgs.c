/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * krb_tgs_seal and krb_tgs_open against a stand-in KDC that uses libkrb5's
 * cryptography: is the authenticator right, does each key that must stay
 * stay, does each that may leave leave, and is everything else refused?
 */
#define _GNU_SOURCE /* memmem */
#include <krb5/krb5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"
#include "krb.h"
#include "tgs.h"

#define OWNER	 1000u
#define NONCE	 0x1234567u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static krb5_context ctx;

/* A logon with its TGT, and what the KDC knows. */
struct world {
	struct iso *iso;
	struct iso_rep_session_open s;
	int32_t etype;
	uint8_t key[ISO_KEY_MAX]; /* of the TGT */
	size_t key_len;
	struct iso_rep_cred_absorb blob;
	struct iso_rep_krb_tgs_seal sealed;
	/* from the authenticator, as the KDC reads it */
	uint8_t subkey[ISO_KEY_MAX];
	int64_t ctime, cusec, seq;
};

static int
setup(void **state)
{
	(void)state;
	setenv("KRB5_CONFIG", "/dev/null", 1);
	return krb5_init_context(&ctx);
}

static int
teardown(void **state)
{
	(void)state;
	krb5_free_context(ctx);
	return 0;
}

static struct world
world_with(uint32_t policy, int32_t etype)
{
	struct world w = { .iso = iso_running(policy), .etype = etype };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso_req_cred_absorb absorb = { .owner = OWNER,
					      .kind = ISO_KIND_TGT,
					      .endtime = TEST_NOW + 36000 };

	assert_int_equal(iso_call(w.iso, ISO_OP_session_open, &open, &w.s), ISO_OK);
	w.key_len = krb_type(etype)->key_len;
	test_random(w.key, w.key_len);
	absorb.session = w.s.session;
	absorb.generation = w.s.generation;
	absorb.etype = etype;
	absorb.client = d_client();
	absorb.key = (struct rd){ w.key, w.key_len };
	assert_int_equal(iso_call(w.iso, ISO_OP_cred_absorb, &absorb, &w.blob), ISO_OK);
	return w;
}

static struct iso_req_krb_tgs_seal
seal_req(const struct world *w, struct rd body)
{
	return (struct iso_req_krb_tgs_seal){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.blob = { w->blob.blob.at, w->blob.blob.len },
		.client = d_client(),
		.body = body,
	};
}

static enum iso_status
seal(struct world *w, struct rd body)
{
	struct iso_req_krb_tgs_seal req = seal_req(w, body);

	return iso_call(w->iso, ISO_OP_krb_tgs_seal, &req, &w->sealed);
}

/* ---- the KDC's side */

/* Read the authenticator with libkrb5's cryptography and check every field. */
static void
kdc_reads(struct world *w, struct rd body)
{
	krb5_keyblock k = { .enctype = w->etype,
			    .length = (unsigned int)w->key_len,
			    .contents = w->key };
	krb5_enc_data enc = { .enctype = w->etype };
	uint8_t plain[ISO_AUTH_MAX];
	krb5_data out = { .data = (char *)plain, .length = sizeof(plain) };
	krb5_data over = { .data = (char *)(uintptr_t)body.at, .length = (unsigned int)body.len };
	bool bad = false;
	struct der all = { .bad = &bad }, app, seq, sum, key;
	struct rd sum_octets, key_octets, client = d_client();
	krb5_checksum cksum = { 0 };
	krb5_boolean valid = 0;

	enc.ciphertext.data = (char *)w->sealed.authenticator.at;
	enc.ciphertext.length = w->sealed.authenticator.len;
	assert_int_equal(krb5_c_decrypt(ctx, &k, 7, NULL, &enc, &out), 0);
	all.rest = (struct rd){ plain, out.length };
	app = der_take(&all, DER_APP(2));
	der_end(&all);
	seq = der_take(&app, DER_SEQUENCE);
	der_end(&app);
	assert_int_equal(der_field_int(&seq, 0), 5);
	assert_true(seq.rest.len > client.len);
	assert_memory_equal(seq.rest.at, client.at, client.len);
	seq.rest.at += client.len;
	seq.rest.len -= client.len;
	sum = der_field(&seq, 3, DER_SEQUENCE);
	cksum.checksum_type = (krb5_cksumtype)der_field_int(&sum, 0);
	sum_octets = der_field(&sum, 1, DER_OCTETS).rest;
	cksum.length = (unsigned int)sum_octets.len;
	cksum.contents = (krb5_octet *)(uintptr_t)sum_octets.at;
	assert_int_equal(krb5_c_verify_checksum(ctx, &k, 6, &over, &cksum, &valid), 0);
	assert_true(valid);
	w->cusec = der_field_int(&seq, 4);
	w->ctime = der_field_time(&seq, 5);
	key = der_field(&seq, 6, DER_SEQUENCE);
	assert_int_equal(der_field_int(&key, 0), w->etype);
	key_octets = der_field(&key, 1, DER_OCTETS).rest;
	assert_int_equal(key_octets.len, w->key_len);
	memcpy(w->subkey, key_octets.at, key_octets.len);
	assert_memory_not_equal(w->subkey, w->key, w->key_len);
	w->seq = der_field_int(&seq, 7);
	assert_in_range(w->seq, 0, INT32_MAX);
	der_end(&seq);
	assert_false(bad);
}

/* Encrypt a part under the subkey and let lsaiso open it. */
static enum iso_status
answer_as(struct world *w, struct rd part, uint32_t owner, int32_t etype, krb5_keyusage usage,
	  struct iso_rep_krb_tgs_open *rep)
{
	static uint8_t cipher[ISO_PART_MAX + 64];
	krb5_keyblock k = { .enctype = w->etype,
			    .length = (unsigned int)w->key_len,
			    .contents = w->subkey };
	krb5_enc_data enc = { 0 };
	krb5_data in = { .data = (char *)(uintptr_t)part.at, .length = (unsigned int)part.len };
	struct iso_req_krb_tgs_open req = { .pending = w->sealed.pending,
					    .owner = owner,
					    .etype = etype };

	enc.ciphertext.data = (char *)cipher;
	enc.ciphertext.length = sizeof(cipher);
	assert_int_equal(krb5_c_encrypt(ctx, &k, usage, NULL, &in, &enc), 0);
	req.cipher = (struct rd){ cipher, enc.ciphertext.length };
	return iso_call(w->iso, ISO_OP_krb_tgs_open, &req, rep);
}

static enum iso_status
answer(struct world *w, struct rd part, struct iso_rep_krb_tgs_open *rep)
{
	return answer_as(w, part, OWNER, w->etype, 9, rep);
}

static const uint8_t service_key[32] = "the session key of a new ticket.";

/* A whole exchange: a request with these options for a service, this part. */
static enum iso_status
exchange(struct world *w, const struct body_spec *body, struct part_spec part,
	 struct iso_rep_krb_tgs_open *rep)
{
	struct body_spec b = *body;
	struct rd der;

	b.nonce = NONCE;
	der = d_body(&b);
	assert_int_equal(seal(w, der), ISO_OK);
	kdc_reads(w, der);
	part.nonce = NONCE;
	if (part.etype == 0)
		part.etype = 18;
	if (part.key.len == 0)
		part.key = (struct rd){ service_key, krb_type((int32_t)part.etype)->key_len };
	memset(rep, 0, sizeof(*rep));
	return answer(w, d_part(&part), rep);
}

static bool
contains(const void *hay, size_t n, const void *needle, size_t len)
{
	return memmem(hay, n, needle, len) != NULL;
}

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

/* ---- whose key may leave: every row of the rule */

static void
tgt_class_rows(void **state)
{
	const uint32_t u2u = TGS_OPT_ENC_TKT_IN_SKEY;
	static const char nul[] = "host";
	const struct {
		int64_t type;
		const char *a, *b, *c;
		uint32_t options;
		uint32_t verdict;
	} rows[] = {
		/* plainly a service */
		{ 2, "host", "server.test", NULL, 0, ISO_RELEASED },
		{ 3, "HTTP", "web.test", NULL, 0, ISO_RELEASED },
		{ 1, "ldap", "dc.test", "EXAMPLE.TEST", 0, ISO_RELEASED },
		{ 3, "MSSQLSvc", "db.test:1433", NULL, 0, ISO_RELEASED },
		{ 1, "nfs", "kadmin", NULL, 0, ISO_RELEASED },
		{ 1, "kadmins", "x", NULL, 0, ISO_RELEASED },
		{ 1, "krbtg", "x", NULL, 0, ISO_RELEASED },
		{ 1, "user", NULL, NULL, u2u, ISO_RELEASED },
		{ 1, "host", "a.test", NULL, u2u, ISO_RELEASED },
		/* krbtgt, anywhere, in any case */
		{ 2, "krbtgt", "EXAMPLE.TEST", NULL, 0, ISO_WITHHELD },
		{ 2, "krbtgt", "OTHER.TEST", NULL, 0, ISO_WITHHELD },
		{ 2, "KRBTGT", "EXAMPLE.TEST", NULL, 0, ISO_WITHHELD },
		{ 2, "KrbTgt", "x", NULL, 0, ISO_WITHHELD },
		{ 1, "krbtgt", NULL, NULL, 0, ISO_WITHHELD },
		{ 1, "krbtgt", NULL, NULL, u2u, ISO_WITHHELD },
		{ 2, "host", "krbtgt", NULL, 0, ISO_WITHHELD },
		{ 2, "host", "x", "krbtgt", 0, ISO_WITHHELD },
		{ 2, "host", "xkrbtgty", NULL, 0, ISO_WITHHELD },
		{ 2, "krbtgt_1234", "x", NULL, 0, ISO_WITHHELD },
		{ 1, "EXAMPLE\\krbtgt", "x", NULL, 0, ISO_WITHHELD },
		{ 1, "krbtgt@EXAMPLE.TEST", "x", NULL, 0, ISO_WITHHELD },
		/* kadmin first, in any case */
		{ 1, "kadmin", "changepw", NULL, 0, ISO_WITHHELD },
		{ 1, "KADMIN", "changepw", NULL, 0, ISO_WITHHELD },
		{ 2, "kAdMiN", "admin", NULL, 0, ISO_WITHHELD },
		/* one component, none */
		{ 1, "user", NULL, NULL, 0, ISO_WITHHELD },
		{ 1, "host", NULL, NULL, 0, ISO_WITHHELD },
		{ 1, NULL, NULL, NULL, 0, ISO_WITHHELD },
		{ 1, NULL, NULL, NULL, u2u, ISO_WITHHELD },
		/* name types */
		{ 0, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 4, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 5, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 10, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 11, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ -128, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 257, "host", "server.test", NULL, 0, ISO_WITHHELD },
		{ 0, "user", NULL, NULL, u2u, ISO_WITHHELD },
		/* what directories fold or parse */
		{ 1, "host", "a@b", NULL, 0, ISO_WITHHELD },
		{ 1, "DOM\\host", "a", NULL, 0, ISO_WITHHELD },
		{ 1, "host", "\xef\xbd\x8brbtgt", NULL, 0, ISO_WITHHELD }, /* full-width k */
		{ 1, "host", "kr\xc3\xadt", NULL, 0, ISO_WITHHELD },
		{ 1, "host", "a\x7f", NULL, 0, ISO_WITHHELD },
		{ 1, "host", "a\tb", NULL, 0, ISO_WITHHELD },
		{ 1, "\x1f", "a", NULL, 0, ISO_WITHHELD },
		{ 1, "", "a", NULL, 0, ISO_WITHHELD },
		{ 1, "host", "", NULL, 0, ISO_WITHHELD },
		/* what was asked */
		{ 2, "host", "server.test", NULL, TGS_OPT_RENEW, ISO_WITHHELD },
		{ 2, "host", "server.test", NULL, TGS_OPT_VALIDATE, ISO_WITHHELD },
		{ 2, "host", "server.test", NULL, TGS_OPT_FORWARDED, ISO_WITHHELD },
		{ 2, "host", "server.test", NULL, TGS_OPT_PROXY, ISO_WITHHELD },
		/* options that change nothing: FORWARDABLE, CANONICALIZE, RENEWABLE-OK */
		{ 2, "host", "server.test", NULL, TGS_OPTION(1), ISO_RELEASED },
		{ 2, "host", "server.test", NULL, TGS_OPTION(15) | TGS_OPTION(27), ISO_RELEASED },
		{ 2, "host", "server.test", NULL, TGS_OPT_CNAME_IN_ADDL_TKT, ISO_RELEASED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = world_with(ISO_POLICY_ALL, 18);
		struct body_spec body = { .options = rows[i].options };
		struct part_spec part = { .sname = d_name(rows[i].type, rows[i].a, rows[i].b,
							  rows[i].c) };
		struct iso_rep_krb_tgs_open rep;
		bool leaves;

		assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
		leaves = contains(&rep, sizeof(rep), service_key, 8);
		if (rep.verdict != rows[i].verdict || leaves != (rep.verdict == ISO_RELEASED))
			fail_msg("row %zu", i);
		if (rep.verdict == ISO_WITHHELD)
			assert_int_equal(rep.blob.len, BLOB_OVER + 32);
	}
	/* an octet of zero cannot be written in the rows */
	struct world w = world_with(0, 18);
	struct rd odd = d_tlv(0x1b, d_raw(nul, sizeof(nul)));
	struct part_spec part = { 0 };
	struct body_spec body = { 0 };
	struct iso_rep_krb_tgs_open rep;
	part.sname = d_seq(d_join(2, d_ctx(0, d_int(1)), d_ctx(1, d_seq(d_join(2, odd, odd)))));
	assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
	assert_int_equal(rep.verdict, ISO_WITHHELD);
}

/* The requested name alone also withholds, whatever the reply is named. */
static void
requested_name_counts(void **state)
{
	static const struct {
		int64_t type;
		const char *a, *b;
	} names[] = {
		{ 2, "krbtgt", "B.TEST" },
		{ 1, "kadmin", "changepw" },
		{ 10, "DOM\\krbtgt", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct world w = world_with(0, 18);
		struct body_spec body = { .sname = d_name(names[i].type, names[i].a, names[i].b,
							  NULL) };
		struct part_spec part = { 0 };
		struct iso_rep_krb_tgs_open rep;

		assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
		assert_int_equal(rep.verdict, ISO_WITHHELD);
		assert_false(contains(&rep, sizeof(rep), service_key, 8));
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
	/* cname present */
	spec = good;
	spec.before_realm = d_ctx(1, d_name(1, "user", NULL, NULL));
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

/* Padata that may carry keys is zeroed, what is known stays. */
static void
padata_is_cleaned(void **state)
{
	static const char secret[] = "an NT hash, say!";
	struct world w = world_with(0, 18);
	struct body_spec body = { 0 };
	struct rd value = d_raw(secret, 16);
	struct part_spec part = { 0 };
	struct iso_rep_krb_tgs_open rep;
	struct tgs_part read;
	static const int64_t types[] = { 162, 165, 167, 149, 0, -1, 136, 147, 166, 168 };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		bool stays = types[i] == 165 || types[i] == 167 || types[i] == 149;

		part.padata = d_join(2, d_padata(165, d_raw("\x1c\0\0\0", 4)),
				     d_padata(types[i], value));
		assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
		assert_int_equal(contains(&rep, sizeof(rep), secret, 8), stays);
		assert_true(contains(rep.part.at, rep.part.len, "\x1c\0\0\0", 4));
		assert_int_equal(tgs_part_read((struct rd){ rep.part.at, rep.part.len }, &read),
				 ISO_OK);
		assert_int_equal(read.padata.len, part.padata.len);
	}
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
		cmocka_unit_test(tgt_class_rows),
		cmocka_unit_test(requested_name_counts),
		cmocka_unit_test(policy_bits),
		cmocka_unit_test(bodies),
		cmocka_unit_test(seal_bindings),
		cmocka_unit_test(token_bucket),
		cmocka_unit_test(replies),
		cmocka_unit_test(padata_is_cleaned),
		cmocka_unit_test(pending_ring),
		cmocka_unit_test(close_kills_pending),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
