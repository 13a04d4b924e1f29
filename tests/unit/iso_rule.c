/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose key may leave? Every row of the rule for TGT-class tickets, the name
 * that was asked for, and PA-DATA that carries keys.
 */
#include "iso_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "tgs.h"

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
		{ 0, "host", "server.test", NULL, 0, ISO_RELEASED }, /* a hint that is none */
		{ 0, "krbtgt", "EXAMPLE.TEST", NULL, 0, ISO_WITHHELD },
		{ 0, "kadmin", "changepw", NULL, 0, ISO_WITHHELD },
		{ 0, "host", NULL, NULL, 0, ISO_WITHHELD },
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

/*
 * A TGT that is forwarded leaves with the policy, the option alone, the flag
 * and the name of its own realm; of all other combinations none does.
 */
static void
forwarded(void **state)
{
	static const uint32_t others[] = { TGS_OPT_PROXY, TGS_OPT_RENEW, TGS_OPT_VALIDATE,
					   TGS_OPT_CNAME_IN_ADDL_TKT, TGS_OPT_ENC_TKT_IN_SKEY };
	static const struct {
		const char *a, *b, *c;
		bool own;
	} names[] = {
		{ "krbtgt", "EXAMPLE.TEST", NULL, true },
		{ "krbtgt", "OTHER.TEST", NULL, false },
		{ "krbtgt", "example.test", NULL, false },
		{ "krbtgt", "EXAMPLE.TES", NULL, false },
		{ "krbtgt", "EXAMPLE.TESTS", NULL, false },
		{ "krbtgt", "", NULL, false },
		{ "KRBTGT", "EXAMPLE.TEST", NULL, false },
		{ "krbtgt", NULL, NULL, false },
		{ "krbtgt", "EXAMPLE.TEST", "EXAMPLE.TEST", false },
		{ "krbtgt/EXAMPLE.TEST", NULL, NULL, false },
		{ "kadmin", "changepw", NULL, false },
		{ "host", "server.test", NULL, false },
	};
	struct world w = world_with(ISO_POLICY_ALL, 18);
	struct iso_rep_krb_tgs_open rep;
	unsigned int left = 0, tried = 0;

	(void)state;
	for (uint32_t how = 0; how < 1u << (COUNT(others) + 2); how++) {
		const bool asked = (how & 1) != 0, marked = (how & 2) != 0;
		struct body_spec body = { .options = TGS_OPTION(1) |
						     (asked ? TGS_OPT_FORWARDED : 0) };
		struct part_spec part = { .flags = TGS_OPTION(1) |
						   (marked ? TGS_FLAG_FORWARDED : 0) };

		for (size_t i = 0; i < COUNT(others); i++)
			body.options |= (how & 4u << i) != 0 ? others[i] : 0;
		for (size_t i = 0; i < COUNT(names); i++) {
			bool may = how == 3 && names[i].own;
			bool service = (body.options & (TGS_OPT_FORWARDED | TGS_OPT_TGT_CLASS)) ==
					   0 &&
				       strcmp(names[i].a, "host") == 0;

			part.sname = d_name(2, names[i].a, names[i].b, names[i].c);
			assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
			if (contains(&rep, sizeof(rep), service_key, 8) != (may || service) ||
			    (rep.verdict == ISO_RELEASED) != (may || service) ||
			    (rep.blob.len == 0) != (may || service))
				fail_msg("options %x, flag %d, name %zu", body.options, marked, i);
			assert_int_equal(w.iso->used[(w.iso->records - 1) % ISO_RECORDS].of.verdict,
					 may	   ? RECORD_FORWARDED
					 : service ? ISO_RELEASED
						   : ISO_WITHHELD);
			left += may;
			tried++;
		}
		d_reset();
	}
	assert_int_equal(left, 1);
	assert_int_equal(tried, COUNT(names) << (COUNT(others) + 2));
}

/* Without the policy it is not even asked for, and does not leave if it comes. */
static void
not_forwarded_by_default(void **state)
{
	struct world w = world_with(ISO_POLICY_ALL & ~ISO_POLICY_FORWARDED, 18);
	struct body_spec body = { .nonce = NONCE, .options = TGS_OPT_FORWARDED };
	struct part_spec part = { .etype = 18,
				  .key = { service_key, 32 },
				  .nonce = NONCE,
				  .flags = TGS_FLAG_FORWARDED,
				  .sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL) };
	struct iso_rep_krb_tgs_open rep = { 0 };
	struct rd der;

	(void)state;
	assert_int_equal(seal(&w, d_body(&body)), ISO_E_POLICY);
	body.options = 0;
	der = d_body(&body);
	assert_int_equal(seal(&w, der), ISO_OK);
	kdc_reads(&w, der);
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_OK);
	assert_int_equal(rep.verdict, ISO_WITHHELD);
	/* as if the request had been let through */
	assert_int_equal(seal(&w, der), ISO_OK);
	kdc_reads(&w, der);
	w.iso->pending[w.sealed.pending & (ISO_PENDINGS - 1)].options = TGS_OPT_FORWARDED;
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_OK);
	assert_int_equal(rep.verdict, ISO_WITHHELD);
	assert_false(contains(&rep, sizeof(rep), service_key, 8));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tgt_class_rows),	    cmocka_unit_test(forwarded),
		cmocka_unit_test(not_forwarded_by_default), cmocka_unit_test(requested_name_counts),
		cmocka_unit_test(padata_is_cleaned),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
