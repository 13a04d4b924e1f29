/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a credential read as it was written, and nothing else as a credential? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lsass_host.h"

static const struct spec full = { .client = "alice/admin@REALM.TEST",
				  .server = "host/a.b@REALM.TEST",
				  .key = 7,
				  .end = 1000,
				  .renew = 2000,
				  .flags = 0x40810000,
				  .is_skey = true,
				  .ticket = "the ticket",
				  .second = "the other" };

static void
cred_is_read_whole(void **state)
{
	struct made ma = make_cred(&full);
	struct rd in = made_rd(&ma);
	struct wire_cred wc;

	assert_int_equal(wire_cred(&in, &wc), 0);
	assert_int_equal(in.len, 0);
	assert_int_equal(wc.client.ncomp, 2);
	assert_true(wire_is(wc.client.comp[1], "admin"));
	assert_true(wire_is(wc.server.realm, "REALM.TEST"));
	assert_int_equal(wc.etype, 18);
	assert_int_equal(wc.key.len, 32);
	assert_int_equal(wc.endtime, 1000);
	assert_int_equal(wc.renew_till, 2000);
	assert_true(wc.is_skey);
	assert_int_equal(wc.flags, 0x40810000);
	assert_int_equal(wc.addresses.len, 4);
	assert_true(wire_is(wc.ticket, "the ticket"));
	assert_true(wire_is(wc.second_ticket, "the other"));
}

/* Copied to memory of exactly that size, so that a sanitizer sees a read beyond it. */
static void
every_short_cred_is_refused(void **state)
{
	struct made ma = make_cred(&full);

	for (size_t n = 0; n < ma.len; n++) {
		uint8_t *copy = malloc(n + 1);
		struct rd in = { copy, n };
		struct wire_cred wc;

		memcpy(copy, ma.at, n);
		assert_int_equal(wire_cred(&in, &wc), -1);
		free(copy);
	}
}

static void
every_short_match_is_refused(void **state)
{
	struct made ma = make_match(
	    &(struct spec){ .client = "a@R", .server = "b/c@R", .etype = 17, .second = "xyz" });

	for (size_t n = 0; n <= ma.len; n++) {
		uint8_t *copy = malloc(n + 1);
		struct rd in = { copy, n };
		struct wire_cred wc;

		memcpy(copy, ma.at, n);
		assert_int_equal(wire_mcred(&in, &wc), n == ma.len ? 0 : -1);
		free(copy);
	}
}

static void
match_parts_are_as_the_header_says(void **state)
{
	struct made ma = { 0 };
	struct rd in;
	struct wire_cred wc;

	add_u32(&ma, 0x60); /* addresses and authorization data only, in that order */
	for (int i = 0; i < 4; i++)
		add_u32(&ma, 0);
	add_u8(&ma, 0);
	add_u32(&ma, 0);
	add_u32(&ma, 0);
	add_u32(&ma, 1);
	add_raw(&ma, "\0\1\0\0\0\1x", 7);
	in = made_rd(&ma);
	assert_int_equal(wire_mcred(&in, &wc), 0);
	assert_int_equal(wc.addresses.len, 4);
	assert_int_equal(wc.authdata.len, 11);
	assert_int_equal(wc.server.octets.len, 0);
	assert_int_equal(wc.ticket.len, 0);
}

static void
too_many_components_are_refused(void **state)
{
	for (uint32_t n = WIRE_COMPONENTS_MAX; n <= WIRE_COMPONENTS_MAX + 1; n++) {
		struct made ma = { 0 };
		struct wire_princ pr;
		struct rd in;

		add_u32(&ma, 1);
		add_u32(&ma, n);
		add_data(&ma, "R", 1);
		for (uint32_t i = 0; i < n; i++)
			add_data(&ma, "c", 1);
		in = made_rd(&ma);
		assert_int_equal(wire_princ(&in, &pr), n <= WIRE_COMPONENTS_MAX ? 0 : -1);
	}
}

static void
names_end_with_nul(void **state)
{
	struct rd in = { (const uint8_t *)"abc\0d", 5 }, name, none = { NULL, 0 };

	assert_int_equal(wire_name(&in, &name), 0);
	assert_true(wire_is(name, "abc"));
	assert_int_equal(in.len, 1);
	assert_int_equal(wire_name(&in, &name), -1);
	assert_int_equal(wire_name(&none, &name), -1);
}

static struct wire_princ
princ(struct made *ma, const char *text)
{
	struct wire_princ pr;
	struct rd in;

	*ma = make_princ(text);
	in = made_rd(ma);
	assert_int_equal(wire_princ(&in, &pr), 0);
	return pr;
}

