/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * krb_armor and krb_ticket_check; and a logon and a ticket as MIT's KDC made
 * them: are they opened, and nothing that was changed?
 */
#include "iso_logon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "der.h"
#include "tgs_vectors.h"

/* ---- krb_armor */

static void
armor(void **state)
{
	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct logon l = logon_with(ISO_POLICY_RC4, 18);
		struct part_spec part;
		struct iso_req_krb_armor req;
		struct iso_rep_krb_armor rep;
		struct key sub = { .etype = etypes[e], .len = krb_type(etypes[e])->key_len }, want;
		struct rd plain, client = d_client(), octets;
		bool bad = false;
		struct der all = { .bad = &bad }, in, key;

		l.next = new_key(etypes[e]);
		part = part_of(&l);
		assert_int_equal(open_part(&l, &part), ISO_OK);
		req = armor_req_of(&l);
		req.skew = -7;
		assert_int_equal(iso_call(l.w.iso, ISO_OP_krb_armor, &req, &rep), ISO_OK);
		assert_int_equal(rep.etype, etypes[e]);
		plain = kdc_decrypt(&l.next, 11,
				    (struct rd){ rep.authenticator.at, rep.authenticator.len });
		all.rest = plain;
		in = der_take(&all, DER_APP(2));
		in = der_take(&in, DER_SEQUENCE);
		assert_int_equal(der_field_int(&in, 0), 5);
		assert_memory_equal(in.rest.at, client.at, client.len);
		in.rest.at += client.len;
		in.rest.len -= client.len;
		assert_in_range(der_field_int(&in, 4), 0, 999999); /* so there is no cksum [3] */
		assert_int_equal(der_field_time(&in, 5), TEST_NOW - 7);
		key = der_field(&in, 6, DER_SEQUENCE);
		assert_int_equal(der_field_int(&key, 0), etypes[e]);
		octets = der_field(&key, 1, DER_OCTETS).rest;
		assert_int_equal(octets.len, sub.len);
		memcpy(sub.octets, octets.at, sub.len);
		der_field_int(&in, 7);
		der_end(&in);
		assert_false(bad);
		want = kdc_mix(&sub, "subkeyarmor", &l.next, "ticketarmor");
		assert_int_equal(rep.key.len, want.len);
		assert_memory_equal(rep.key.at, want.octets, want.len);
		assert_false(contains(&rep, sizeof(rep), sub.octets, 8));
		assert_false(contains(&rep, sizeof(rep), l.next.octets, 8));
	}
}

static void
armor_is_refused(void **state)
{
	struct logon l = logon_with(0, 18);
	struct part_spec part = part_of(&l);
	struct iso_req_krb_armor ok = armor_req_of(&l), req;
	struct iso *iso = l.w.iso;
	uint8_t blob[ISO_BLOB_MAX];

	(void)state;
	assert_int_equal(open_part(&l, &part), ISO_OK);
	memcpy(blob, opened.blob.at, opened.blob.len);
	ok.blob = (struct rd){ blob, opened.blob.len };
	req = ok;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_OK);
	req.skew = 86401;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_RANGE);
	req = ok;
	req.owner++;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_OWNER);
	req = ok;
	req.client.len--;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_OWNER);
	req = ok;
	req.blob.len--;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_BLOB);
	req = ok;
	blob[ok.blob.len - 1] ^= 1;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_BLOB);
	blob[ok.blob.len - 1] ^= 1;
	/* a TGT that came by cred_absorb, a long-term key */
	req.blob = (struct rd){ l.w.blob.blob.at, l.w.blob.blob.len };
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_KIND);
	req.blob = blob_of(&l);
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &req, NULL), ISO_E_KIND);
	iso->session[l.w.s.session].flags = SESSION_LOCKED;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &ok, NULL), ISO_E_LOCKED);
	iso->session[l.w.s.session].flags = 0;
	iso->session[l.w.s.session].millitokens = 0;
	iso->rate = 0;
	assert_int_equal(iso_call(iso, ISO_OP_krb_armor, &ok, NULL), ISO_E_RATE);
}

/* ---- krb_ticket_check */

/* EncTicketPart, RFC 4120 section 5.3; rest: authorization data of that size. */
static struct rd
ticket_part(const struct key *k, size_t rest)
{
	static const uint8_t pac[65000];
	struct rd key = d_seq(
	    d_join(2, d_ctx(0, d_int(k->etype)), d_ctx(1, d_octets(octets_of(k)))));

	return d_tlv(
	    0x63, d_seq(d_join(
		      8, d_ctx(0, d_flags(0x40000000)), d_ctx(1, key),
		      d_ctx(2, d_text("EXAMPLE.TEST")), d_ctx(3, d_name(1, "user", NULL, NULL)),
		      d_ctx(4, d_seq(d_join(2, d_ctx(0, d_int(0)), d_ctx(1, d_octets(text("")))))),
		      d_ctx(5, d_time(TEST_NOW)), d_ctx(7, d_time(TEST_NOW + 60)),
		      d_ctx(10, d_octets((struct rd){ pac, rest })))));
}

