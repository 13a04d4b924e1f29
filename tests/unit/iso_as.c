/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * krb_as_seal and krb_as_open against a stand-in KDC: does the good way work,
 * is everything else refused, is it known what a ticket's key is for?
 */
#include "iso_logon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "tgs.h"

#define PA_CHECKSUM 149

/* ---- krb_as_seal */

static struct iso_req_krb_as_seal
seal_req_of(const struct logon *l)
{
	return (struct iso_req_krb_as_seal){
		.session = l->w.s.session,
		.generation = l->w.s.generation,
		.owner = OWNER,
		.key = blob_of(l),
		.name = text(NAME),
	};
}

static enum iso_status
as_seal(const struct logon *l, const struct iso_req_krb_as_seal *req,
	struct iso_rep_krb_as_seal *rep)
{
	return iso_call(l->w.iso, ISO_OP_krb_as_seal, req, rep);
}

/* PA-ENC-TS-ENC, as the KDC reads it. */
static void
read_stamp(struct rd plain, int64_t *seconds, int64_t *micros)
{
	bool bad = false;
	struct der all = { plain, &bad }, in = der_take(&all, DER_SEQUENCE);

	der_end(&all);
	*seconds = der_field_time(&in, 0);
	*micros = der_field_int(&in, 1);
	der_end(&in);
	assert_false(bad);
	assert_in_range(*micros, 0, 999999);
}

static void
timestamps(void **state)
{
	static const int32_t skews[] = { 0, 86400, -86400, 7 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct logon l = logon_with(ISO_POLICY_RC4, etypes[e]);
		struct iso_req_krb_as_seal req = seal_req_of(&l);
		struct iso_rep_krb_as_seal rep;
		int64_t seconds, micros, last = -1;

		for (size_t i = 0; i < COUNT(skews); i++) {
			req.skew = skews[i];
			assert_int_equal(as_seal(&l, &req, &rep), ISO_OK);
			assert_int_equal(rep.etype, etypes[e]);
			read_stamp(
			    kdc_decrypt(&l.key, 1, (struct rd){ rep.cipher.at, rep.cipher.len }),
			    &seconds, &micros);
			assert_int_equal(seconds, TEST_NOW + skews[i]);
			assert_true(i == 0 || seconds * 1000000 + micros != last);
			last = seconds * 1000000 + micros;
		}
		/* two in one microsecond differ */
		assert_int_equal(as_seal(&l, &req, &rep), ISO_OK);
		read_stamp(kdc_decrypt(&l.key, 1, (struct rd){ rep.cipher.at, rep.cipher.len }),
			   &seconds, &micros);
		assert_int_not_equal(seconds * 1000000 + micros, last);
		req.skew = 86401;
		assert_int_equal(as_seal(&l, &req, NULL), ISO_E_RANGE);
		req.skew = INT32_MIN;
		assert_int_equal(as_seal(&l, &req, NULL), ISO_E_RANGE);
	}
}

/* RFC 6113 section 5.4.6, every pair of types. */
static void
challenges(void **state)
{
	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct logon l = logon_with(ISO_POLICY_RC4, etypes[e]);
		struct iso_req_krb_as_seal req = seal_req_of(&l);
		struct iso_rep_krb_as_seal rep;
		struct key armor, want;

		for (size_t a = 0; a < COUNT(etypes); a++) {
			int64_t seconds, micros;

			armor = new_key(etypes[a]);
			want = kdc_mix(&armor, "clientchallengearmor", &l.key, "challengelongterm");
			req.armor_etype = etypes[a];
			req.armor = octets_of(&armor);
			assert_int_equal(as_seal(&l, &req, &rep), ISO_OK);
			assert_int_equal(rep.etype, etypes[a]);
			read_stamp(
			    kdc_decrypt(&want, 54, (struct rd){ rep.cipher.at, rep.cipher.len }),
			    &seconds, &micros);
			assert_int_equal(seconds, TEST_NOW);
			req.armor.len--;
			assert_int_equal(as_seal(&l, &req, NULL), ISO_E_ETYPE);
		}
		req.armor_etype = 3;
		assert_int_equal(as_seal(&l, &req, NULL), ISO_E_ETYPE);
		req.armor_etype = -1;
		assert_int_equal(as_seal(&l, &req, NULL), ISO_E_ETYPE);
	}
}

