/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets of programs' own caches: are they found by their octets, with every
 * stand-in they have, seen by nobody else, there after a kill of lsass, and
 * gone when they must be?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <krb5.h>

#include "lib/log.h"
#include "lsass/cache/private.h"
#include "tests/unit/lsass_host.h"

#define TGT "krbtgt/R@R"

struct fixture {
	struct config cf;
	struct store *st;
	struct collection *co;
	char *folder;
	uint8_t key[64];
	uint32_t session, generation;
	uint8_t blob[ISO_BLOB_MAX];
	size_t blob_len;
};
static struct fixture fx;
static bool loose; /* of what is kept next */

static void
open_store(void)
{
	fx.st = store_open(&fx.cf, fx.key);
	assert_non_null(fx.st);
	fx.co = store_collection(fx.st, 1000);
}

static void
reopen(void)
{
	store_close(fx.st);
	open_store();
}

/* A logon in a KCM cache, whose blob the kept tickets have too. */
static struct cache *
log_on(const char *name)
{
	struct made pr = make_princ("alice@R"), ma = make_cred(&(struct spec){ .server = TGT });
	struct cache *ca;
	struct cred *cr;

	assert_int_equal(cache_initialize(fx.co, name, made_rd(&pr), &ca), 0);
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	cr = cache_tgt(ca);
	assert_non_null(cr);
	fx.session = cr->logon->session;
	fx.generation = cr->logon->generation;
	memcpy(fx.blob, cr->blob, cr->blob_len);
	fx.blob_len = cr->blob_len;
	return ca;
}

static int
set_up(void **state)
{
	log_open("test", LOG_CRIT);
	host_start();
	fx.folder = host_folder();
	host_config(&fx.cf, fx.folder);
	memset(fx.key, 5, sizeof(fx.key));
	open_store();
	loose = false;
	return 0;
}

static int
tear_down(void **state)
{
	store_close(fx.st);
	host_rmdir(fx.folder);
	return 0;
}

static kcode
keep(const struct spec *sp, int32_t offset)
{
	struct made ma = make_cred(sp);

	return collection_keep_ticket(fx.co, made_rd(&ma), fx.session, fx.generation,
				      (struct rd){ fx.blob, fx.blob_len }, offset, loose);
}

static kcode
keep_ticket(const char *ticket)
{
	return keep(&(struct spec){ .server = TGT, .ticket = ticket, .key = 3 }, 0);
}

struct seen {
	size_t n;
	struct cred *last;
};

static bool
see(struct cred *cr, void *arg)
{
	struct seen *se = arg;

	se->n++;
	se->last = cr;
	return false;
}

static size_t
found(const char *ticket)
{
	struct seen se = { 0 };

	store_each_ticket(fx.st, (struct rd){ (const uint8_t *)ticket, strlen(ticket) }, see, &se);
	return se.n;
}

static struct cred *
only(const char *ticket)
{
	struct seen se = { 0 };

	store_each_ticket(fx.st, (struct rd){ (const uint8_t *)ticket, strlen(ticket) }, see, &se);
	assert_int_equal(se.n, 1);
	return se.last;
}

/* ---- found */

static void
a_ticket_of_a_cache_is_found(void **state)
{
	struct cache *ca = log_on("0");

	assert_ptr_equal(only("ticket"), cache_tgt(ca));
	assert_int_equal(found("tickeT"), 0);
	assert_int_equal(found("xticket"), 0);
	assert_int_equal(found(""), 0);
	cache_destroy(ca);
	assert_int_equal(found("ticket"), 0);
}

static void
a_service_ticket_is_not(void **state)
{
	struct cache *ca = log_on("0");
	struct made ma = make_cred(&(struct spec){ .server = "host/a@R", .ticket = "service" });

	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	assert_int_equal(found("service"), 0);
}

static void
all_of_the_same_names_are_kept(void **state)
{
	(void)log_on("0");
	assert_int_equal(keep_ticket("one"), 0);
	assert_int_equal(keep_ticket("two"), 0);
	assert_int_equal(keep_ticket("two"), 0);
	assert_int_equal(found("one"), 1);
	assert_int_equal(found("two"), 2);
	assert_int_equal(collection_nkept(fx.co), 3);
	assert_memory_equal(only("one")->blob, fx.blob, fx.blob_len);
}

