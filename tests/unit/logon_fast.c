/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is what goes to the KDC armoured as RFC 6113 section 5.4 says, and is
 * nothing believed that did not come back under the same key? This test is
 * the KDC; requests are made by libkrb5.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsass/logon/fast.h"
#include "lsass/tgs/der_fast.h"
#include "lsass/tgs/der_parts.h"

#define ROOM 4096

static const uint8_t ap_req[] = { DER_AP_REQ, 3, 'a', 'p', 'r' };
static const uint8_t info2[] = "not looked at";
static const uint8_t ticket[] = { DER_TICKET, 4, 't', 'i', 'c', 'k' };
static const uint8_t realm_of[] = { DER_GEN_STRING, 4, 'R', 'E', 'A', 'L' };

/* ---- the world: a source of one armour, a request, a KDC */

struct world {
	krb5_context ctx;
	krb5_keyblock key; /* of the armour */
	struct fast_source source;
	struct fast fast;
	struct as_armor hooks;
	krb5_data request; /* AS-REQ of libkrb5 */
	uint32_t nonce;
	/* how the source behaves, and what it was asked */
	int32_t code;
	bool known;
	int gets, drops;
	int32_t skew;
};

static int32_t
source_get(void *arg, krb5_context ctx, struct rd realm, int32_t skew, struct fast_armor *armor)
{
	struct world *w = arg;

	w->gets++;
	w->skew = skew;
	if (w->code != 0)
		return w->code;
	armor->etype = w->key.enctype;
	armor->len = w->key.length;
	memcpy(armor->key, w->key.contents, w->key.length);
	armor->known = w->known;
	armor->ap_req.at = malloc(sizeof(ap_req));
	armor->ap_req.len = sizeof(ap_req);
	memcpy(armor->ap_req.at, ap_req, sizeof(ap_req));
	return 0;
}

static void
source_drop(void *arg, struct rd realm)
{
	struct world *w = arg;

	w->drops++;
}

static void
make_request(struct world *w)
{
	krb5_init_creds_context icc;
	krb5_principal princ;
	krb5_data in = { 0 }, realm = { 0 };
	unsigned int flags;
	struct der_as_req req;

	assert_int_equal(krb5_parse_name(w->ctx, "alice@REALM", &princ), 0);
	assert_int_equal(krb5_init_creds_init(w->ctx, princ, NULL, NULL, 0, NULL, &icc), 0);
	assert_int_equal(krb5_init_creds_step(w->ctx, icc, &in, &w->request, &realm, &flags), 0);
	krb5_free_data_contents(w->ctx, &realm);
	krb5_init_creds_free(w->ctx, icc);
	krb5_free_principal(w->ctx, princ);
	assert_int_equal(der_read_as_req(creds_rd(&w->request), &req), 0);
	w->nonce = req.nonce;
}

static int
start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(krb5_init_context(&w->ctx), 0);
	assert_int_equal(krb5_c_make_random_key(w->ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &w->key),
			 0);
	make_request(w);
	w->source = (struct fast_source){ w, source_get, source_drop, false };
	w->fast = (struct fast){ .ctx = w->ctx, .source = &w->source };
	fast_hooks(&w->fast, &w->hooks);
	*state = w;
	return 0;
}

static int
stop(void **state)
{
	struct world *w = *state;

	fast_end(&w->fast);
	krb5_free_data_contents(w->ctx, &w->request);
	krb5_free_keyblock_contents(w->ctx, &w->key);
	krb5_free_context(w->ctx);
	free(w);
	return 0;
}

static const struct rd realm = { (const uint8_t *)"REALM", 5 };

static struct rd
rd_of(const struct creds_octets *octets)
{
	return (struct rd){ octets->at, octets->len };
}

static bool
equal(struct rd a, struct rd b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* The exchange begins with armour and its request is out. */
static void
begin(struct world *w, struct creds_octets *message)
{
	int32_t etype;
	struct rd key;

	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), 0);
	assert_int_equal(etype, w->key.enctype);
	assert_true(equal(key, (struct rd){ w->key.contents, w->key.length }));
	assert_int_equal(w->hooks.wrap(w->hooks.arg, creds_rd(&w->request), message), 0);
}

/* ---- the KDC's side of it */

