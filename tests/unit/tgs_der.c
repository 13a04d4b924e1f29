/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the broker read exactly the KDC messages that are well-formed, and
 * write them so that they read back the same?
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

#include "lsass/tgs/der.h"
#include "tests/unit/tgs_vectors.h"

static const char *const requests[] = { "request-service", "request-cross", "request-u2u" };
static const char *const replies[] = { "reply-service", "reply-cross", "reply-u2u" };
static const char *const parts[] = { "part-service", "part-cross", "part-u2u" };

static struct rd
vector(const char *name)
{
	struct rd octets = vector_octets(name);

	assert_true(octets.len > 0);
	return octets;
}

static void
drop(struct rd octets)
{
	free((void *)(uintptr_t)octets.at);
}

static bool
inside(struct rd part, struct rd whole)
{
	return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static bool
equal(struct rd a, struct rd b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool
is(struct rd octets, const char *text)
{
	return octets.len == strlen(text) && memcmp(octets.at, text, octets.len) == 0;
}

/* How many padata of this type are in the list. */
static unsigned int
count_padata(struct rd list, uint8_t low, uint8_t high)
{
	unsigned int n = 0;
	struct der el;

	while (list.len != 0) {
		const uint8_t *at;

		assert_int_equal(der_next(&list, &el), 0);
		at = el.body.at; /* a1 len 02 len octets */
		n += at[3] == 1 ? high == 0 && at[4] == low : at[4] == high && at[5] == low;
	}
	return n;
}

/* ---- what is well-formed */

static void
test_requests(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct rd message = vector(requests[i]);
		struct der_tgs_req req;

		assert_int_equal(der_read_tgs_req(message, &req), 0);
		assert_true(inside(req.ticket, message) && inside(req.body, message));
		assert_true(inside(req.sealed.cipher, req.ticket));
		assert_int_equal(req.ticket.at[0], 0x61);
		assert_int_equal(req.body.at[0], 0x30);
		assert_int_equal(count_padata(req.padata, DER_PA_TGS_REQ, 0), 1);
		assert_int_equal(count_padata(req.padata, DER_PA_FX_FAST, 0), 1);
		drop(message);
	}
}

static void
test_make_request(void **state)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 200, 255, 256, 2000, 70000 };

	for (size_t i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct rd message = vector(requests[i % 3]);
		size_t n = sizes[i / 3], room = message.len + n + DER_TGS_SLACK;
		uint8_t *octets = calloc(1, n + 1), *buf = malloc(room);
		struct der_sealed auth = { 18, { octets, n } };
		struct der_tgs_req req, again;
		struct wr out = { buf, room };

		assert_non_null(octets);
		assert_non_null(buf);
		assert_int_equal(der_read_tgs_req(message, &req), 0);
		assert_int_equal(der_make_tgs_req(&req, &auth, &out), 0);
		assert_int_equal(der_read_tgs_req((struct rd){ out.at, out.left }, &again), 0);
		assert_true(equal(req.body, again.body));
		assert_true(equal(req.ticket, again.ticket));
		assert_int_equal(count_padata(again.padata, DER_PA_TGS_REQ, 0), 1);
		assert_int_equal(count_padata(again.padata, DER_PA_FX_FAST, 0), 0);
		assert_int_equal(out.at + out.left - buf, room);
		/* One octet too little room. */
		room = out.left - 1;
		out = (struct wr){ buf, room };
		assert_int_equal(der_make_tgs_req(&req, &auth, &out), -1);
		free(octets);
		free(buf);
		drop(message);
	}
}

static void
test_replies(void **state)
{
	static const uint8_t cipher[300] = { 1, 2, 3 };

	for (size_t i = 0; i < 3; i++) {
		struct rd message = vector(replies[i]);
		uint8_t buf[4096];
		struct wr out = { buf, sizeof(buf) };
		struct der_tgs_rep rep, again;
		struct der_sealed sealed, part = { -133, { cipher, sizeof(cipher) } };

		assert_int_equal(der_read_tgs_rep(message, &rep), 0);
		assert_true(inside(rep.ticket, message) && inside(rep.enc_part.cipher, message));
		assert_int_equal(rep.enc_part.etype, 18);
		assert_int_equal(der_read_ticket(rep.ticket, &sealed), 0);
		assert_int_equal(der_make_tgs_rep(&rep, &part, &out), 0);
		assert_int_equal(der_read_tgs_rep((struct rd){ out.at, out.left }, &again), 0);
		assert_true(equal(again.names, rep.names));
		assert_true(equal(again.enc_part.cipher, part.cipher));
		assert_int_equal(again.enc_part.etype, -133);
		drop(message);
	}
}

