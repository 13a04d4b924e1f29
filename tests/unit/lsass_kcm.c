/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the KCM front answer each operation with the code that makes clients
 * do the right thing, and does RETRIEVE ask a KDC when and only when it may?
 * Whole requests go through the dispatcher; the TGS pool is this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <krb5.h>

#include "lsass/front/kcm/private.h"
#include "lsass/loop.h"
#include "lsass/tgs/tgs.h"
#include "tests/unit/lsass_host.h"

#define TGT	  "krbtgt/R@R"
#define CONF(key) "krb5_ccache_conf_data/" key "@X-CACHECONF:"
#define GC_CACHED MATCH_GC_CACHED
#define AS_MIT	  (MATCH_TIMES | MATCH_AUTHDATA | GC_CACHED)

enum {
	INITIALIZE = 4,
	DESTROY = 5,
	STORE = 6,
	RETRIEVE = 7,
	GET_PRINCIPAL = 8,
	UUID_LIST = 9,
	BY_UUID = 10,
	REMOVE = 11,
	MOVE = 17,
	DEFAULT = 20,
	LIST = 13001,
	REPLACE = 13002
};

static struct config cf;
static struct kcm kc;
static struct client cl;

/* ---- the pool */

static struct {
	int asked, cancelled;
	struct tgs_request req;
	char server[128];
	size_t ntgts;
	tgs_done *done;
	void *arg;
	bool at_once; /* answer before tgs_submit returns */
	int32_t code;
} pool;

uint64_t
tgs_submit(struct tgs *t, const struct tgs_request *req, tgs_done *done, void *arg)
{
	struct wire_princ pr;
	struct rd in = req->server;

	pool.asked++;
	pool.req = *req;
	assert_int_equal(wire_princ(&in, &pr), 0);
	wire_princ_text(&pr, pool.server, sizeof(pool.server));
	pool.done = done;
	pool.arg = arg;
	if (!pool.at_once)
		return 1;
	done(arg, pool.code, NULL, 0);
	return 0;
}

void
tgs_cancel(struct tgs *t, uint64_t number)
{
	pool.cancelled++;
}

static int
set_up(void **state)
{
	const uint8_t key[64] = { 0 };

	host_start();
	host_config(&cf, NULL);
	memset(&pool, 0, sizeof(pool));
	kc = (struct kcm){ .cf = &cf, .st = store_open(&cf, key) };
	cl = (struct client){ .kcm = &kc, .co = store_collection(kc.st, 1000), .fd = -1 };
	return 0;
}

static int
tear_down(void **state)
{
	store_close(kc.st);
	reply_wipe(&kc.reply);
	free(kc.reply.at);
	return 0;
}

/* ---- requests */

static struct made
begin(int op)
{
	struct made ma = { 0 };

	add_u8(&ma, 2);
	add_u8(&ma, 0);
	add_u8(&ma, (uint8_t)(op >> 8));
	add_u8(&ma, (uint8_t)op);
	return ma;
}

static struct made
named(int op, const char *name)
{
	struct made ma = begin(op);

	add_raw(&ma, name, strlen(name) + 1);
	return ma;
}

static int32_t
status(void)
{
	assert_true(kc.reply.len >= KCM_REPLY_HEAD);
	assert_int_equal(wire_get_u32(kc.reply.at), kc.reply.len - 8);
	assert_int_equal(wire_get_u32(kc.reply.at + 4), 0);
	return (int32_t)wire_get_u32(kc.reply.at + 8);
}

/* KCM_LATER, or the status. */
static int32_t
ask(struct made *ma)
{
	return kcm_request(&cl, ma->at, ma->len) ? status() : KCM_LATER;
}

static struct rd
payload(void)
{
	return (struct rd){ kc.reply.at + KCM_REPLY_HEAD, kc.reply.len - KCM_REPLY_HEAD };
}

static int32_t
with_name(int op, const char *name)
{
	struct made ma = named(op, name);

	return ask(&ma);
}

static int32_t
initialize(const char *name)
{
	struct made ma = named(INITIALIZE, name), pr = make_princ("alice@R");

	add_raw(&ma, pr.at, pr.len);
	return ask(&ma);
}

static int32_t
store(const struct spec *sp)
{
	struct made ma = named(STORE, "0"), cred = make_cred(sp);

	add_raw(&ma, cred.at, cred.len);
	return ask(&ma);
}

static int32_t
match(int op, uint32_t flags, const struct spec *sp)
{
	struct made ma = named(op, "0"), mc = make_match(sp);

	add_u32(&ma, flags);
	add_raw(&ma, mc.at, mc.len);
	return ask(&ma);
}

