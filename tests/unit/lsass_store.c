/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the store keep what it should, never a TGT's key, and end sessions
 * with the last credential that needs them? The trusted core is the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <krb5.h>

#include "lsass/cache/private.h"
#include "tests/unit/lsass_host.h"

#define TGT "krbtgt/R@R"

struct fixture {
	struct config cf;
	struct store *st;
	struct collection *co;
};
static struct fixture fx;

static int
set_up(void **state)
{
	const uint8_t key[64] = { 0 };

	host_start();
	host_config(&fx.cf, NULL);
	fx.st = store_open(&fx.cf, key);
	fx.co = store_collection(fx.st, 1000);
	return fx.co != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	store_close(fx.st);
	return 0;
}

static struct cache *
initialized(const char *name)
{
	struct made pr = make_princ("alice@R");
	struct cache *ca;

	assert_int_equal(cache_initialize(fx.co, name, made_rd(&pr), &ca), 0);
	return ca;
}

static kcode
store(struct cache *ca, const struct spec *sp)
{
	struct made ma = make_cred(sp);

	return cache_store(ca, ma.at, ma.len);
}

static struct cred *
find(struct cache *ca, const char *server)
{
	struct made ma = make_match(&(struct spec){ .server = server });
	struct rd in = made_rd(&ma);
	struct wire_cred match;

	assert_int_equal(wire_mcred(&in, &match), 0);
	return cache_match(ca, 0, &match);
}

/* ---- what is kept of a TGT */

static void
the_key_of_a_tgt_is_nowhere(void **state)
{
	struct cache *ca = initialized("0");
	struct made ma = make_cred(&(struct spec){ .server = TGT, .key = 0xaa });
	struct cred *cr;

	assert_true(holds_run(ma.at, ma.len, 0xaa, 32));
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	cr = find(ca, TGT);
	assert_non_null(cr);
	assert_true(cr->blob_len > 0 && cr->logon != NULL && !cr->logon->dead);
	assert_int_equal(cr->len, ma.len);
	assert_false(holds_run(cr->octets, cr->len, 0xaa, 8));
	assert_false(holds_run(ma.at, ma.len, 0xaa, 8)); /* wiped where it came from */
	assert_int_equal(host_sessions(), 1);
}

static void
the_key_of_a_service_ticket_is_kept(void **state)
{
	struct cache *ca = initialized("0");
	struct cred *cr;

	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R", .key = 0xaa }), 0);
	cr = find(ca, "host/a@R");
	assert_null(cr->logon);
	assert_true(holds_run(cr->octets, cr->len, 0xaa, 32));
	assert_int_equal(host_sessions(), 0);
}

static void
everything_tgt_class_is_absorbed(void **state)
{
	static const char *const servers[] = { "krbtgt/OTHER@R", "KRBTGT/R@R", "kadmin/admin@R",
					       "single@R" };
	struct cache *ca = initialized("0");

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct cred *cr;

		assert_int_equal(store(ca, &(struct spec){ .server = servers[i], .key = 0xaa }), 0);
		cr = find(ca, servers[i]);
		assert_non_null(cr->logon);
		assert_false(holds_run(cr->octets, cr->len, 0xaa, 8));
	}
	assert_int_equal(host_sessions(), 1); /* one logon serves the cache */
}

static void
an_expired_tgt_leaves_no_key_and_takes_no_session(void **state)
{
	struct cache *ca = initialized("0");
	struct cred *cr;

	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .key = 0xaa, .end = 1 }), 0);
	cr = find(ca, TGT);
	assert_true(cr->logon->dead);
	assert_int_equal(cr->blob_len, 0);
	assert_false(holds_run(cr->octets, cr->len, 0xaa, 8));
	assert_int_equal(host_sessions(), 0);
}