static void
what_is_around_its_end_does_not_count(void **state)
{
	char one[300], other[400];

	memset(one, 'e', sizeof(one));
	memset(other, 'e', sizeof(other));
	one[sizeof(one) - 1] = other[sizeof(other) - 1] = 0;
	memset(other, 'x', 100);
	(void)log_on("0");
	assert_int_equal(keep_ticket(one), 0);
	assert_int_equal(found(other), 1);
	other[sizeof(other) - 2] = 'y';
	assert_int_equal(found(other), 0);
}

static void
a_name_that_is_no_tgts_is_kept_too(void **state)
{
	(void)log_on("0");
	assert_int_equal(keep(&(struct spec){ .server = "host/a@R", .ticket = "odd" }, 0), 0);
	assert_int_equal(found("odd"), 1);
	reopen();
	assert_int_equal(found("odd"), 1);
}

/* ---- seen by nobody */

static bool
count_cache(struct cache *ca, void *arg)
{
	size_t *n = arg;

	(*n)++;
	return false;
}

static void
no_cache_has_it(void **state)
{
	struct cache *ca = log_on("first");
	size_t n = 0;

	assert_int_equal(keep_ticket("one"), 0);
	collection_each_cache(fx.co, count_cache, &n);
	assert_int_equal(n, 1);
	assert_int_equal(collection_ncaches(fx.co), 1);
	assert_int_equal(ca->ncreds, 1);
	assert_null(cache_by_name(fx.co, ""));
	cache_destroy(ca);
	assert_string_equal(collection_default(fx.co), "0");
	assert_int_equal(found("one"), 1); /* and its session lives */
	assert_int_equal(host_sessions(), 1);
	assert_int_equal(collection_drop_kept(fx.co, NULL), 1);
	assert_int_equal(host_sessions(), 0);
}

static void
a_copy_in_kcm_is_the_same(void **state)
{
	struct cache *ca = log_on("0");
	struct made ma = make_cred(&(struct spec){ .server = TGT, .ticket = "one", .key = 3 });

	assert_int_equal(keep_ticket("one"), 0);
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	assert_int_equal(host_sessions(), 1);
	assert_int_equal(found("one"), 2);
	assert_memory_equal(cache_tgt(ca)->blob, fx.blob, fx.blob_len);
}

static void
a_loose_one_goes_to_the_cache_that_stores_it(void **state)
{
	struct cache *ca;
	struct made ma = make_cred(&(struct spec){ .server = TGT, .ticket = "one", .key = 3 });

	(void)log_on("0");
	loose = true;
	assert_int_equal(keep_ticket("one"), 0);
	reopen();
	loose = false; /* after a restart it stays */
	ca = cache_by_name(fx.co, "0");
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	assert_int_equal(found("one"), 2);
	assert_int_equal(collection_drop_kept(fx.co, NULL), 1);

	loose = true;
	ma = make_cred(&(struct spec){ .server = TGT, .ticket = "two", .key = 3 });
	assert_int_equal(keep_ticket("two"), 0);
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	assert_int_equal(collection_nkept(fx.co), 0);
	assert_int_equal(found("two"), 1);
	reopen();
	assert_int_equal(collection_nkept(fx.co), 0);
	assert_int_equal(found("two"), 1);
	cache_destroy(cache_by_name(fx.co, "0"));
	assert_int_equal(host_sessions(), 0);
}

/* What is left to be written goes into the file of its own user. */
static void
a_replacement_that_fails_harms_no_file(void **state)
{
	struct made pr = make_princ("alice@R");
	struct made one = make_cred(&(struct spec){ .server = TGT, .ticket = "one", .key = 3 });
	struct made two = make_cred(&(struct spec){ .server = TGT, .ticket = "two" });
	struct octets creds[] = { { one.at, one.len }, { two.at, two.len - 1 } };
	struct store_totals totals;
	struct cache *ca;

	(void)log_on("0");
	loose = true;
	assert_int_equal(keep_ticket("one"), 0);
	assert_int_equal(cache_replace(fx.co, "1", made_rd(&pr), 0, creds, 2), KRB5_CC_FORMAT);
	assert_int_equal(found("one"), 0);
	assert_int_equal(cache_initialize(store_collection(fx.st, 1001), "0", made_rd(&pr), &ca),
			 0);
	reopen();
	store_totals(fx.st, &totals);
	assert_int_equal(totals.damaged_files, 0);
	assert_int_equal(totals.caches, 2);
	assert_int_equal(found("one"), 0);
}

