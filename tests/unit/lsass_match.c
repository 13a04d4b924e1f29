/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does every match flag of RETRIEVE mean what it means in libkrb5? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lsass_host.h"

static const struct spec stored = { .client = "alice@R",
				    .server = "host/a@R",
				    .etype = 18,
				    .end = 2000,
				    .renew = 3000,
				    .flags = 0x0f,
				    .second = "second" };

static const struct {
	const char *what;
	uint32_t flags;
	struct spec match;
	bool matches;
} rows[] = {
	{ "server", 0, { .server = "host/a@R" }, true },
	{ "other server", 0, { .server = "host/b@R" }, false },
	{ "anything", 0, { 0 }, true },
	{ "client", 0, { .client = "alice@R" }, true },
	{ "other client", 0, { .client = "bob@R" }, false },
	{ "both", 0, { .client = "alice@R", .server = "host/a@R" }, true },
	{ "other realm", 0, { .server = "host/a@S" }, false },
	{ "any realm, MIT", MATCH_SRV_NAMEONLY, { .server = "host/a@S" }, true },
	{ "any realm, Heimdal", MATCH_DONT_MATCH_REALM, { .server = "host/a@S" }, true },
	{ "any realm, other name", MATCH_SRV_NAMEONLY, { .server = "host/b@R" }, false },
	{ "any realm, client's counts",
	  MATCH_SRV_NAMEONLY,
	  { .client = "alice@S", .server = "host/a@S" },
	  false },
	{ "key type", MATCH_KEYTYPE, { .server = "host/a@R", .etype = 18 }, true },
	{ "other key type", MATCH_KEYTYPE, { .server = "host/a@R", .etype = 17 }, false },
	{ "key type not asked", 0, { .server = "host/a@R", .etype = 17 }, true },
	{ "is_skey", MATCH_IS_SKEY, { .server = "host/a@R" }, true },
	{ "other is_skey", MATCH_IS_SKEY, { .server = "host/a@R", .is_skey = true }, false },
	{ "is_skey not asked", 0, { .server = "host/a@R", .is_skey = true }, true },
	{ "flags", MATCH_FLAGS, { .flags = 0x05 }, true },
	{ "too many flags", MATCH_FLAGS, { .flags = 0x15 }, false },
	{ "exact flags", MATCH_FLAGS_EXACT, { .flags = 0x0f }, true },
	{ "not exact flags", MATCH_FLAGS_EXACT, { .flags = 0x05 }, false },
	{ "flags not asked", 0, { .flags = 0xff }, true },
	{ "ends at", MATCH_TIMES, { .end = 2000 }, true },
	{ "ends before", MATCH_TIMES, { .end = 2001 }, false },
	{ "renewable until", MATCH_TIMES, { .renew = 3000 }, true },
	{ "not renewable until", MATCH_TIMES, { .renew = 3001 }, false },
	{ "no times", MATCH_TIMES, { 0 }, true },
	{ "times not asked", 0, { .end = 9999 }, true },
	{ "exact times", MATCH_TIMES_EXACT, { .end = 2000, .renew = 3000 }, true },
	{ "not exact times", MATCH_TIMES_EXACT, { .end = 2000 }, false },
	{ "no authorization data", MATCH_AUTHDATA, { 0 }, true },
	{ "second ticket", MATCH_2ND_TKT, { .second = "second" }, true },
	{ "other second ticket", MATCH_2ND_TKT, { .second = "another" }, false },
	{ "no second ticket", MATCH_2ND_TKT, { 0 }, false },
	{ "second ticket not asked", 0, { .second = "another" }, true },
	{ "as MIT asks",
	  0x03000001,
	  { .client = "alice@R", .server = "host/a@R", .end = 1999 },
	  true },
};

static struct store *st;
static struct config cf;

static struct cache *
cache(void)
{
	return cache_by_name(store_collection(st, 1), "0");
}

static int
set_up(void **state)
{
	const uint8_t key[64] = { 0 };
	struct made pr = make_princ("alice@R"), ma = make_cred(&stored);
	struct cache *ca;

	host_start();
	host_config(&cf, NULL);
	st = store_open(&cf, key);
	return cache_initialize(store_collection(st, 1), "0", made_rd(&pr), &ca) != 0 ||
	       cache_store(ca, ma.at, ma.len) != 0;
}

static int
tear_down(void **state)
{
	store_close(st);
	return 0;
}

static bool
matches(uint32_t flags, const struct made *ma)
{
	struct rd in = made_rd(ma);
	struct wire_cred match;

	assert_int_equal(wire_mcred(&in, &match), 0);
	assert_int_equal(in.len, 0);
	return cache_match(cache(), flags, &match) != NULL;
}

static void
each_flag(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made ma = make_match(&rows[i].match);

		if (matches(rows[i].flags, &ma) != rows[i].matches)
			fail_msg("%s", rows[i].what);
	}
}

static void
name_types_do_not_count(void **state)
{
	struct made ma = make_match(&(struct spec){ .server = "host/a@R" });

	ma.at[7] = 3; /* type of the server's name, after the header */
	assert_true(matches(0, &ma));
}

static void
authorization_data_counts(void **state)
{
	struct made ma = { 0 };

	add_u32(&ma, 0x20);
	for (int i = 0; i < 4; i++)
		add_u32(&ma, 0);
	add_u8(&ma, 0);
	add_u32(&ma, 0);
	add_u32(&ma, 1);
	add_raw(&ma, "\0\1\0\0\0\1x", 7);
	assert_false(matches(MATCH_AUTHDATA, &ma));
	assert_true(matches(0, &ma));
}

static void
the_first_of_several_is_found(void **state)
{
	struct spec later = stored;
	struct made ma, any = make_match(&(struct spec){ .server = "host/a@R" });
	struct rd in = made_rd(&any);
	struct wire_cred match;

	later.etype = 17;
	ma = make_cred(&later);
	assert_int_equal(cache_store(cache(), ma.at, ma.len), 0);
	assert_int_equal(wire_mcred(&in, &match), 0);
	assert_int_equal(cache_match(cache(), 0, &match)->etype, 18);
	match.etype = 17;
	assert_int_equal(cache_match(cache(), MATCH_KEYTYPE, &match)->etype, 17);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag),
		cmocka_unit_test(name_types_do_not_count),
		cmocka_unit_test(authorization_data_counts),
		cmocka_unit_test(the_first_of_several_is_found),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