static void
without_lsaiso_nothing_is_stored(void **state)
{
	struct cache *ca = initialized("0");
	struct made ma = make_cred(&(struct spec){ .server = TGT, .key = 0xaa });

	host_gone();
	assert_int_equal(cache_store(ca, ma.at, ma.len), KRB5KDC_ERR_SVC_UNAVAILABLE);
	assert_null(find(ca, TGT));
	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R" }), 0);
}

static void
keys_that_cannot_be_are_refused(void **state)
{
	struct cache *ca = initialized("0");

	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .key_len = 31 }), KRB5_CC_FORMAT);
	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .key_len = 60 }), KRB5_CC_FORMAT);
	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .etype = 23 }),
			 KRB5_PROG_ETYPE_NOSUPP);
	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .etype = 3, .key_len = 8 }),
			 KRB5_PROG_ETYPE_NOSUPP);
	assert_null(ca->first);
	assert_int_equal(host_sessions(), 0);
}

static void
malformed_octets_are_refused(void **state)
{
	struct cache *ca = initialized("0");
	struct made ma = make_cred(&(struct spec){ .server = "host/a@R" });

	for (size_t n = 0; n < ma.len; n++)
		assert_int_equal(cache_store(ca, ma.at, n), KRB5_CC_FORMAT);
	assert_int_equal(cache_store(ca, ma.at, ma.len + 1), KRB5_CC_FORMAT);
	assert_null(ca->first);
}

/* ---- logons */

static void
destroying_the_cache_ends_the_session(void **state)
{
	struct cache *ca = initialized("0");

	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	assert_int_equal(host_sessions(), 1);
	cache_destroy(ca);
	assert_int_equal(host_sessions(), 0);
	assert_null(cache_by_name(fx.co, "0"));
}

static void
initializing_again_opens_a_new_logon(void **state)
{
	struct cache *ca = initialized("0");
	uint32_t session, generation;
	uint64_t id = ca->id;

	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	session = find(ca, TGT)->logon->session;
	generation = find(ca, TGT)->logon->generation;
	ca = initialized("0");
	assert_int_equal(host_sessions(), 0);
	assert_true(ca->id != id);
	assert_null(ca->first);
	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	assert_true(find(ca, TGT)->logon->session != session ||
		    find(ca, TGT)->logon->generation != generation);
}

static void
a_copy_shares_the_logon(void **state)
{
	struct cache *one = initialized("1"), *two = initialized("2");
	struct cred *cr, *copy;
	uint8_t octets[2048];
	size_t len;

	assert_int_equal(store(one, &(struct spec){ .server = TGT, .key = 0xaa }), 0);
	cr = find(one, TGT);
	len = cr->len;
	memcpy(octets, cr->octets, len);
	assert_int_equal(cache_store(two, octets, len), 0);
	copy = find(two, TGT);
	assert_ptr_equal(copy->logon, cr->logon);
	assert_int_equal(copy->len, cr->len);
	assert_memory_equal(copy->octets, cr->octets, len);
	assert_memory_equal(copy->blob, cr->blob, cr->blob_len);
	cache_destroy(one);
	assert_int_equal(host_sessions(), 1);
	cache_destroy(two);
	assert_int_equal(host_sessions(), 0);
}

static void
another_users_stand_in_is_just_a_key(void **state)
{
	struct collection *other = store_collection(fx.st, 1001);
	struct made pr = make_princ("alice@R");
	struct cache *mine = initialized("0"), *theirs;
	struct cred *cr, *copy;
	uint8_t octets[2048];

	assert_int_equal(cache_initialize(other, "0", made_rd(&pr), &theirs), 0);
	assert_int_equal(store(mine, &(struct spec){ .server = TGT, .key = 0xaa }), 0);
	cr = find(mine, TGT);
	memcpy(octets, cr->octets, cr->len);
	assert_int_equal(cache_store(theirs, octets, cr->len), 0);
	copy = find(theirs, TGT);
	assert_ptr_not_equal(copy->logon, cr->logon);
	assert_int_equal(copy->logon->owner, 1001);
	assert_int_equal(host_sessions(), 2);
}