static void
test_parts(void **state)
{
	static const struct {
		const char *first, *second, *realm;
	} names[] = { { "HTTP", "localhost", "TEST.LOCAL" },
		      { "krbtgt", "OTHER.LOCAL", "TEST.LOCAL" },
		      { "bob", NULL, "TEST.LOCAL" } };

	for (size_t i = 0; i < 3; i++) {
		struct rd octets = vector(parts[i]);
		struct der_part part;

		assert_int_equal(der_read_part(octets, &part), 0);
		assert_int_equal(part.etype, 18);
		assert_int_equal(part.key.len, 32);
		assert_true(is(part.server.realm, names[i].realm));
		assert_true(is(part.server.comp[0], names[i].first));
		if (names[i].second != NULL)
			assert_true(is(part.server.comp[1], names[i].second));
		assert_int_equal(part.server.ncomp, names[i].second != NULL ? 2 : 1);
		assert_true(part.starttime == 0 || part.authtime <= part.starttime);
		assert_true(part.authtime < part.endtime && part.endtime < part.renew_till);
		if (i == 0) {
			assert_int_equal(part.authtime, 1795502658); /* 20261124064418Z */
			assert_int_equal(part.starttime, 0);
			assert_int_equal(part.endtime, 1795531458); /* 20261124144418Z */
		}
		assert_true(part.flags & 0x40000000); /* forwardable */
		drop(octets);
	}
}

/* ---- what is not */

enum kind { REQUEST, REPLY, PART };

static int
read_kind(enum kind kind, struct rd octets)
{
	struct der_tgs_req req;
	struct der_tgs_rep rep;
	struct der_part part;

	switch (kind) {
	case REQUEST:
		return der_read_tgs_req(octets, &req);
	case REPLY:
		return der_read_tgs_rep(octets, &rep);
	case PART:
		return der_read_part(octets, &part);
	}
	return 0;
}

/* A copy in memory of exactly n octets. */
static struct rd
copy(struct rd from, size_t n)
{
	uint8_t *at = malloc(n != 0 ? n : 1);

	assert_non_null(at);
	memcpy(at, from.at, n < from.len ? n : from.len);
	return (struct rd){ at, n };
}

static void
damage(enum kind kind, const char *name)
{
	struct rd whole = vector(name), other;

	for (size_t n = 0; n < whole.len; n++) {
		other = copy(whole, n);
		assert_int_equal(read_kind(kind, other), -1);
		drop(other);
	}
	other = copy(whole, whole.len + 1);
	((uint8_t *)(uintptr_t)other.at)[whole.len] = 0;
	assert_int_equal(read_kind(kind, other), -1);
	drop(other);
	/* A flipped bit: refused, or read within its bounds (the sanitizer looks). */
	for (size_t i = 0; i < whole.len * 8; i++) {
		other = copy(whole, whole.len);
		((uint8_t *)(uintptr_t)other.at)[i / 8] ^= (uint8_t)(1u << (i % 8));
		(void)read_kind(kind, other);
		if (i < 8 && !(kind == PART && other.at[0] == 0x79)) /* EncASRepPart is read too */
			assert_int_equal(read_kind(kind, other), -1);
		drop(other);
	}
	drop(whole);
}

static void
test_damage(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		damage(REQUEST, requests[i]);
		damage(REPLY, replies[i]);
		damage(PART, parts[i]);
	}
}

static void
test_wrong_message(void **state)
{
	struct rd request = vector(requests[0]), reply = vector(replies[0]);
	struct rd error = vector("error"), part = vector(parts[0]);

	assert_int_equal(error.at[0], DER_KRB_ERROR);
	for (int kind = REQUEST; kind <= PART; kind++) {
		assert_int_equal(read_kind((enum kind)kind, error), -1);
		assert_int_equal(read_kind((enum kind)kind, request), kind == REQUEST ? 0 : -1);
		assert_int_equal(read_kind((enum kind)kind, reply), kind == REPLY ? 0 : -1);
		assert_int_equal(read_kind((enum kind)kind, part), kind == PART ? 0 : -1);
	}
	drop(request);
	drop(reply);
	drop(error);
	drop(part);
}