static struct iso_req_krb_ticket_check
check_req_of(const struct logon *l, struct rd part)
{
	return (struct iso_req_krb_ticket_check){
		.session = l->w.s.session,
		.generation = l->w.s.generation,
		.owner = OWNER,
		.key = blob_of(l),
		.name = text(NAME),
		.etype = l->key.etype,
		.cipher = kdc_encrypt(&l->key, 2, part),
		.given = octets_of(&l->next),
	};
}

static enum iso_status
check(const struct logon *l, const struct iso_req_krb_ticket_check *req)
{
	return iso_call(l->w.iso, ISO_OP_krb_ticket_check, req, NULL);
}

static void
tickets(void **state)
{
	static const size_t sizes[] = { 0, 1, 900, 65000 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		for (size_t n = 0; n < COUNT(etypes); n++) {
			struct logon l = logon_with(ISO_POLICY_RC4, etypes[e]);

			put_key(&l, ISO_KIND_KEY, ISO_MAY_CHECK | ISO_MAY_AS, &l.key, NAME);
			l.next = new_key(etypes[n]);
			for (size_t i = 0; i < COUNT(sizes); i++) {
				struct iso_req_krb_ticket_check req = check_req_of(
				    &l, ticket_part(&l.next, sizes[i]));

				assert_int_equal(check(&l, &req), ISO_OK);
				/* nothing of the ticket stays */
				assert_false(contains(l.w.iso->frame, sizeof(l.w.iso->frame),
						      l.next.octets, 8));
			}
			d_reset();
		}
	}
}

static void
tickets_are_refused(void **state)
{
	struct logon l = logon_with(0, 18);
	struct iso_req_krb_ticket_check ok, req;
	uint8_t *octets;

	(void)state;
	ok = check_req_of(&l, ticket_part(&l.next, 100));
	assert_int_equal(check(&l, &ok), ISO_E_KIND); /* that may ISO_MAY_AS alone */
	put_key(&l, ISO_KIND_KEY, ISO_MAY_CHECK, &l.key, NAME);
	ok.key = blob_of(&l);
	req = ok;
	assert_int_equal(check(&l, &req), ISO_OK);
	/* another key in it: any octet, shorter, longer, none */
	for (size_t i = 0; i < l.next.len; i++) {
		l.next.octets[i] ^= 1;
		assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
		l.next.octets[i] ^= 1;
	}
	req.given.len--;
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req.given.len = 0;
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	/* another type, usage, key; a cut or changed ticket; what is no ticket */
	req = ok;
	req.etype = 17;
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req = ok;
	req.cipher = kdc_encrypt(&l.key, 3, ticket_part(&l.next, 0));
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req.cipher = kdc_encrypt(&l.next, 2, ticket_part(&l.next, 0));
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req.cipher = kdc_encrypt(&l.key, 2, text("not DER"));
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req.cipher = kdc_encrypt(&l.key, 2, d_tlv(0x63, d_seq(d_ctx(0, d_flags(0)))));
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	req = ok;
	for (req.cipher.len = 0; req.cipher.len < ok.cipher.len; req.cipher.len++)
		assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
	octets = (uint8_t *)(uintptr_t)ok.cipher.at;
	for (size_t i = 0; i < ok.cipher.len; i += 3) {
		octets[i] ^= 2;
		assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
		octets[i] ^= 2;
	}
	req.name = text("host/other.test");
	assert_int_equal(check(&l, &req), ISO_E_OWNER);
	req = ok;
	req.owner++;
	assert_int_equal(check(&l, &req), ISO_E_OWNER);
	req = ok;
	l.blob[l.len - 1] ^= 1;
	assert_int_equal(check(&l, &req), ISO_E_BLOB);
	l.blob[l.len - 1] ^= 1;
	l.w.iso->session[l.w.s.session].flags = SESSION_LOCKED;
	assert_int_equal(check(&l, &req), ISO_E_LOCKED);
	l.w.iso->session[l.w.s.session].flags = 0;
	pass_ms(ISO_BOX_MS);
	assert_int_equal(check(&l, &req), ISO_E_EXPIRED);
}

/* ---- what MIT's KDC said */

static struct rd
recorded(const char *what, const char *which)
{
	char name[64];
	struct rd file, octets;

	assert_true(snprintf(name, sizeof(name), "%s-%s", what, which) < (int)sizeof(name));
	file = vector_octets(name);
	assert_true(file.len > 0);
	octets = d_raw(file.at, file.len);
	free((void *)(uintptr_t)file.at);
	return octets;
}