static void
a_new_lsaiso_ends_all_logons(void **state)
{
	struct cache *ca = initialized("0");
	struct wire_cred wc;
	uint8_t boot_id[16];

	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R" }), 0);
	host_boot(boot_id);
	store_boot_id(fx.st, boot_id); /* the same one: nothing changes */
	assert_false(find(ca, TGT)->logon->dead);
	host_start();
	host_boot(boot_id);
	store_boot_id(fx.st, boot_id);
	assert_true(find(ca, TGT)->logon->dead);
	assert_true(cred_expired(find(ca, TGT), host_now()));
	assert_int_equal(cred_parse(find(ca, TGT), &wc), 0);
	assert_true(wc.endtime < host_now()); /* what clients see */
	assert_false(cred_expired(find(ca, "host/a@R"), host_now()));
	/* Logging on again works, in the new one. */
	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	assert_false(find(ca, TGT)->logon->dead);
	assert_int_equal(host_sessions(), 1);
}

/* A link to a host that is lost for a while. */
static void
the_same_lsaiso_comes_back_with_its_logons(void **state)
{
	struct cache *kept = initialized("0"), *left = initialized("1"), *lost = initialized("2");
	uint8_t boot_id[16];

	host_boot(boot_id);
	assert_int_equal(store(kept, &(struct spec){ .server = TGT, .key = 1 }), 0);
	assert_int_equal(store(left, &(struct spec){ .server = TGT, .key = 2 }), 0);
	assert_int_equal(store(lost, &(struct spec){ .server = TGT, .key = 3 }), 0);
	host_gone();
	assert_int_equal(store(kept, &(struct spec){ .server = "krbtgt/A@R", .key = 4 }),
			 KRB5KDC_ERR_SVC_UNAVAILABLE);
	cache_destroy(left); /* lsaiso cannot be told now */
	host_back();
	assert_int_equal(host_sessions(), 3);
	store_boot_id(fx.st, boot_id);
	assert_int_equal(host_sessions(), 2);
	assert_false(find(kept, TGT)->logon->dead);
	assert_false(cred_expired(find(kept, TGT), host_now()));
	assert_int_equal(store(kept, &(struct spec){ .server = "krbtgt/A@R", .key = 4 }), 0);
	assert_int_equal(host_sessions(), 2);
	/* Another one: nothing is left to close in it. */
	host_gone();
	cache_destroy(lost);
	host_start();
	host_boot(boot_id);
	store_boot_id(fx.st, boot_id);
	assert_true(find(kept, TGT)->logon->dead);
	assert_int_equal(host_sessions(), 0);
}

static void
sealed_tickets_need_their_logon(void **state)
{
	struct cache *ca = initialized("0");
	struct made ma = make_cred(&(struct spec){ .server = "krbtgt/OTHER@R" });
	struct rd blob = { (const uint8_t *)"blob", 4 };
	struct logon *lo;

	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);
	lo = find(ca, TGT)->logon;
	assert_int_equal(
	    cache_store_sealed(ca, made_rd(&ma), lo->session, lo->generation + 1, blob),
	    KRB5_CC_NOTFOUND);
	assert_null(find(ca, "krbtgt/OTHER@R"));
	assert_int_equal(cache_store_sealed(ca, made_rd(&ma), lo->session, lo->generation, blob),
			 0);
	assert_ptr_equal(find(ca, "krbtgt/OTHER@R")->logon, lo);
	assert_int_equal(find(ca, "krbtgt/OTHER@R")->blob_len, 4);
}

/* ---- NTLM hashes in config entries */

#define CONF(key) "krb5_ccache_conf_data/" key "@X-CACHECONF:"