/* What a response is to have, and to have wrong. */
struct answer {
	uint32_t nonce;
	bool error; /* PA-FX-ERROR in it, of this code */
	int32_t code;
	bool finished, strengthen;
	bool other_ticket; /* the checksum is of another */
	bool unkeyed;	   /* CRC-32 */
	bool flip;	   /* an octet of the cipher */
	bool e_data;	   /* the error has its own */
};

static void
put_string(struct back *b, uint8_t n, uint8_t tag, const void *octets, size_t len)
{
	size_t mark = b->at;

	back_put(b, octets, len);
	back_wrap(b, mark, tag);
	back_wrap(b, mark, DER_CONTEXT(n));
}

static void
put_pa(struct back *b, int32_t type, const void *octets, size_t len)
{
	size_t mark = b->at;

	put_string(b, 2, DER_OCTETS, octets, len);
	back_int(b, 1, type);
	back_wrap(b, mark, DER_SEQUENCE);
}

static void
put_name(struct back *b, uint8_t n, const char *name)
{
	size_t mark = b->at;

	back_put(b, name, strlen(name));
	back_wrap(b, mark, DER_GEN_STRING);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(1));
	back_int(b, 0, 1);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(n));
}

/* A KRB-ERROR; e_data may be NULL. */
static struct rd
make_error(uint8_t room[ROOM], int32_t code, const void *e_data, size_t len)
{
	struct back b = { room, ROOM, ROOM, false };
	struct wr out;

	if (e_data != NULL)
		put_string(&b, 12, DER_OCTETS, e_data, len);
	put_name(&b, 10, "krbtgt");
	put_string(&b, 9, DER_GEN_STRING, "REALM", 5);
	back_int(&b, 6, code);
	back_int(&b, 5, 0);
	put_string(&b, 4, DER_GEN_TIME, "20260101000000Z", 15);
	back_int(&b, 1, 30);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	back_wrap(&b, ROOM, DER_KRB_ERROR);
	assert_int_equal(back_done(&b, &out), 0);
	return (struct rd){ out.at, out.left };
}

static void
put_finished(struct back *b, struct world *w, const struct answer *an)
{
	krb5_data data = { .data = (char *)(uintptr_t)ticket, .length = sizeof(ticket) };
	krb5_checksum sum;
	size_t end = b->at, mark;

	data.length -= an->other_ticket;
	assert_int_equal(krb5_c_make_checksum(w->ctx, an->unkeyed ? CKSUMTYPE_SHA1 : 0, &w->key, 53,
					      &data, &sum),
			 0);
	mark = b->at;
	put_string(b, 1, DER_OCTETS, sum.contents, sum.length);
	back_int(b, 0, sum.checksum_type);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(4));
	krb5_free_checksum_contents(w->ctx, &sum);
	put_name(b, 3, "alice2");
	mark = b->at;
	back_put(b, realm_of, sizeof(realm_of));
	back_wrap(b, mark, DER_CONTEXT(2));
	back_int(b, 1, 5);
	put_string(b, 0, DER_GEN_TIME, "20260101000000Z", 15);
	back_wrap(b, end, DER_SEQUENCE);
	back_wrap(b, end, DER_CONTEXT(2));
}

/* KrbFastResponse */
static struct rd
make_response(struct world *w, const struct answer *an, uint8_t room[ROOM])
{
	struct back b = { room, ROOM, ROOM, false };
	uint8_t error_room[ROOM];
	struct rd error;
	struct wr out;
	size_t mark;

	back_int(&b, 3, (int32_t)an->nonce);
	if (an->finished)
		put_finished(&b, w, an);
	if (an->strengthen) {
		mark = b.at;
		put_string(&b, 1, DER_OCTETS, "0123456789abcdef", 16);
		back_int(&b, 0, 17);
		back_wrap(&b, mark, DER_SEQUENCE);
		back_wrap(&b, mark, DER_CONTEXT(1));
	}
	mark = b.at;
	put_pa(&b, DER_PA_ENCRYPTED_CHALLENGE, NULL, 0);
	put_pa(&b, DER_PA_FX_FAST, NULL, 0);
	put_pa(&b, DER_PA_ETYPE_INFO2, info2, sizeof(info2));
	if (an->error) {
		error = make_error(error_room, an->code, an->e_data ? "own" : NULL, 3);
		put_pa(&b, DER_PA_FX_ERROR, error.at, error.len);
	}
	back_wrap(&b, mark, DER_SEQUENCE);
	back_wrap(&b, mark, DER_CONTEXT(0));
	back_wrap(&b, ROOM, DER_SEQUENCE);
	assert_int_equal(back_done(&b, &out), 0);
	return (struct rd){ out.at, out.left };
}