/* EncryptedData of [n]: etype and cipher. */
static struct rd
read_sealed(struct der *in, unsigned int n, int32_t *etype)
{
	struct der sealed = der_field(in, n, DER_SEQUENCE);

	*etype = (int32_t)der_field_int(&sealed, 0);
	if (der_next(&sealed, DER_CONTEXT(1)))
		der_field_int(&sealed, 1);
	return der_field(&sealed, 2, DER_OCTETS).rest;
}

/* AS-REP, RFC 4120 section 5.4.2 */
static void
read_as_rep(struct rd reply, struct iso_req_krb_as_open *req)
{
	bool bad = false;
	struct der all = { reply, &bad }, in = der_take(&all, DER_APP(11)), name;
	struct rd realm;

	in = der_take(&in, DER_SEQUENCE);
	der_field_int(&in, 0);
	der_field_int(&in, 1);
	if (der_next(&in, DER_CONTEXT(2)))
		der_field(&in, 2, DER_SEQUENCE);
	realm = der_field(&in, 3, DER_STRING).rest;
	name = der_take(&in, DER_CONTEXT(4));
	der_take(&in, DER_CONTEXT(5));
	req->client = d_join(2, d_ctx(1, d_tlv(DER_STRING, realm)), d_ctx(2, name.rest));
	req->cipher = read_sealed(&in, 6, &req->etype);
	der_end(&in);
	assert_false(bad);
}

static uint32_t
read_nonce(struct rd as_req)
{
	bool bad = false;
	struct der all = { as_req, &bad }, in = der_take(&all, DER_APP(10));
	int64_t nonce;

	in = der_take(&in, DER_SEQUENCE);
	der_field_int(&in, 1);
	der_field_int(&in, 2);
	if (der_next(&in, DER_CONTEXT(3)))
		der_field(&in, 3, DER_SEQUENCE);
	in = der_field(&in, 4, DER_SEQUENCE);
	der_field_flags(&in, 0);
	for (unsigned int n = 1; n < 7; n++)
		der_skip(&in, n);
	nonce = der_field_int(&in, 7);
	assert_false(bad);
	return (uint32_t)nonce;
}

static void
recorded_logons(void **state)
{
	static const struct {
		const char *which;
		int32_t etype;
		enum iso_status st;
	} rows[] = {
		{ "17", 17, ISO_OK }, { "18", 18, ISO_OK },	  { "19", 19, ISO_OK },
		{ "20", 20, ISO_OK }, { "changepw", 18, ISO_OK }, { "admin", 18, ISO_E_POLICY },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct logon l = logon_with(0, rows[i].etype);
		struct iso_req_krb_as_open req = open_req_of(&l, text(""));
		struct rd key = recorded("as-key", rows[i].which), session_key;
		uint8_t *sent;

		memcpy(l.key.octets, key.at, key.len);
		put_key(&l, ISO_KIND_KEY, ISO_MAY_AS, &l.key, NAME);
		req.key = blob_of(&l);
		req.request = recorded("as-request", rows[i].which);
		req.nonce = read_nonce(req.request);
		read_as_rep(recorded("as-reply", rows[i].which), &req);
		assert_int_equal(as_open(&l, &req), rows[i].st);
		/* one octet of the request, and it is another */
		sent = (uint8_t *)(uintptr_t)req.request.at;
		if (rows[i].st == ISO_OK) {
			assert_int_equal(opened.checked, 1);
			session_key = recorded("as-session", rows[i].which);
			assert_true(opened.part.len > 100);
			assert_false(contains(&opened, sizeof(opened), session_key.at, 8));
		}
		sent[req.request.len - 1] ^= 1;
		assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	}
}

static void
recorded_ticket(void **state)
{
	struct logon l = logon_with(0, 18);
	struct iso_req_krb_ticket_check req;
	bool bad = false;
	struct der all = { recorded("host", "ticket"), &bad }, in = der_take(&all, DER_APP(1));
	struct rd key = recorded("host", "key"), given = recorded("host", "session");

	(void)state;
	memcpy(l.key.octets, key.at, key.len);
	put_key(&l, ISO_KIND_KEY, ISO_MAY_CHECK, &l.key, NAME);
	req = check_req_of(&l, text(""));
	in = der_take(&in, DER_SEQUENCE);
	der_field_int(&in, 0);
	der_field(&in, 1, DER_STRING);
	der_field_name(&in, 2);
	req.cipher = read_sealed(&in, 3, &req.etype);
	assert_false(bad);
	req.given = given;
	assert_int_equal(check(&l, &req), ISO_OK);
	((uint8_t *)(uintptr_t)given.at)[31] ^= 1;
	assert_int_equal(check(&l, &req), ISO_E_INTEGRITY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(armor),	   cmocka_unit_test(armor_is_refused),
		cmocka_unit_test(tickets),	   cmocka_unit_test(tickets_are_refused),
		cmocka_unit_test(recorded_logons), cmocka_unit_test(recorded_ticket),
	};

	return cmocka_run_group_tests(tests, logon_setup, logon_teardown);
}