static void
nt_hashes_are_absorbed_and_hidden(void **state)
{
	struct cache *ca = initialized("0");
	struct cred *cr;

	assert_int_equal(store(ca, &(struct spec){ .server = CONF("ntlm-key-DOM"),
						   .key_len = -1,
						   .ticket = "hhhhhhhhhhhhhhhh" }),
			 0);
	cr = find(ca, CONF("ntlm-key-DOM"));
	assert_non_null(cr);
	assert_true(cred_hidden(cr) && cr->blob_len > 0);
	assert_false(holds_run(cr->octets, cr->len, 'h', 4));
	assert_int_equal(ca->nlisted, 0);
	assert_int_equal(ca->listed, 0);
	/* Of another size it is no NT hash: dropped. */
	assert_int_equal(store(ca, &(struct spec){ .server = CONF("ntlm-key-X"),
						   .key_len = -1,
						   .ticket = "hhhhhhhhhhhhhhh" }),
			 0);
	assert_null(find(ca, CONF("ntlm-key-X")));
}

static void
fast_avail_is_hidden(void **state)
{
	struct cache *ca = initialized("0");

	assert_int_equal(
	    store(ca, &(struct spec){ .server = CONF("fast_avail/krbtgt"), .key_len = -1 }), 0);
	assert_int_equal(
	    store(ca, &(struct spec){ .server = CONF("pa_type/krbtgt"), .key_len = -1 }), 0);
	assert_int_equal(ca->ncreds, 2);
	assert_int_equal(ca->nlisted, 1);
	assert_true(cred_hidden(find(ca, CONF("fast_avail/krbtgt"))));
	assert_false(cred_hidden(find(ca, CONF("pa_type/krbtgt"))));
}

/* ---- replacing */