/* What stands before every use of a long-term key, for both operations. */
static void
keys_are_judged(void **state)
{
	static const uint16_t others[] = { ISO_MAY_UNLOCK, ISO_MAY_CHECK, ISO_MAY_TGS, 0 };
	struct logon l = logon_with(0, 18);
	struct part_spec part = part_of(&l);
	struct iso_req_krb_as_open open = open_req_of(&l, d_part(&part)), o = open;
	struct iso_req_krb_as_seal seal = seal_req_of(&l), s = seal;

	(void)state;
#define BOTH(status)                                                                               \
	do {                                                                                       \
		assert_int_equal(as_seal(&l, &s, NULL), status);                                   \
		assert_int_equal(as_open(&l, &o), status);                                         \
		s = seal, o = open;                                                                \
	} while (0)
	BOTH(ISO_OK);
	s.owner = o.owner = OWNER + 1;
	BOTH(ISO_E_OWNER);
	s.generation++, o.generation++;
	BOTH(ISO_E_SESSION);
	s.session++, o.session++;
	BOTH(ISO_E_SESSION);
	s.name = o.name = text("other@EXAMPLE.TEST");
	BOTH(ISO_E_OWNER);
	s.name.len--, o.name.len--;
	BOTH(ISO_E_OWNER);
	for (size_t i = 0; i < l.len; i++) {
		l.blob[i] ^= 0x10;
		BOTH(ISO_E_BLOB);
		l.blob[i] ^= 0x10;
	}
	s.key.len--, o.key.len--;
	BOTH(ISO_E_BLOB);
	s.key.len = o.key.len = 0;
	BOTH(ISO_E_BLOB);
	for (size_t i = 0; i < COUNT(others); i++) {
		put_key(&l, ISO_KIND_KEY, others[i], &l.key, NAME);
		BOTH(ISO_E_KIND);
	}
	put_key(&l, ISO_KIND_TGT, ISO_MAY_AS, &l.key, NAME);
	BOTH(ISO_E_KIND);
	put_key(&l, ISO_KIND_PASSWORD, ISO_MAY_AS, &l.key, NAME);
	BOTH(ISO_E_KIND);
	put_key(&l, ISO_KIND_KEY, ISO_MAY_AS, &l.key, NAME);
	BOTH(ISO_OK);
	l.w.iso->session[l.w.s.session].flags = SESSION_LOCKED;
	BOTH(ISO_E_LOCKED);
	l.w.iso->session[l.w.s.session].flags = 0;
	pass_ms(ISO_BOX_MS - 1);
	BOTH(ISO_OK);
	pass_ms(1);
	BOTH(ISO_E_EXPIRED);
	/* a type that policy has not */
	l.key = new_key(23);
	put_key(&l, ISO_KIND_KEY, ISO_MAY_AS, &l.key, NAME);
	s.key = o.key = blob_of(&l);
	BOTH(ISO_E_ETYPE);
#undef BOTH
}

/* Another session's, also of the same user. */
static void
keys_stay_in_their_session(void **state)
{
	struct logon l = logon_with(0, 18);
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso_rep_session_open other;
	struct iso_req_krb_as_seal req = seal_req_of(&l);

	(void)state;
	assert_int_equal(iso_call(l.w.iso, ISO_OP_session_open, &open, &other), ISO_OK);
	req.session = other.session;
	req.generation = other.generation;
	assert_int_equal(as_seal(&l, &req, NULL), ISO_E_BLOB);
}

static void
guesses_cost_tokens(void **state)
{
	struct logon l = logon_with(0, 18);
	struct iso_req_krb_as_seal req = seal_req_of(&l);
	struct session *s = &l.w.iso->session[l.w.s.session];

	(void)state;
	l.w.iso->rate = 1;
	l.w.iso->burst = 2;
	s->millitokens = 2000;
	assert_int_equal(as_seal(&l, &req, NULL), ISO_OK);
	req.name = text("other");
	assert_int_equal(as_seal(&l, &req, NULL), ISO_E_OWNER); /* that cost one, too */
	req.name = text(NAME);
	assert_int_equal(as_seal(&l, &req, NULL), ISO_E_RATE);
	pass_ms(1000);
	assert_int_equal(as_seal(&l, &req, NULL), ISO_OK);
}

/* ---- krb_as_open */