static int32_t
retrieve(uint32_t flags, const struct spec *sp)
{
	return match(RETRIEVE, flags, sp);
}

static void
logged_on(void)
{
	assert_int_equal(initialize("0"), 0);
	assert_int_equal(store(&(struct spec){ .server = TGT, .key = 0xaa }), 0);
}

static struct spec
service(const char *server)
{
	return (struct spec){ .client = "alice@R", .server = server, .end = host_now() };
}

/* ---- the dispatcher */

static void
unknown_operations(void **state)
{
	static const int unknown[] = { 1, 2, 13, 16, 29, 30, 31, 13000, 13003, 65535 };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct made ma = begin(unknown[i]);

		assert_int_equal(ask(&ma), KRB5_FCC_INTERNAL);
	}
	for (int op = 24; op <= 28; op++) {
		struct made ma = begin(op);

		assert_int_equal(ask(&ma), KRB5_CC_NOSUPP);
	}
}

static void
another_version(void **state)
{
	struct made ma = begin(0);

	assert_int_equal(ask(&ma), 0);
	ma.at[0] = 1;
	assert_int_equal(ask(&ma), KRB5_CC_NOSUPP);
}

static void
names_are_checked(void **state)
{
	char name[300];

	memset(name, 'x', sizeof(name));
	name[256] = 0;
	assert_int_equal(with_name(GET_PRINCIPAL, name), KRB5_CC_BADNAME);
	name[255] = 0;
	assert_int_equal(with_name(GET_PRINCIPAL, name), KRB5_FCC_NOFILE);
	assert_int_equal(with_name(GET_PRINCIPAL, ""), KRB5_CC_BADNAME);
	assert_int_equal(with_name(GET_PRINCIPAL, "a\nb"), KRB5_CC_BADNAME);
	assert_int_equal(with_name(GET_PRINCIPAL, "\x7f"), KRB5_CC_BADNAME);
	assert_int_equal(with_name(GET_PRINCIPAL, "caf\xc3\xa9"), KRB5_CC_BADNAME);
	assert_int_equal(with_name(GET_PRINCIPAL, "../0 ~"), KRB5_FCC_NOFILE);
}

/* Every operation, every short prefix of a good request, one octet too many. */
static void
short_and_long_requests(void **state)
{
	struct made requests[7], pr = make_princ("alice@R"),
				 cred = make_cred(&(struct spec){ .server = "host/a@R" }),
				 mc = make_match(&(struct spec){ .server = "host/a@R" });
	const size_t n = sizeof(requests) / sizeof(requests[0]);

	logged_on();
	requests[0] = named(STORE, "0");
	add_raw(&requests[0], cred.at, cred.len);
	requests[1] = named(REMOVE, "0");
	requests[2] = named(RETRIEVE, "0");
	for (int i = 1; i <= 2; i++) {
		add_u32(&requests[i], 0);
		add_raw(&requests[i], mc.at, mc.len);
	}
	requests[3] = named(REPLACE, "0");
	add_u32(&requests[3], 0);
	add_raw(&requests[3], pr.at, pr.len);
	add_u32(&requests[3], 1);
	add_data(&requests[3], cred.at, cred.len);
	requests[4] = named(MOVE, "0");
	add_raw(&requests[4], "to", 3);
	requests[5] = named(INITIALIZE, "other");
	add_raw(&requests[5], pr.at, pr.len);
	requests[6] = named(DESTROY, "0");
	for (size_t i = 0; i < n; i++) {
		for (size_t len = 4; len <= requests[i].len + 1; len++) {
			uint8_t *exact;

			if (len == requests[i].len)
				continue;
			exact = malloc(len);
			memcpy(exact, requests[i].at, len);
			assert_true(kcm_request(&cl, exact, len));
			if (status() != KRB5_CC_FORMAT)
				fail_msg("request %zu of %zu octets: %d", i, len, status());
			free(exact);
		}
	}
	assert_int_equal(pool.asked, 0);
	assert_int_equal(with_name(GET_PRINCIPAL, "0"), 0); /* nothing happened to it */
}

static void
keys_are_wiped_from_the_request(void **state)
{
	struct made ma = named(STORE, "0"),
		    cred = make_cred(&(struct spec){ .server = "host/a@R", .key = 0xbb });

	logged_on();
	add_raw(&ma, cred.at, cred.len);
	assert_int_equal(ask(&ma), 0);
	assert_false(holds_run(ma.at, ma.len, 0xbb, 4));
	/* Also when it was refused. */
	ma = named(STORE, "nothing");
	add_raw(&ma, cred.at, cred.len);
	assert_int_equal(ask(&ma), KRB5_FCC_NOFILE);
	assert_false(holds_run(ma.at, ma.len, 0xbb, 4));
}