static void
the_same_entry_is_replaced(void **state)
{
	static const struct {
		struct spec a, b;
		bool replaces;
	} rows[] = {
		{ { .server = "host/a@R" }, { .server = "host/a@R", .ticket = "new" }, true },
		{ { .server = "host/a@R" }, { .server = "host/b@R" }, false },
		{ { .server = "host/a@R" }, { .server = "host/a@S" }, false },
		{ { .server = "host/a@R" }, { .server = "host/a@R", .client = "bob@R" }, false },
		{ { .server = "host/a@R" }, { .server = "host/a@R", .etype = 17 }, false },
		{ { .server = TGT }, { .server = TGT, .etype = 17 }, true },
		{ { .server = "host/a@R" }, { .server = "host/a@R", .is_skey = true }, false },
		{ { .server = "host/a@R", .is_skey = true, .second = "1" },
		  { .server = "host/a@R", .is_skey = true, .second = "1" },
		  true },
		{ { .server = "host/a@R", .is_skey = true, .second = "1" },
		  { .server = "host/a@R", .is_skey = true, .second = "2" },
		  false },
		{ { .server = CONF("refresh_time"), .key_len = -1 },
		  { .server = CONF("refresh_time"), .client = "bob@R", .key_len = -1 },
		  true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cache *ca = initialized("0");

		assert_int_equal(store(ca, &rows[i].a), 0);
		assert_int_equal(store(ca, &rows[i].b), 0);
		if (ca->ncreds != (rows[i].replaces ? 1 : 2))
			fail_msg("row %zu: %zu credentials", i, ca->ncreds);
	}
}

static void
replace_is_all_or_nothing(void **state)
{
	struct made pr = make_princ("alice@R");
	struct made good = make_cred(&(struct spec){ .server = TGT });
	struct made bad = make_cred(&(struct spec){ .server = TGT, .key_len = 31 }), again;
	struct octets creds[2] = { { good.at, good.len }, { bad.at, bad.len } };
	struct cache *ca = initialized("0");
	uint64_t id = ca->id;

	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R" }), 0);
	assert_int_equal(cache_replace(fx.co, "0", made_rd(&pr), 0, creds, 2), KRB5_CC_FORMAT);
	ca = cache_by_name(fx.co, "0");
	assert_true(ca->id == id);
	assert_non_null(find(ca, "host/a@R"));
	assert_int_equal(host_sessions(), 0); /* what was absorbed on the way is gone */
	/* Its key was absorbed: once more from the beginning. */
	again = make_cred(&(struct spec){ .server = TGT });
	creds[0] = (struct octets){ again.at, again.len };
	assert_int_equal(cache_replace(fx.co, "0", made_rd(&pr), 7, creds, 1), 0);
	ca = cache_by_name(fx.co, "0");
	assert_int_equal(ca->ncreds, 1);
	assert_int_equal(ca->kdc_offset, 7);
	assert_int_equal(host_sessions(), 1);
}

/* ---- names and the default */

static void
the_default_is_always_a_name(void **state)
{
	char name[CACHE_NAME_MAX + 1];

	assert_string_equal(collection_default(fx.co), "0");
	initialized("b");
	assert_string_equal(collection_default(fx.co), "b");
	/* One that works is preferred. */
	assert_int_equal(store(initialized("c"), &(struct spec){ .server = TGT }), 0);
	assert_string_equal(collection_default(fx.co), "c");
	/* Set before it is made: sshd does so. */
	assert_int_equal(collection_set_default(fx.co, "later"), 0);
	assert_string_equal(collection_default(fx.co), "later");
	cache_destroy(initialized("later"));
	assert_string_equal(collection_default(fx.co), "c");
	assert_int_equal(collection_new_name(fx.co, name), 0);
	assert_null(cache_by_name(fx.co, name));
}

static void
moving_takes_the_place_of_the_other(void **state)
{
	struct cache *a = initialized("a");

	assert_int_equal(store(a, &(struct spec){ .server = TGT }), 0);
	assert_int_equal(store(initialized("b"), &(struct spec){ .server = TGT }), 0);
	assert_int_equal(collection_set_default(fx.co, "a"), 0);
	assert_int_equal(cache_move(a, "b"), 0);
	assert_null(cache_by_name(fx.co, "a"));
	assert_ptr_equal(cache_by_name(fx.co, "b"), a);
	assert_string_equal(collection_default(fx.co), "b");
	assert_int_equal(host_sessions(), 1);
	assert_int_equal(cache_move(a, "b"), 0);
}

static void
new_names_are_never_given_twice(void **state)
{
	char name[CACHE_NAME_MAX + 1], again[CACHE_NAME_MAX + 1];

	initialized("1");
	assert_int_equal(collection_new_name(fx.co, name), 0);
	assert_int_equal(collection_new_name(fx.co, again), 0);
	assert_string_equal(name, "0");
	assert_string_equal(again, "2");
}

/* ---- quotas */

static void
caches_at_the_quota(void **state)
{
	struct made pr = make_princ("alice@R");
	struct cache *ca;

	fx.cf.limits_caches = 3;
	assert_int_equal(store(initialized("a"), &(struct spec){ .server = TGT }), 0);
	assert_int_equal(store(initialized("b"), &(struct spec){ .server = TGT, .end = 200 }), 0);
	assert_int_equal(store(initialized("c"), &(struct spec){ .server = TGT, .end = 100 }), 0);
	/* The one that expired first makes room, then the next, then there is none. */
	assert_int_equal(store(initialized("d"), &(struct spec){ .server = TGT }), 0);
	assert_null(cache_by_name(fx.co, "c"));
	assert_int_equal(store(initialized("e"), &(struct spec){ .server = TGT }), 0);
	assert_null(cache_by_name(fx.co, "b"));
	assert_int_equal(cache_initialize(fx.co, "f", made_rd(&pr), &ca), KRB5_CC_WRITE);
	assert_null(ca);
	assert_int_equal(collection_ncaches(fx.co), 3);
	initialized("a"); /* logging on again in one's own cache always works */
}

static void
tickets_at_the_quota(void **state)
{
	struct cache *ca = initialized("0");

	fx.cf.limits_tickets = 3;
	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R", .end = 100 }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/b@R" }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/c@R" }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/d@R" }), 0); /* a expired */
	assert_null(find(ca, "host/a@R"));
	assert_int_equal(store(ca, &(struct spec){ .server = "host/e@R" }), KRB5_CC_WRITE);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/b@R" }), 0); /* replaces */
	assert_int_equal(store(ca, &(struct spec){ .server = TGT }), 0);	/* c made room */
	assert_null(find(ca, "host/c@R"));
	assert_int_equal(ca->ncreds, 3);
}