static void
equal_means_realm_and_components(void **state)
{
	struct made a, b;
	struct wire_princ pa = princ(&a, "host/x@R"), pb = princ(&b, "host/x@R");

	pb.type = 3;
	assert_true(wire_princ_equal(&pa, &pb));
	assert_true(wire_princ_hash(&pa) == wire_princ_hash(&pb));
	pb = princ(&b, "host/x@S");
	assert_false(wire_princ_equal(&pa, &pb));
	assert_true(wire_princ_same_name(&pa, &pb));
	pb = princ(&b, "host/xy@R");
	assert_false(wire_princ_equal(&pa, &pb));
	pb = princ(&b, "host@R");
	assert_false(wire_princ_equal(&pa, &pb));
}

static void
text_quotes_what_must_be(void **state)
{
	struct made ma = { 0 };
	struct wire_princ pr;
	struct rd in;
	char text[64], tight[6];

	add_u32(&ma, 1);
	add_u32(&ma, 2);
	add_data(&ma, "R", 1);
	add_data(&ma, "a/b@c\\", 6);
	add_data(&ma, "\n\0", 2);
	in = made_rd(&ma);
	assert_int_equal(wire_princ(&in, &pr), 0);
	wire_princ_text(&pr, text, sizeof(text));
	assert_string_equal(text, "a\\/b\\@c\\\\/\\n\\0@R");
	wire_princ_text(&pr, tight, sizeof(tight));
	assert_int_equal(strlen(tight), 5);
}

static void
tgt_class_by_name(void **state)
{
	static const struct {
		const char *server;
		bool is_skey, tgt;
	} rows[] = {
		{ "krbtgt/R@R", false, true },
		{ "krbtgt/OTHER@R", false, true },
		{ "KrbTgt/R@R", false, true },
		{ "host/xkrbtgtx@R", false, true },
		{ "krbtgt@R", false, true },
		{ "krbtgt@R", true, true },
		{ "kadmin/changepw@R", false, true },
		{ "alice@R", false, true },
		{ "alice@R", true, false },
		{ "@R", false, true },
		{ "host/a\\b@R", false, true },
		{ "host/\xc3\xa9@R", false, true },
		{ "host/a@R", false, false },
		{ "http/a.b:80@R", false, false },
		{ "krb5_ccache_conf_data/pa_type/krbtgt@X-CACHECONF:", false, false },
		{ "krb5_ccache_conf_data/pa_type/krbtgt@R", false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made ma;
		struct wire_princ pr = princ(&ma, rows[i].server);

		if (wire_is_tgt_class(&pr, rows[i].is_skey) != rows[i].tgt)
			fail_msg("%s", rows[i].server);
	}
}

static void
client_der_is_rfc4120(void **state)
{
	static const uint8_t expected[] = { 0xa1, 0x03, 0x1b, 0x01, 'R',  0xa2, 0x13, 0x30, 0x11,
					    0xa0, 0x03, 0x02, 0x01, 0x01, 0xa1, 0x0a, 0x30, 0x08,
					    0x1b, 0x01, 'a',  0x1b, 0x03, 'b',	'b',  'b' };
	struct made ma;
	struct wire_princ pr = princ(&ma, "a/bbb@R");
	uint8_t der[64];

	pr.type = 0;
	assert_int_equal(wire_client_der(&pr, der, sizeof(der)), sizeof(expected));
	assert_memory_equal(der, expected, sizeof(expected));
	for (size_t n = 0; n < sizeof(expected); n++)
		assert_int_equal(wire_client_der(&pr, der, n), 0);
	pr.type = -129;
	assert_int_equal(wire_client_der(&pr, der, sizeof(der)), sizeof(expected) + 1);
	assert_memory_equal(der + 9, "\xa0\x04\x02\x02\xff\x7f", 6);
}

static void
long_names_have_long_lengths(void **state)
{
	char text[600];
	struct made ma;
	struct wire_princ pr;
	uint8_t der[1024];
	size_t n;

	memset(text, 'x', sizeof(text));
	memcpy(text + 500, "@R", 3);
	pr = princ(&ma, text);
	n = wire_client_der(&pr, der, sizeof(der));
	assert_int_equal(n, 5 + 4 + 4 + 5 + 4 + 4 + 4 + 500);
	assert_memory_equal(der + n - 504, "\x1b\x82\x01\xf4xx", 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cred_is_read_whole),
		cmocka_unit_test(every_short_cred_is_refused),
		cmocka_unit_test(every_short_match_is_refused),
		cmocka_unit_test(match_parts_are_as_the_header_says),
		cmocka_unit_test(too_many_components_are_refused),
		cmocka_unit_test(names_end_with_nul),
		cmocka_unit_test(equal_means_realm_and_components),
		cmocka_unit_test(text_quotes_what_must_be),
		cmocka_unit_test(tgt_class_by_name),
		cmocka_unit_test(client_der_is_rfc4120),
		cmocka_unit_test(long_names_have_long_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