/* SEQUENCE OF PA-DATA with the response sealed. */
static struct rd
make_list(struct world *w, const struct answer *an, uint8_t room[ROOM])
{
	struct back b = { room, ROOM, ROOM, false };
	uint8_t plain_room[ROOM], cipher[ROOM];
	krb5_data plain = creds_data(make_response(w, an, plain_room));
	krb5_enc_data enc = { .ciphertext = { .data = (char *)cipher, .length = ROOM } };
	struct der_sealed sealed;
	struct wr out;

	assert_int_equal(krb5_c_encrypt(w->ctx, &w->key, 52, NULL, &plain, &enc), 0);
	cipher[20] ^= an->flip;
	sealed.etype = enc.enctype;
	sealed.cipher = creds_rd(&enc.ciphertext);
	back_sealed(&b, 0, &sealed);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	back_wrap(&b, ROOM, DER_CONTEXT(0));
	back_wrap(&b, ROOM, DER_OCTETS);
	back_wrap(&b, ROOM, DER_CONTEXT(2));
	back_int(&b, 1, DER_PA_FX_FAST);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	assert_int_equal(back_done(&b, &out), 0);
	return (struct rd){ out.at, out.left };
}

static struct rd
make_armored_error(struct world *w, const struct answer *an, uint8_t room[ROOM])
{
	uint8_t list_room[ROOM];
	struct rd list = make_list(w, an, list_room);

	return make_error(room, an->code, list.at, list.len);
}

/* AS-REP; list is NULL: without padata. */
static struct rd
make_reply(uint8_t room[ROOM], const struct rd *list)
{
	static const struct der_sealed part = { 18, { (const uint8_t *)"sealed", 6 } };
	struct back b = { room, ROOM, ROOM, false };
	struct wr out;
	size_t mark;

	back_sealed(&b, 6, &part);
	mark = b.at;
	back_put(&b, ticket, sizeof(ticket));
	back_wrap(&b, mark, DER_CONTEXT(5));
	put_name(&b, 4, "hidden");
	put_string(&b, 3, DER_GEN_STRING, "HIDDEN", 6);
	if (list != NULL) {
		mark = b.at;
		back_put(&b, list->at, list->len);
		back_wrap(&b, mark, DER_CONTEXT(2));
	}
	back_int(&b, 1, 11);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	back_wrap(&b, ROOM, DER_AS_REP);
	assert_int_equal(back_done(&b, &out), 0);
	return (struct rd){ out.at, out.left };
}

/* ---- requests */

static void
open_request(struct world *w, struct rd value, struct rd body, uint8_t room[ROOM], krb5_data *inner)
{
	struct der el, seq, part, sum_seq, sum_octets;
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA };
	krb5_checksum sum = { .magic = KV5M_CHECKSUM };
	krb5_data data = creds_data(body);
	struct der_sealed sealed;
	krb5_boolean valid = FALSE;

	assert_int_equal(der_only(value, DER_CONTEXT(0), &el), 0);
	assert_int_equal(der_only(el.body, DER_SEQUENCE, &seq), 0);
	assert_int_equal(der_field(&seq.body, 0, DER_SEQUENCE, &part), 0);
	assert_int_equal(der_field_is(&part.body, 0, 1), 0); /* FX_FAST_ARMOR_AP_REQUEST */
	assert_int_equal(der_field(&part.body, 1, DER_OCTETS, &el), 0);
	assert_true(equal(el.body, (struct rd){ ap_req, sizeof(ap_req) }));
	assert_int_equal(der_field(&seq.body, 1, DER_SEQUENCE, &sum_seq), 0);
	assert_int_equal(der_field_int(&sum_seq.body, 0, &sum.checksum_type), 0);
	assert_int_equal(der_field(&sum_seq.body, 1, DER_OCTETS, &sum_octets), 0);
	assert_int_equal(der_field_sealed(&seq.body, 2, &sealed), 0);
	assert_int_equal(seq.body.len, 0);
	sum.contents = (krb5_octet *)(uintptr_t)sum_octets.body.at;
	sum.length = (unsigned int)sum_octets.body.len;
	assert_int_equal(krb5_c_verify_checksum(w->ctx, &w->key, 50, &data, &sum, &valid), 0);
	assert_true(valid);
	enc.enctype = sealed.etype;
	enc.ciphertext = creds_data(sealed.cipher);
	*inner = (krb5_data){ .data = (char *)room, .length = ROOM };
	assert_int_equal(krb5_c_decrypt(w->ctx, &w->key, 51, NULL, &enc, inner), 0);
}