static void
octets_at_the_quota(void **state)
{
	struct cache *ca = initialized("0");
	size_t full;
	char server[32];
	kcode code = 0;
	int n;

	fx.cf.limits_octets = 65536;
	for (n = 0; code == 0 && n < 1000; n++) {
		snprintf(server, sizeof(server), "host/n%d@R", n);
		code = store(ca, &(struct spec){ .server = server });
		assert_true(collection_octets(fx.co) <= 65536);
	}
	assert_int_equal(code, KRB5_CC_WRITE);
	assert_true(n > 50);
	full = collection_octets(fx.co);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/x@R" }), KRB5_CC_WRITE);
	assert_int_equal(collection_octets(fx.co), full);
	assert_int_equal(store(initialized("1"), &(struct spec){ .server = TGT }), 0);
	assert_true(collection_octets(fx.co) <= 65536);
	cache_destroy(cache_by_name(fx.co, "1"));
	cache_destroy(ca);
	assert_int_equal(collection_octets(fx.co), 0);
}

static void
purging_takes_expired_service_tickets_only(void **state)
{
	struct cache *ca = initialized("0");

	assert_int_equal(store(ca, &(struct spec){ .server = TGT, .end = 100 }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/a@R", .end = 100 }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = "host/b@R" }), 0);
	assert_int_equal(store(ca, &(struct spec){ .server = CONF("x"), .key_len = -1 }), 0);
	assert_int_equal(cache_purge(ca, host_now()), 1);
	assert_int_equal(ca->ncreds, 3);
}

static void
many_tickets_are_all_found(void **state)
{
	struct cache *ca = initialized("0");
	char server[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(server, sizeof(server), "host/n%d@R", i);
		assert_int_equal(store(ca, &(struct spec){ .server = server }), 0);
	}
	for (int i = 0; i < 3000; i++) {
		struct cred *cr;

		snprintf(server, sizeof(server), "host/n%d@R", i);
		cr = find(ca, server);
		assert_non_null(cr);
		assert_ptr_equal(cred_by_uuid(ca, cr->uuid), cr);
	}
	assert_null(find(ca, "host/n3000@R"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_key_of_a_tgt_is_nowhere),
		TEST(the_key_of_a_service_ticket_is_kept),
		TEST(everything_tgt_class_is_absorbed),
		TEST(an_expired_tgt_leaves_no_key_and_takes_no_session),
		TEST(without_lsaiso_nothing_is_stored),
		TEST(keys_that_cannot_be_are_refused),
		TEST(malformed_octets_are_refused),
		TEST(destroying_the_cache_ends_the_session),
		TEST(initializing_again_opens_a_new_logon),
		TEST(a_copy_shares_the_logon),
		TEST(another_users_stand_in_is_just_a_key),
		TEST(a_new_lsaiso_ends_all_logons),
		TEST(the_same_lsaiso_comes_back_with_its_logons),
		TEST(sealed_tickets_need_their_logon),
		TEST(nt_hashes_are_absorbed_and_hidden),
		TEST(fast_avail_is_hidden),
		TEST(the_same_entry_is_replaced),
		TEST(replace_is_all_or_nothing),
		TEST(the_default_is_always_a_name),
		TEST(moving_takes_the_place_of_the_other),
		TEST(new_names_are_never_given_twice),
		TEST(caches_at_the_quota),
		TEST(tickets_at_the_quota),
		TEST(octets_at_the_quota),
		TEST(purging_takes_expired_service_tickets_only),
		TEST(many_tickets_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