static void
what_a_renewal_replaced_is_good_until_it_ends(void **state)
{
	struct cache *ca = log_on("0");
	struct cred *tgt = cache_tgt(ca);
	struct logon *lo = tgt->logon;
	struct rd blob = { fx.blob, fx.blob_len };
	size_t before = collection_octets(fx.co);

	for (unsigned int i = 0; i < 6; i++) {
		char text[] = "renewed0";
		struct made ma;

		text[7] = (char)('0' + i);
		ma = make_cred(&(struct spec){ .server = TGT, .ticket = text, .key = 3 });
		assert_int_equal(
		    cache_store_sealed(ca, made_rd(&ma), lo->session, lo->generation, blob), 0);
	}
	assert_int_equal(ca->ncreds, 1);
	assert_int_equal(found("ticket"), 0); /* too many since */
	assert_int_equal(found("renewed0"), 0);
	assert_int_equal(found("renewed1"), 1);
	assert_int_equal(found("renewed5"), 1);
	assert_ptr_equal(cache_tgt(ca), only("renewed5"));
	assert_int_equal(collection_nkept(fx.co), 0);
	(void)cache_purge(ca, host_now());
	assert_int_equal(found("renewed4"), 1);
	(void)cache_purge(ca, host_now() + 7200);
	assert_int_equal(found("renewed4"), 0);
	assert_in_range(collection_octets(fx.co), before - 200, before + 200);
}

static void
it_goes_with_its_cache(void **state)
{
	struct cache *ca = log_on("0");
	struct logon *lo = cache_tgt(ca)->logon;
	struct made ma = make_cred(
	    &(struct spec){ .server = TGT, .ticket = "new", .key = 3, .end = UINT32_MAX });
	struct rd blob = { fx.blob, fx.blob_len };

	assert_int_equal(cache_store_sealed(ca, made_rd(&ma), lo->session, lo->generation, blob),
			 0);
	assert_int_equal(cache_store_sealed(ca, made_rd(&ma), lo->session, lo->generation, blob),
			 0);
	assert_int_equal(found("ticket"), 1);
	assert_int_equal(found("new"), 2);
	assert_int_equal(cache_set_offset(ca, -100), 0);
	assert_int_equal(cache_move(ca, "1"), 0);
	assert_int_equal(found("ticket"), 1);
	cache_destroy(cache_by_name(fx.co, "1"));
	assert_int_equal(found("ticket"), 0);
	assert_int_equal(collection_octets(fx.co), 0);
	assert_int_equal(host_sessions(), 0);
}

/* ---- there again */

static void
it_survives_a_kill(void **state)
{
	(void)log_on("0");
	assert_int_equal(keep(&(struct spec){ .server = TGT, .ticket = "one", .key = 3 }, -77), 0);
	reopen();
	assert_int_equal(cred_offset(only("one")), -77);
	assert_false(only("one")->logon->dead);
	assert_int_equal(only("one")->logon->session, fx.session);
	cache_destroy(cache_by_name(fx.co, "0"));
	reopen();
	assert_int_equal(found("one"), 1);
	assert_int_equal(host_sessions(), 1);
	assert_int_equal(collection_drop_kept(fx.co, NULL), 1);
	reopen();
	assert_int_equal(found("one"), 0);
}

static void
it_survives_a_rewriting(void **state)
{
	(void)log_on("0");
	assert_int_equal(keep_ticket("one"), 0);
	assert_int_equal(keep_ticket("two"), 0);
	assert_int_equal(journal_rewrite(fx.co), 0);
	reopen();
	assert_int_equal(found("one"), 1);
	assert_int_equal(found("two"), 1);
	assert_int_equal(keep_ticket("three"), 0);
	reopen();
	assert_int_equal(collection_nkept(fx.co), 3);
}

/* ---- gone */

static void
it_ends_with_lsaiso(void **state)
{
	uint8_t boot[16];

	(void)log_on("0");
	assert_int_equal(keep_ticket("one"), 0);
	host_start();
	host_boot(boot);
	store_boot_id(fx.st, boot);
	assert_true(only("one")->logon->dead);
	assert_true(cred_expired(only("one"), host_now()));
	reopen();
	assert_true(only("one")->logon->dead);
}

static void
it_ends_with_its_logon(void **state)
{
	(void)log_on("0");
	assert_int_equal(keep_ticket("one"), 0);
	logon_end(only("one")->logon);
	assert_int_equal(host_sessions(), 0);
	assert_true(only("one")->logon->dead);
	assert_int_equal(keep_ticket("two"), KRB5_CC_NOTFOUND);
}