static void
test_request(void **state)
{
	struct world *w = *state;
	struct creds_octets message = { 0 };
	struct der_as_req plain, outer;
	uint8_t room[ROOM];
	struct der seq, el;
	krb5_data inner;
	struct rd value, all;
	int32_t type;

	begin(w, &message);
	assert_int_equal(der_read_as_req(creds_rd(&w->request), &plain), 0);
	assert_int_equal(der_read_as_req(rd_of(&message), &outer), 0);
	assert_true(equal(plain.body, outer.body));
	assert_int_equal(der_take_padata(&outer.padata, &type, &value, &all), 0);
	assert_int_equal(type, DER_PA_FX_FAST);
	assert_int_equal(outer.padata.len, 0);
	open_request(w, value, outer.body, room, &inner);
	assert_int_equal(der_only(creds_rd(&inner), DER_SEQUENCE, &seq), 0);
	assert_int_equal(der_field(&seq.body, 0, DER_BIT_STRING, &el), 0);
	assert_int_equal(el.body.len, 5);
	assert_int_equal(der_field(&seq.body, 1, DER_SEQUENCE, &el), 0);
	assert_true(plain.padata.len != 0);
	assert_true(equal(el.body, plain.padata));
	assert_int_equal(der_field(&seq.body, 2, DER_SEQUENCE, &el), 0);
	assert_true(equal(el.all, plain.body));
	assert_int_equal(seq.body.len, 0);
	creds_free(&message);
	assert_int_not_equal(w->hooks.wrap(w->hooks.arg, (struct rd){ ap_req, 5 }, &message), 0);
}

/* One armour for one conversation: of the same realm and clock. */
static void
test_one_armor(void **state)
{
	struct world *w = *state;
	struct rd other = { (const uint8_t *)"OTHER", 5 }, key;
	int32_t etype;

	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), 0);
	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), 0);
	assert_int_equal(w->gets, 1);
	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, -500, &etype, &key), 0);
	assert_int_equal(w->gets, 2);
	assert_int_equal(w->skew, -500);
	assert_int_equal(w->hooks.begin(w->hooks.arg, other, -500, &etype, &key), 0);
	assert_int_equal(w->gets, 3);
}

static void
test_no_armor(void **state)
{
	static const int32_t fatal[] = { KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE };
	struct world *w = *state;
	struct rd key;
	int32_t etype = -1;

	for (size_t i = 0; i < 2; i++) {
		w->code = fatal[i];
		assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), fatal[i]);
	}
	w->code = KRB5_KT_NOTFOUND;
	w->source.must = true;
	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key),
			 KRB5_ERR_FAST_REQUIRED);
	w->source.must = false;
	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), 0);
	assert_int_equal(etype, 0);
}

/* ---- errors */

static void
test_armored_error(void **state)
{
	struct world *w = *state;
	struct answer an = { .nonce = w->nonce, .error = true, .code = 25 };
	struct creds_octets message = { 0 }, plain = { 0 };
	uint8_t room[ROOM];
	struct der_error error;
	struct rd list, value;

	begin(w, &message);
	assert_int_equal(w->hooks.error(w->hooks.arg, make_armored_error(w, &an, room), &plain), 0);
	assert_int_equal(der_read_error(rd_of(&plain), &error), 0);
	assert_int_equal(error.code, 25);
	assert_int_equal(der_read_method_data(error.data, &list), 0);
	assert_true(der_find_padata(list, DER_PA_ETYPE_INFO2, &value));
	assert_true(equal(value, (struct rd){ info2, sizeof(info2) }));
	assert_true(der_find_padata(list, DER_PA_ENCRYPTED_CHALLENGE, &value));
	assert_false(der_find_padata(list, DER_PA_FX_FAST, &value));
	assert_false(der_find_padata(list, DER_PA_FX_ERROR, &value));
	creds_free(&plain);
	/* What Windows adds stays, and the code is the inner one. */
	an.code = 18;
	an.e_data = true;
	assert_int_equal(w->hooks.error(w->hooks.arg, make_armored_error(w, &an, room), &plain), 0);
	assert_int_equal(der_read_error(rd_of(&plain), &error), 0);
	assert_int_equal(error.code, 18);
	assert_true(equal(error.data, (struct rd){ (const uint8_t *)"own", 3 }));
	assert_false(w->fast.again);
	creds_free(&plain);
	creds_free(&message);
}

