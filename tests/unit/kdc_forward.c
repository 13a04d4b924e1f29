/* SPDX-License-Identifier: GPL-3.0-or-later */
/* To which services may a TGT be forwarded, and does the logon hold a ticket of one? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lsass/cache/private.h"
#include "lsass/front/kdc/forward.h"
#include "tests/unit/lsass_host.h"

struct fixture {
	struct config cf;
	struct store *st;
	struct collection *co;
};
static struct fixture fx;

static struct wire_princ
service(const char *type, const char *host, size_t host_len)
{
	struct wire_princ pr = { .type = 3, .ncomp = 2 };

	pr.comp[0] = (struct rd){ (const uint8_t *)type, strlen(type) };
	pr.comp[1] = (struct rd){ (const uint8_t *)host, host_len };
	return pr;
}

static bool
listed(const char *list, const char *type, const char *host)
{
	struct wire_princ pr = service(type, host, strlen(host));

	return forward_on_list(list, &pr);
}

static void
names_are_compared_whole(void **state)
{
	const char *list = "host/a.example HTTP/*.example.com\tnfs/b";

	assert_true(listed(list, "host", "a.example"));
	assert_true(listed(list, "HOST", "A.Example"));
	assert_true(listed(list, "http", "web.example.com"));
	assert_true(listed(list, "HTTP", "a.b.example.com"));
	assert_true(listed(list, "nfs", "b"));
	assert_false(listed(list, "host", "a.exampl"));
	assert_false(listed(list, "host", "a.example.com"));
	assert_false(listed(list, "host", "b"));
	assert_false(listed(list, "HTTP", "example.com"));
	assert_false(listed(list, "HTTP", ".example.com"));
	assert_false(listed(list, "HTTP", "webexample.com"));
	assert_false(listed(list, "nfs", ""));
	assert_false(listed("", "nfs", "b"));
	assert_false(listed("nfs", "nfs", "b"));
	assert_false(listed("nfs/ /b", "nfs", "b"));
}

static void
octets_0_and_short_names_are_on_no_list(void **state)
{
	struct wire_princ pr = service("host", "a\0.example", 10);

	assert_false(forward_on_list("host/a", &pr));
	assert_false(forward_on_list("host/*.example", &pr));
	pr = service("host", "a", 1);
	pr.ncomp = 1;
	assert_false(forward_on_list("host/a", &pr));
}

static int
set_up(void **state)
{
	const uint8_t key[64] = { 0 };

	host_start();
	host_config(&fx.cf, NULL);
	fx.cf.delegation_forward = "allow";
	fx.cf.delegation_targets = "host/a.example";
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

static struct cred *
log_on(const char *name)
{
	struct made pr = make_princ("alice@R");
	struct made ma = make_cred(&(struct spec){ .server = "krbtgt/R@R" });
	struct cache *ca;

	assert_int_equal(cache_initialize(fx.co, name, made_rd(&pr), &ca), 0);
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	return cache_tgt(ca);
}

static void
get(struct cred *tgt, const char *server, uint32_t end)
{
	struct made ma = make_cred(&(struct spec){ .server = server, .end = end });

	assert_int_equal(cache_store(tgt->cache, ma.at, ma.len), 0);
}

static void
it_takes_a_live_ticket_of_the_same_logon(void **state)
{
	struct cred *tgt = log_on("0"), *other = log_on("1");

	assert_non_null(forward_why_not(&fx.cf, tgt));
	get(tgt, "host/b.example@R", 0);
	get(tgt, "host/a.example@R", host_now() - 10);
	assert_non_null(forward_why_not(&fx.cf, tgt));
	get(other, "host/a.example@R", 0);
	assert_non_null(forward_why_not(&fx.cf, tgt));
	assert_null(forward_why_not(&fx.cf, other));
	get(tgt, "host/a.example@R", 0);
	assert_null(forward_why_not(&fx.cf, tgt));
}

static void
what_the_endpoint_gave_counts_until_it_ends(void **state)
{
	struct cred *tgt = log_on("0");
	struct wire_princ a = service("host", "a.example", 9), b = service("host", "b", 1);

	forward_given(&fx.cf, tgt->logon, &b, host_now() + 60);
	assert_non_null(forward_why_not(&fx.cf, tgt));
	forward_given(&fx.cf, tgt->logon, &a, (int64_t)host_now() - 1);
	assert_non_null(forward_why_not(&fx.cf, tgt));
	forward_given(&fx.cf, tgt->logon, &a, host_now() + 60);
	assert_null(forward_why_not(&fx.cf, tgt));
}

static void
deny_is_deny_and_an_empty_list_is_all(void **state)
{
	struct cred *tgt = log_on("0");

	fx.cf.delegation_targets = " ";
	assert_null(forward_why_not(&fx.cf, tgt));
	fx.cf.delegation_forward = "deny";
	assert_non_null(forward_why_not(&fx.cf, tgt));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_whole),
		cmocka_unit_test(octets_0_and_short_names_are_on_no_list),
		T(it_takes_a_live_ticket_of_the_same_logon),
		T(what_the_endpoint_gave_counts_until_it_ends),
		T(deny_is_deny_and_an_empty_list_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