static void
the_codes_of_misses(void **state)
{
	struct made ma;

	logged_on();
	assert_int_equal(with_name(DESTROY, "no"), KRB5_FCC_NOFILE);
	assert_int_equal(with_name(LIST, "no"), KRB5_FCC_NOFILE);
	assert_int_equal(match(REMOVE, 0, &(struct spec){ .server = "host/no@R" }),
			 KRB5_CC_NOTFOUND);
	assert_int_equal(retrieve(GC_CACHED, &(struct spec){ .server = CONF("start_realm") }),
			 KRB5_CC_END);
	ma = named(BY_UUID, "0");
	add_raw(&ma, "0123456789abcdef", 16);
	assert_int_equal(ask(&ma), KRB5_CC_END);
	ma = begin(19);
	add_raw(&ma, "0123456789abcdef", 16);
	assert_int_equal(ask(&ma), KRB5_CC_END);
	ma = begin(DEFAULT);
	assert_int_equal(ask(&ma), 0);
	assert_memory_equal(payload().at, "0", 2);
}

/* Every way to read a cache: no TGT key, nothing hidden. */
static void
no_way_to_read_what_is_withheld(void **state)
{
	struct made ma;
	struct rd uuids;

	logged_on();
	assert_int_equal(store(&(struct spec){ .server = CONF("fast_avail/krbtgt"),
					       .key_len = -1,
					       .ticket = "AAAAAAAA" }),
			 0);
	assert_int_equal(retrieve(GC_CACHED, &(struct spec){ .server = CONF("fast_avail/krbtgt") }),
			 KRB5_CC_END);
	assert_int_equal(retrieve(GC_CACHED, &(struct spec){ .server = TGT }), 0);
	assert_false(holds_run(payload().at, payload().len, 0xaa, 8));
	assert_int_equal(with_name(LIST, "0"), 0);
	assert_int_equal(wire_get_u32(payload().at), 1);
	assert_false(holds_run(payload().at, payload().len, 0xaa, 8));
	assert_false(holds_run(payload().at, payload().len, 'A', 8));
	assert_int_equal(with_name(UUID_LIST, "0"), 0);
	uuids = payload();
	assert_int_equal(uuids.len, 16);
	ma = named(BY_UUID, "0");
	add_raw(&ma, uuids.at, 16);
	assert_int_equal(ask(&ma), 0);
	assert_false(holds_run(payload().at, payload().len, 0xaa, 8));
}

static void
uids_are_apart(void **state)
{
	struct collection *mine = cl.co;

	logged_on();
	cl.co = store_collection(kc.st, 0);
	assert_int_equal(with_name(GET_PRINCIPAL, "0"), KRB5_FCC_NOFILE);
	cl.co = mine;
	assert_int_equal(with_name(GET_PRINCIPAL, "0"), 0);
}

/* ---- RETRIEVE */

static void
what_is_in_the_cache_asks_nobody(void **state)
{
	struct spec sp = service("host/a@R");

	logged_on();
	assert_int_equal(store(&(struct spec){ .server = "host/a@R" }), 0);
	assert_int_equal(retrieve(AS_MIT, &sp), 0);
	assert_int_equal(pool.asked, 0);
	/* A longer one than there is, is asked for, with its end time. */
	sp.end = host_now() + 7200;
	assert_int_equal(retrieve(AS_MIT, &sp), KCM_LATER);
	assert_int_equal(pool.req.endtime, sp.end);
}

static void
a_miss_is_asked_for(void **state)
{
	struct spec sp = service("host/a@R");

	logged_on();
	assert_int_equal(retrieve(AS_MIT, &sp), KCM_LATER);
	assert_int_equal(pool.asked, 1);
	assert_string_equal(pool.server, "host/a@R");
	assert_int_equal(pool.req.uid, 1000);
	assert_int_equal(pool.req.ntgts, 1);
	assert_int_equal(pool.req.endtime, 0);
	assert_int_equal(pool.req.etype, 0);
	assert_false(pool.req.user_to_user);
	sp.etype = 17;
	assert_int_equal(retrieve(AS_MIT | MATCH_KEYTYPE, &sp), KCM_LATER);
	assert_int_equal(pool.req.etype, 17);
	sp = (struct spec){
		.client = "alice@R", .server = "bob@R", .is_skey = true, .second = "tgt of bob"
	};
	assert_int_equal(retrieve(AS_MIT | MATCH_2ND_TKT | MATCH_IS_SKEY, &sp), KCM_LATER);
	assert_true(pool.req.user_to_user);
	assert_true(wire_is(pool.req.second_ticket, "tgt of bob"));
	sp = (struct spec){ .client = "alice@R", .server = "krbtgt/OTHER@R" };
	assert_int_equal(retrieve(AS_MIT, &sp), KCM_LATER);
	sp = (struct spec){ .client = "alice@R", .server = "host/short@" };
	assert_int_equal(retrieve(AS_MIT, &sp), KCM_LATER);
	assert_int_equal(pool.asked, 5);
}