static void
test_false_error(void **state)
{
	struct world *w = *state;
	const struct answer right = { .nonce = w->nonce, .error = true, .code = 25 };
	struct creds_octets message = { 0 }, plain = { 0 };
	uint8_t room[ROOM];
	struct answer an;
	struct rd made;

	begin(w, &message);
	for (int i = 0; i < 3; i++) {
		an = right;
		an.flip = i == 0;
		an.nonce += i == 1;
		an.error = i != 2;
		made = make_armored_error(w, &an, room);
		assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), KRB5_KDCREP_MODIFIED);
		creds_free(&plain);
	}
	made = make_armored_error(w, &right, room);
	for (size_t n = 0; n < made.len; n++) {
		(void)w->hooks.error(w->hooks.arg, (struct rd){ made.at, n }, &plain);
		assert_null(plain.at);
	}
	creds_free(&message);
}

/* Without armour: fall back only where that is allowed, believe nothing but the code. */
static void
test_unarmored_error(void **state)
{
	struct world *w = *state;
	struct creds_octets message = { 0 }, plain = { 0 };
	uint8_t room[ROOM], list_room[ROOM];
	struct back b = { list_room, ROOM, ROOM, false };
	struct der_error error;
	struct rd made, key;
	int32_t etype;

	put_pa(&b, DER_PA_ETYPE_INFO2, info2, sizeof(info2));
	put_pa(&b, DER_PA_FX_FAST, NULL, 0);
	back_wrap(&b, ROOM, DER_SEQUENCE);
	begin(w, &message);
	creds_free(&message);
	made = make_error(room, 6, list_room + b.at, ROOM - b.at);
	assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), 0);
	assert_int_equal(der_read_error(rd_of(&plain), &error), 0);
	assert_int_equal(error.code, 6);
	assert_int_equal(error.data.len, 0);
	assert_false(w->fast.again);
	creds_free(&plain);
	made = make_error(room, 32, NULL, 0);
	assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), 0);
	assert_true(w->fast.again);
	creds_free(&plain);

	made = make_error(room, 25, list_room + b.at, ROOM - b.at);
	w->source.must = true;
	assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), KRB5_ERR_FAST_REQUIRED);
	w->source.must = false;
	w->fast.armor.known = true;
	assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), KRB5_ERR_FAST_REQUIRED);
	w->fast.armor.known = false;
	assert_int_equal(w->hooks.error(w->hooks.arg, made, &plain), 0);
	assert_true(equal(rd_of(&plain), made));
	creds_free(&plain);
	assert_int_equal(w->hooks.begin(w->hooks.arg, realm, 0, &etype, &key), 0);
	assert_int_equal(etype, 0);
}

/* ---- replies */

static void
test_reply(void **state)
{
	struct world *w = *state;
	struct answer an = { .nonce = w->nonce, .finished = true, .strengthen = true };
	struct creds_octets message = { 0 }, plain = { 0 };
	uint8_t room[ROOM], list_room[ROOM];
	struct rd list = make_list(w, &an, list_room), key, value;
	struct der_as_rep rep;
	int32_t etype;

	begin(w, &message);
	assert_int_equal(
	    w->hooks.reply(w->hooks.arg, make_reply(room, &list), &plain, &etype, &key), 0);
	assert_int_equal(etype, 17);
	assert_true(equal(key, (struct rd){ (const uint8_t *)"0123456789abcdef", 16 }));
	assert_int_equal(der_read_as_rep(rd_of(&plain), &rep), 0);
	assert_true(equal(rep.client.realm, (struct rd){ realm_of + 2, 4 }));
	assert_int_equal(rep.client.ncomp, 1);
	assert_true(equal(rep.client.comp[0], (struct rd){ (const uint8_t *)"alice2", 6 }));
	assert_true(equal(rep.ticket, (struct rd){ ticket, sizeof(ticket) }));
	assert_true(equal(rep.enc_part.cipher, (struct rd){ (const uint8_t *)"sealed", 6 }));
	assert_int_equal(rep.enc_part.etype, 18);
	assert_true(der_find_padata(rep.padata, DER_PA_ETYPE_INFO2, &value));
	assert_false(der_find_padata(rep.padata, DER_PA_FX_FAST, &value));
	creds_free(&plain);
	an.strengthen = false;
	list = make_list(w, &an, list_room);
	assert_int_equal(
	    w->hooks.reply(w->hooks.arg, make_reply(room, &list), &plain, &etype, &key), 0);
	assert_int_equal(etype, 0);
	creds_free(&plain);
	creds_free(&message);
}