/* Everything of the part is there but the key, and the blob has that. */
static void
reply_is_good(struct logon *l, const struct part_spec *part)
{
	struct body_spec hop = { .nonce = NONCE };
	struct rd want = d_part(part), body;
	struct tgs_part before, after;
	struct world w;

	assert_int_equal(opened.part.len, want.len);
	assert_int_equal(tgs_part_read(want, &before), ISO_OK);
	assert_int_equal(tgs_part_read((struct rd){ opened.part.at, want.len }, &after), ISO_OK);
	assert_int_equal(after.key.len, l->next.len);
	assert_memory_not_equal(after.key.at, l->next.octets, l->next.len);
	assert_false(contains(&opened, sizeof(opened), l->next.octets, 8));
	assert_false(contains(&opened, sizeof(opened), l->key.octets, 8));
	memcpy((uint8_t *)(uintptr_t)after.key.at, l->next.octets, l->next.len);
	assert_memory_equal(opened.part.at, want.at, want.len);
	w = with_ticket(l);
	body = d_body(&hop);
	assert_int_equal(seal(&w, body), ISO_OK);
	kdc_reads(&w, body);
}

static void
every_type(void **state)
{
	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		for (size_t n = 0; n < COUNT(etypes); n++) {
			struct logon l = logon_with(ISO_POLICY_RC4, etypes[e]);
			struct part_spec part;

			l.next = new_key(etypes[n]);
			part = part_of(&l);
			assert_int_equal(open_part(&l, &part), ISO_OK);
			assert_int_equal(opened.checked, 1);
			reply_is_good(&l, &part);
			/* the tag that RFC 4120 5.4.2 permits as well */
			part.tag = 0x7a;
			assert_int_equal(open_part(&l, &part), ISO_OK);
			reply_is_good(&l, &part);
		}
	}
}

/* With FAST: the reply key is made of two, and the checksum is under it. */
static void
strengthened(void **state)
{
	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		for (size_t n = 0; n < COUNT(etypes); n++) {
			struct logon l = logon_with(ISO_POLICY_RC4, etypes[e]);
			struct key more = new_key(etypes[n]);
			struct key reply = kdc_mix(&more, "strengthenkey", &l.key, "replykey");
			struct part_spec part = part_of(&l);
			struct iso_req_krb_as_open req;

			part.padata = word_for(&reply, text(REQUEST));
			req = open_req_of(&l, d_part(&part));
			req.cipher = kdc_encrypt(&reply, 3, d_part(&part));
			req.etype = etypes[n];
			assert_int_not_equal(as_open(&l, &req), ISO_OK); /* without it */
			req.strengthen_etype = etypes[n];
			req.strengthen = octets_of(&more);
			assert_int_equal(as_open(&l, &req), ISO_OK);
			assert_int_equal(opened.checked, 1);
			reply_is_good(&l, &part);
			more.octets[0] ^= 1;
			assert_int_equal(as_open(&l, &req), ISO_E_INTEGRITY);
			req.strengthen.len--;
			assert_int_equal(as_open(&l, &req), ISO_E_ETYPE);
			req.strengthen_etype = 1;
			assert_int_equal(as_open(&l, &req), ISO_E_ETYPE);
			/* the checksum under the long-term key is not it */
			more.octets[0] ^= 1;
			part.padata = word_for(&l.key, text(REQUEST));
			req.cipher = kdc_encrypt(&reply, 3, d_part(&part));
			req.strengthen_etype = etypes[n];
			req.strengthen = octets_of(&more);
			assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
		}
	}
}