static void
what_is_never_asked_for(void **state)
{
	static const struct {
		const char *what;
		uint32_t flags;
		struct spec match;
		int32_t code;
	} rows[] = {
		{ "config", AS_MIT, { .server = CONF("x") }, KRB5_CC_END },
		{ "other config", AS_MIT, { .server = "x/y@X-CACHECONF:" }, KRB5_CC_END },
		{ "gssproxy",
		  AS_MIT,
		  { .server = "Encrypted/Credentials/v1@X-GSSPROXY:" },
		  KRB5_CC_END },
		{ "S4U2Self",
		  AS_MIT,
		  { .client = "bob@R", .server = "host/a@R" },
		  KRB5KDC_ERR_POLICY },
		{ "S4U2Proxy",
		  AS_MIT | MATCH_2ND_TKT,
		  { .server = "host/a@R", .second = "e" },
		  KRB5KDC_ERR_POLICY },
		{ "realm walk",
		  MATCH_SRV_NAMEONLY | MATCH_TIMES,
		  { .server = "krbtgt/O@O" },
		  KRB5_CC_NOTFOUND },
		{ "own TGT, of another type",
		  MATCH_KEYTYPE,
		  { .server = TGT, .etype = 17 },
		  KRB5_CC_NOTFOUND },
		{ "nothing named", MATCH_KEYTYPE, { .etype = 17 }, KRB5_CC_END },
	};

	logged_on();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int32_t code = retrieve(rows[i].flags, &rows[i].match);

		if (code != rows[i].code || pool.asked != 0)
			fail_msg("%s: %d", rows[i].what, code);
	}
}

static void
without_a_tgt_the_client_goes_on(void **state)
{
	struct spec sp = service("host/a@R");

	assert_int_equal(initialize("0"), 0);
	assert_int_equal(store(&(struct spec){ .server = "host/b@R" }), 0);
	assert_int_equal(retrieve(AS_MIT, &sp), KRB5_CC_NOTFOUND);
	assert_int_equal(pool.asked, 0);
}

static void
an_expired_or_dead_tgt_says_so(void **state)
{
	struct spec sp = service("host/a@R");
	uint8_t boot_id[16];

	assert_int_equal(initialize("0"), 0);
	assert_int_equal(store(&(struct spec){ .server = TGT, .end = 1000 }), 0);
	assert_int_equal(retrieve(AS_MIT, &sp), KRB5KRB_AP_ERR_TKT_EXPIRED);
	logged_on();
	host_start();
	host_boot(boot_id);
	store_boot_id(kc.st, boot_id);
	assert_int_equal(retrieve(AS_MIT, &sp), KRB5KRB_AP_ERR_TKT_EXPIRED);
	sp = service(TGT);
	assert_int_equal(retrieve(AS_MIT, &sp), KRB5KRB_AP_ERR_TKT_EXPIRED);
	assert_int_equal(retrieve(GC_CACHED, &(struct spec){ .server = TGT }), 0);
	assert_int_equal(pool.asked, 0);
}

static void
an_expired_service_ticket_is_none(void **state)
{
	logged_on();
	assert_int_equal(store(&(struct spec){ .server = "host/a@R", .end = 1000 }), 0);
	assert_int_equal(retrieve(0, &(struct spec){ .server = "host/a@R" }), KCM_LATER);
}

static void
an_answer_that_is_known_at_once(void **state)
{
	struct spec sp = service("nosuch/a@R");

	logged_on();
	pool.at_once = true;
	pool.code = KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN;
	assert_int_equal(retrieve(AS_MIT, &sp), KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN);
	assert_int_equal(payload().len, 0);
	assert_int_equal(cl.ticket, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_operations),
		TEST(another_version),
		TEST(names_are_checked),
		TEST(short_and_long_requests),
		TEST(keys_are_wiped_from_the_request),
		TEST(the_codes_of_misses),
		TEST(no_way_to_read_what_is_withheld),
		TEST(uids_are_apart),
		TEST(what_is_in_the_cache_asks_nobody),
		TEST(a_miss_is_asked_for),
		TEST(what_is_never_asked_for),
		TEST(without_a_tgt_the_client_goes_on),
		TEST(an_expired_or_dead_tgt_says_so),
		TEST(an_expired_service_ticket_is_none),
		TEST(an_answer_that_is_known_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