static void
what_expired_goes(void **state)
{
	(void)log_on("0");
	assert_int_equal(
	    keep(&(struct spec){ .server = TGT, .ticket = "old", .end = host_now() - 400 }, 0), 0);
	assert_int_equal(
	    keep(&(struct spec){ .server = TGT, .ticket = "slow", .end = host_now() - 400 }, -600),
	    0);
	assert_int_equal(keep_ticket("new"), 0);
	store_tick(fx.st);
	assert_int_equal(found("old"), 0);
	assert_int_equal(found("slow"), 1);
	assert_int_equal(found("new"), 1);
	reopen();
	assert_int_equal(collection_nkept(fx.co), 2);
}

static void
the_least_used_goes_first(void **state)
{
	fx.cf.limits_tickets = 3;
	(void)log_on("0");
	assert_int_equal(keep_ticket("one"), 0);
	assert_int_equal(keep_ticket("two"), 0);
	assert_int_equal(keep_ticket("three"), 0);
	cred_touch(only("one"));
	cred_touch(only("one"));
	assert_int_equal(keep_ticket("four"), 0);
	assert_int_equal(found("two"), 0);
	assert_int_equal(found("one"), 1);
	cred_touch(only("four"));
	cred_touch(only("three"));
	assert_int_equal(keep_ticket("five"), 0);
	assert_int_equal(found("one"), 0);
	assert_int_equal(collection_nkept(fx.co), 3);
}

static void
the_quota_of_octets_counts_them(void **state)
{
	size_t before;

	(void)log_on("0");
	before = collection_octets(fx.co);
	assert_int_equal(keep_ticket("one"), 0);
	assert_true(collection_octets(fx.co) > before);
	fx.cf.limits_octets = collection_octets(fx.co) + 10;
	assert_int_equal(keep_ticket("two"), KRB5_CC_WRITE);
	assert_int_equal(found("one"), 1);
	assert_int_equal(collection_drop_kept(fx.co, NULL), 1);
	assert_int_equal(collection_octets(fx.co), before);
}

/* ---- nonsense */

static void
nonsense_is_refused(void **state)
{
	struct made ma = make_cred(&(struct spec){ .server = TGT });
	struct rd cred = made_rd(&ma), blob = { fx.blob, 64 };

	(void)log_on("0");
	assert_int_equal(collection_keep_ticket(fx.co, (struct rd){ cred.at, cred.len - 1 },
						fx.session, fx.generation, blob, 0, false),
			 KRB5_CC_FORMAT);
	assert_int_equal(collection_keep_ticket(fx.co, cred, fx.session, fx.generation,
						(struct rd){ fx.blob, 0 }, 0, false),
			 KRB5_CC_FORMAT);
	assert_int_equal(collection_keep_ticket(fx.co, cred, fx.session, fx.generation,
						(struct rd){ fx.blob, ISO_BLOB_MAX + 1 }, 0, false),
			 KRB5_CC_FORMAT);
	assert_int_equal(
	    collection_keep_ticket(fx.co, cred, fx.session, fx.generation + 1, blob, 0, false),
	    KRB5_CC_NOTFOUND);
	assert_int_equal(collection_keep_ticket(store_collection(fx.st, 1001), cred, fx.session,
						fx.generation, blob, 0, false),
			 KRB5_CC_NOTFOUND);
	assert_int_equal(collection_nkept(fx.co), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_ticket_of_a_cache_is_found),
		T(a_service_ticket_is_not),
		T(all_of_the_same_names_are_kept),
		T(what_is_around_its_end_does_not_count),
		T(a_name_that_is_no_tgts_is_kept_too),
		T(no_cache_has_it),
		T(a_copy_in_kcm_is_the_same),
		T(a_loose_one_goes_to_the_cache_that_stores_it),
		T(a_replacement_that_fails_harms_no_file),
		T(what_a_renewal_replaced_is_good_until_it_ends),
		T(it_goes_with_its_cache),
		T(it_survives_a_kill),
		T(it_survives_a_rewriting),
		T(it_ends_with_lsaiso),
		T(it_ends_with_its_logon),
		T(what_expired_goes),
		T(the_least_used_goes_first),
		T(the_quota_of_octets_counts_them),
		T(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