/* X.690 10.1: the definite form, in the fewest octets. */
static void
test_lengths(void **state)
{
	static const struct {
		uint8_t len;
		uint8_t at[8];
		int result;
	} cases[] = {
		{ 2, { 0x04, 0x00 }, 0 },
		{ 3, { 0x04, 0x01, 0xff }, 0 },
		{ 0, { 0 }, -1 },
		{ 1, { 0x04 }, -1 },
		{ 2, { 0x04, 0x01 }, -1 },		     /* nothing there */
		{ 4, { 0x04, 0x81, 0x01, 0xff }, -1 },	     /* long form of a short length */
		{ 5, { 0x04, 0x82, 0x00, 0x01, 0xff }, -1 }, /* leading zero */
		{ 4, { 0x24, 0x80, 0x00, 0x00 }, -1 },	     /* indefinite */
		{ 3, { 0x04, 0x81, 0x80 }, -1 },	     /* more than there is */
		{ 6, { 0x04, 0x84, 0xff, 0xff, 0xff, 0xff }, -1 },
		{ 7, { 0x04, 0x85, 0x01, 0, 0, 0, 0 }, -1 }, /* length of five octets */
		{ 3, { 0x1f, 0x01, 0xff }, -1 },	     /* long tag */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rd in = copy((struct rd){ cases[i].at, cases[i].len }, cases[i].len);
		struct rd rest = in;
		struct der el;

		assert_int_equal(der_next(&rest, &el), cases[i].result);
		if (cases[i].result == 0)
			assert_int_equal(rest.len, 0);
		drop(in);
	}
}

/* More padata than the list has room for: refused, nothing overrun. */
static void
test_many_padata(void **state)
{
	static const uint8_t pa[] = { 0x30, 9, 0xa1, 3, 2, 1, 77, 0xa2, 2, 4, 0 };
	struct rd message = vector(requests[0]);
	uint8_t list[(DER_PADATA_MAX + 1) * sizeof(pa)], buf[8192];
	struct der_tgs_req req;
	struct der_sealed auth = { 18, { pa, sizeof(pa) } };
	struct wr out;

	for (size_t i = 0; i <= DER_PADATA_MAX; i++)
		memcpy(list + i * sizeof(pa), pa, sizeof(pa));
	assert_int_equal(der_read_tgs_req(message, &req), 0);
	for (size_t n = DER_PADATA_MAX; n <= DER_PADATA_MAX + 1; n++) {
		req.padata = (struct rd){ list, n * sizeof(pa) };
		out = (struct wr){ buf, sizeof(buf) };
		assert_int_equal(der_make_tgs_req(&req, &auth, &out), n > DER_PADATA_MAX ? -1 : 0);
	}
	drop(message);
}

/* What a client may have on the KDC's account stays; FOR-USER where it is said to be right. */
static void
test_which_padata_stay(void **state)
{
	/* 167 PA-PAC-OPTIONS, 129 FOR-USER, 130 S4U-X509-USER, 136 FX-FAST, 149 */
	static const uint8_t types[][2] = {
		{ 0, 167 }, { 0, 129 }, { 0, 130 }, { 0, 136 }, { 0, 149 }
	};
	struct rd message = vector(requests[0]);
	uint8_t list[256], buf[8192];
	struct der_sealed auth = { 18, { types[0], 2 } };
	struct der_tgs_req req, again;
	size_t n = 0;

	for (size_t i = 0; i < 5; i++) {
		const uint8_t pa[] = { 0x30,	    10,		 0xa1, 4, 2, 2,
				       types[i][0], types[i][1], 0xa2, 2, 4, 0 };

		memcpy(list + n, pa, sizeof(pa));
		n += sizeof(pa);
	}
	assert_int_equal(der_read_tgs_req(message, &req), 0);
	for (int keep = 0; keep < 2; keep++) {
		struct wr out = { buf, sizeof(buf) };
		struct rd made;
		size_t at = 0;

		req.for_user = keep == 1;
		req.padata = (struct rd){ list, n };
		assert_int_equal(der_make_tgs_req(&req, &auth, &out), 0);
		made = (struct rd){ out.at, out.left };
		assert_int_equal(der_read_tgs_req(made, &again), -1);
		for (size_t i = 0; i < 5; i++) {
			bool there = memmem(made.at, made.len, types[i], 2) != NULL;

			assert_int_equal(there, types[i][1] == 167 || types[i][1] == 149 ||
						    (keep == 1 && types[i][1] == 129));
			at += there;
		}
		assert_int_equal(at, 2 + (size_t)keep);
	}
	drop(message);
}

static void
test_bodies(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct rd message = vector(requests[i]), body, cut;
		struct der_tgs_req req;
		struct der_body is;

		assert_int_equal(der_read_tgs_req(message, &req), 0);
		body = req.body;
		assert_int_equal(der_read_body(body, &is), 0);
		assert_false(is.has_cname);
		assert_true(is.has_sname && is.sname.ncomp >= 1);
		assert_true(is.realm.len > 0 && inside(is.realm, body));
		assert_false(is.has_authdata);
		assert_int_equal(is.options & DER_OPT_FORWARDED, 0);
		for (size_t n = 0; n < body.len; n++) {
			uint8_t *copy = malloc(n + 1);

			assert_non_null(copy);
			memcpy(copy, body.at, n);
			cut = (struct rd){ copy, n };
			assert_int_equal(der_read_body(cut, &is), -1);
			free(copy);
		}
		drop(message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_padata_stay),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_make_request),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_wrong_message),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_many_padata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