static void
test_false_reply(void **state)
{
	struct world *w = *state;
	const struct answer right = { .nonce = w->nonce, .finished = true, .strengthen = true };
	struct creds_octets message = { 0 }, plain = { 0 };
	uint8_t room[ROOM], list_room[ROOM];
	struct rd list, key, made;
	struct answer an;
	int32_t etype;

	begin(w, &message);
	for (int i = 0; i < 5; i++) {
		an = right;
		an.flip = i == 0;
		an.nonce += i == 1;
		an.finished = i != 2;
		an.other_ticket = i == 3;
		an.unkeyed = i == 4;
		list = make_list(w, &an, list_room);
		made = make_reply(room, &list);
		assert_int_not_equal(w->hooks.reply(w->hooks.arg, made, &plain, &etype, &key), 0);
		assert_null(plain.at);
		assert_int_equal(etype, 0);
	}
	list = make_list(w, &right, list_room);
	made = make_reply(room, &list);
	for (size_t n = 0; n < made.len; n++) {
		assert_int_not_equal(
		    w->hooks.reply(w->hooks.arg, (struct rd){ made.at, n }, &plain, &etype, &key),
		    0);
		assert_null(plain.at);
	}
	/* Nothing of FAST in it. */
	made = make_reply(room, NULL);
	w->source.must = true;
	assert_int_equal(w->hooks.reply(w->hooks.arg, made, &plain, &etype, &key),
			 KRB5_ERR_FAST_REQUIRED);
	w->source.must = false;
	assert_int_equal(w->hooks.reply(w->hooks.arg, made, &plain, &etype, &key), 0);
	assert_true(equal(rd_of(&plain), made));
	assert_true(w->fast.plain);
	creds_free(&plain);
	creds_free(&message);
}

/* The ticket that armour is made with is found; whatever else it is, nothing is. */
static void
test_armor_ticket(void **state)
{
	static const uint8_t body[] = { DER_SEQUENCE, 5, DER_CONTEXT(7), 3, DER_INTEGER, 1, 5 };
	static const struct der_checksum sum = { 16, { (const uint8_t *)"sum", 3 } };
	static const struct der_sealed sealed = { 18, { (const uint8_t *)"sealed", 6 } };
	uint8_t ap_room[ROOM], room[ROOM];
	struct wr ap = { ap_room, ROOM }, out = { room, ROOM };
	struct der_as_req req;
	struct rd value, found, part;

	(void)state;
	assert_int_equal(der_make_ap_req(0, (struct rd){ ticket, sizeof(ticket) }, &sealed, &ap),
			 0);
	assert_int_equal(der_make_fast_as_req((struct rd){ body, sizeof(body) },
					      (struct rd){ ap.at, ap.left }, &sum, &sealed, &out),
			 0);
	assert_int_equal(der_read_as_req((struct rd){ out.at, out.left }, &req), 0);
	assert_true(der_find_padata(req.padata, DER_PA_FX_FAST, &value));
	assert_int_equal(der_read_fast_armor(value, &found), 0);
	assert_int_equal(found.len, sizeof(ticket));
	assert_memory_equal(found.at, ticket, sizeof(ticket));
	for (part = value; part.len-- > 0;)
		assert_int_equal(der_read_fast_armor(part, &found), -1);
	assert_int_equal(der_read_fast_armor((struct rd){ ap.at, ap.left }, &found), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_request, start, stop),
		cmocka_unit_test_setup_teardown(test_one_armor, start, stop),
		cmocka_unit_test_setup_teardown(test_no_armor, start, stop),
		cmocka_unit_test_setup_teardown(test_armored_error, start, stop),
		cmocka_unit_test_setup_teardown(test_false_error, start, stop),
		cmocka_unit_test_setup_teardown(test_unarmored_error, start, stop),
		cmocka_unit_test_setup_teardown(test_reply, start, stop),
		cmocka_unit_test_setup_teardown(test_false_reply, start, stop),
		cmocka_unit_test(test_armor_ticket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