/* What a ticket may be used for is in its name, and nothing else is kept. */
static void
uses(void **state)
{
	static const struct {
		const char *a, *b, *c;
		uint16_t may; /* 0: refused */
	} rows[] = {
		{ "krbtgt", "EXAMPLE.TEST", NULL, ISO_MAY_TGS | ISO_MAY_ARMOR },
		{ "krbtgt", "OTHER.TEST", NULL, ISO_MAY_TGS | ISO_MAY_ARMOR },
		{ "kadmin", "changepw", NULL, ISO_MAY_CHANGE },
		{ "kadmin", "admin", NULL, 0 },
		{ "kadmin", "changepwx", NULL, 0 },
		{ "kadmin", "changep", NULL, 0 },
		{ "KADMIN", "changepw", NULL, 0 },
		{ "kadmin", "changepw", "EXAMPLE.TEST", 0 },
		{ "kadmin", NULL, NULL, 0 },
		{ "krbtgt", NULL, NULL, 0 },
		{ "krbtgt", "EXAMPLE.TEST", "x", 0 },
		{ "KRBTGT", "EXAMPLE.TEST", NULL, 0 },
		{ "krbtgtx", "EXAMPLE.TEST", NULL, 0 },
		{ "host", "krbtgt", NULL, 0 },
		{ "host", "server.test", NULL, 0 },
		{ NULL, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct logon l = logon_with(0, 18);
		struct part_spec part = part_of(&l);
		struct body_spec hop = { .nonce = NONCE };
		struct iso_req_krb_armor armor = armor_req_of(&l);
		struct blob b;
		struct world w;

		part.sname = d_name(2, rows[i].a, rows[i].b, rows[i].c);
		assert_int_equal(open_part(&l, &part), rows[i].may ? ISO_OK : ISO_E_POLICY);
		if (rows[i].may == 0)
			continue;
		memcpy(&b, opened.blob.at, sizeof(b));
		assert_int_equal(b.kind, ISO_KIND_TGT);
		assert_int_equal(b.may, rows[i].may);
		assert_int_equal(b.etype, 18);
		w = with_ticket(&l);
		armor.blob = (struct rd){ opened.blob.at, opened.blob.len };
		assert_int_equal(seal(&w, d_body(&hop)),
				 rows[i].may & ISO_MAY_TGS ? ISO_OK : ISO_E_KIND);
		assert_int_equal(iso_call(w.iso, ISO_OP_krb_armor, &armor, NULL),
				 rows[i].may & ISO_MAY_ARMOR ? ISO_OK : ISO_E_KIND);
	}
}

/* The KDC's word for the request: right, absent, or it is no reply of ours. */
static void
requests_are_checked(void **state)
{
	struct logon l = logon_with(0, 18);
	struct part_spec good = part_of(&l), part = good;
	struct rd sum = d_raw(good.padata.at, good.padata.len);
	struct iso_req_krb_as_open req = open_req_of(&l, d_part(&good));
	uint8_t *octets = (uint8_t *)(uintptr_t)sum.at;

	(void)state;
	assert_int_equal(as_open(&l, &req), ISO_OK);
	assert_int_equal(opened.checked, 1);
	/* another request: changed, cut, none */
	req.request = text("an AS-REQ as it was senT");
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	req.request = (struct rd){ (const uint8_t *)REQUEST, sizeof(REQUEST) - 2 };
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	req.request.len = 0;
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	/* there without the flag: checked all the same */
	part.flags = 0;
	assert_int_equal(open_part(&l, &part), ISO_OK);
	assert_int_equal(opened.checked, 1);
	/* neither */
	part.padata.len = 0;
	assert_int_equal(open_part(&l, &part), ISO_OK);
	assert_int_equal(opened.checked, 0);
	part.padata = d_padata(165, text("four"));
	assert_int_equal(open_part(&l, &part), ISO_OK);
	assert_int_equal(opened.checked, 0);
	/* the flag without it: somebody took it away */
	part.flags = TGS_FLAG_ENC_PA_REP;
	assert_int_equal(open_part(&l, &part), ISO_E_MISMATCH);
	/* any octet of it, another type */
	part = good;
	part.padata = sum;
	for (size_t i = 0; i < sum.len; i++) {
		octets[i] ^= 4;
		assert_int_not_equal(open_part(&l, &part), ISO_OK);
		octets[i] ^= 4;
	}
	assert_int_equal(open_part(&l, &part), ISO_OK);
	part.padata = d_padata(
	    PA_CHECKSUM,
	    d_seq(d_join(2, d_ctx(0, d_int(7)), d_ctx(1, d_octets(text("0123456789ab"))))));
	assert_int_equal(open_part(&l, &part), ISO_E_MISMATCH);
	part.padata = d_padata(PA_CHECKSUM, (struct rd){ NULL, 0 });
	assert_int_equal(open_part(&l, &part), ISO_E_MISMATCH);
	part.padata = d_padata(
	    PA_CHECKSUM,
	    d_seq(d_join(2, d_ctx(0, d_int(16)), d_ctx(1, d_octets((struct rd){ NULL, 0 })))));
	assert_int_equal(open_part(&l, &part), ISO_E_MISMATCH);
}

static void
replies_are_judged(void **state)
{
	struct logon l = logon_with(0, 18);
	struct part_spec good = part_of(&l), part;
	struct iso_req_krb_as_open ok = open_req_of(&l, d_part(&good)), req = ok;
	uint8_t *octets = (uint8_t *)(uintptr_t)ok.cipher.at;

	(void)state;
	assert_int_equal(as_open(&l, &req), ISO_OK);
	req.nonce++;
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	req = ok;
	req.etype = 17;
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	req.etype = 0;
	assert_int_equal(as_open(&l, &req), ISO_E_MISMATCH);
	/* cut anywhere, and any octet */
	req = ok;
	for (req.cipher.len = 0; req.cipher.len < ok.cipher.len; req.cipher.len++)
		assert_int_equal(as_open(&l, &req), ISO_E_INTEGRITY);
	for (size_t i = 0; i < ok.cipher.len; i += 3) {
		octets[i] ^= 0x80;
		assert_int_equal(as_open(&l, &req), ISO_E_INTEGRITY);
		octets[i] ^= 0x80;
	}
	/* another usage: what a TGS-REP or a ticket is sealed under */
	req.cipher = kdc_encrypt(&l.key, 8, d_part(&good));
	assert_int_equal(as_open(&l, &req), ISO_E_INTEGRITY);
	req.cipher = kdc_encrypt(&l.key, 2, d_part(&good));
	assert_int_equal(as_open(&l, &req), ISO_E_INTEGRITY);
	/* no part at all */
	req.cipher = kdc_encrypt(&l.key, 3, text("not DER"));
	assert_int_equal(as_open(&l, &req), ISO_E_DER);
	/* a client that is none, though the ticket is good */
	req = ok;
	req.client.len--;
	assert_int_equal(as_open(&l, &req), ISO_E_DER);
	req.client.len = 0;
	assert_int_equal(as_open(&l, &req), ISO_E_DER);
	req = ok;
	req.skew = 86401;
	assert_int_equal(as_open(&l, &req), ISO_E_RANGE);
	req.skew = -86401;
	assert_int_equal(as_open(&l, &req), ISO_E_RANGE);
	/* a ticket that has ended, by the KDC's clock */
	part = good;
	part.endtime = TEST_NOW;
	assert_int_equal(open_part(&l, &part), ISO_E_EXPIRED);
	part.endtime = TEST_NOW + 10;
	assert_int_equal(open_part(&l, &part), ISO_OK);
	req = open_req_of(&l, d_part(&part));
	req.skew = 10;
	assert_int_equal(as_open(&l, &req), ISO_E_EXPIRED);
	/* a session key of a type that may not be used, or not as long as its type's */
	part = good;
	part.etype = 23;
	part.key.len = 16;
	assert_int_equal(open_part(&l, &part), ISO_E_ETYPE);
	part.etype = 17;
	part.key.len = 32;
	assert_int_equal(open_part(&l, &part), ISO_E_ETYPE);
	/* keys in encrypted-pa-data do not leave */
	part = good;
	part.padata = d_join(2, good.padata, d_padata(162, octets_of(&l.key)));
	assert_int_equal(open_part(&l, &part), ISO_OK);
	assert_false(contains(&opened, sizeof(opened), l.key.octets, 8));
	test_host.no_entropy = true;
	assert_int_equal(as_open(&l, &ok), ISO_E_ENTROPY);
	test_host.no_entropy = false;
}

/* The blob is that client's, and ends with the ticket. */
static void
whose_ticket(void **state)
{
	struct logon l = logon_with(0, 18);
	struct part_spec part = part_of(&l);
	struct iso_req_krb_as_open req;
	struct body_spec hop = { .nonce = NONCE };
	struct rd body = d_body(&hop);
	struct world w;

	(void)state;
	part.endtime = TEST_NOW + 600;
	req = open_req_of(&l, d_part(&part));
	req.client = d_join(2, d_ctx(1, d_text("EXAMPLE.TEST")),
			    d_ctx(2, d_name(1, "other", NULL, NULL)));
	assert_int_equal(as_open(&l, &req), ISO_OK);
	w = with_ticket(&l);
	assert_int_equal(seal(&w, body), ISO_E_OWNER);
	assert_int_equal(open_part(&l, &part), ISO_OK);
	w = with_ticket(&l);
	assert_int_equal(seal(&w, body), ISO_OK);
	pass_ms(599999);
	assert_int_equal(seal(&w, body), ISO_OK);
	pass_ms(1);
	assert_int_equal(seal(&w, body), ISO_E_EXPIRED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps),
		cmocka_unit_test(challenges),
		cmocka_unit_test(keys_are_judged),
		cmocka_unit_test(keys_stay_in_their_session),
		cmocka_unit_test(guesses_cost_tokens),
		cmocka_unit_test(every_type),
		cmocka_unit_test(strengthened),
		cmocka_unit_test(uses),
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(replies_are_judged),
		cmocka_unit_test(whose_ticket),
	};

	return cmocka_run_group_tests(tests, logon_setup, logon_teardown);
}
