/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logons without a KDC: is the right password told from any other, and can
 * nobody try more often than the delays let them, with whatever verifier,
 * session or restart?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <nettle/pbkdf2.h>

#include "blob.h"
#include "iso_host.h"
#include "offline.h"

#define OWNER	 1000u
#define NAME	 "alice@EXAMPLE.TEST"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t root[ISO_ROOT_KEY] = "a root key that outlives starts";

/* An lsaiso, a session in it, and the verifier that lsass keeps. */
struct place {
	struct iso *iso;
	struct iso_rep_session_open s;
	uint8_t verifier[ISO_VERIFIER_MAX];
	uint32_t len;
	uint32_t wait; /* of the last try */
};

static struct rd
text(const char *t)
{
	return (struct rd){ (const uint8_t *)t, strlen(t) };
}

static void
session(struct place *p, uint32_t owner)
{
	struct iso_req_session_open open = { .owner = owner, .lifetime = 8640000 };

	assert_int_equal(iso_call(p->iso, ISO_OP_session_open, &open, &p->s), ISO_OK);
}

/* (Re)start lsaiso with the kept root key; the verifier stays. */
static void
start(struct place *p, uint32_t policy, bool kept)
{
	struct iso_req_root_set set = { .key = { root, sizeof(root) } };
	struct iso_req_configure conf = { .policy = policy, .rate = 1000, .burst = 1000 };

	p->iso = iso_fresh();
	if (kept)
		assert_int_equal(iso_call(p->iso, ISO_OP_root_set, &set, NULL), ISO_OK);
	assert_int_equal(iso_call(p->iso, ISO_OP_configure, &conf, NULL), ISO_OK);
	session(p, OWNER);
}

/* A password as it comes out of a box. */
static struct iso_rep_logon_absorb
typed_may(struct place *p, const char *password, const char *name, uint16_t may)
{
	struct blob b = { .kind = ISO_KIND_PASSWORD, .may = may };
	struct iso_rep_logon_absorb out = { 0 };

	b.expires_ms = iso_now(p->iso) + ISO_BOX_MS;
	blob_client_hash(text(name), b.client);
	assert_int_equal(blob_seal(p->iso, &p->iso->session[p->s.session], &b, text(password),
				   (struct wr){ out.blob.at, sizeof(out.blob.at) }, &out.blob.len),
			 ISO_OK);
	return out;
}

static enum iso_status
make_as(struct place *p, const char *password, const char *name, uint32_t owner)
{
	struct iso_rep_logon_absorb typed = typed_may(p, password, name, ISO_MAY_S2K);
	struct iso_req_offline_make req = { .session = p->s.session,
					    .generation = p->s.generation,
					    .owner = owner,
					    .password = { typed.blob.at, typed.blob.len },
					    .name = text(name) };
	struct iso_rep_offline_make rep = { 0 };
	enum iso_status st = iso_call(p->iso, ISO_OP_offline_make, &req, &rep);

	if (st == ISO_OK) {
		memcpy(p->verifier, rep.verifier.at, rep.verifier.len);
		p->len = rep.verifier.len;
	}
	return st;
}

static void
make(struct place *p, const char *password)
{
	assert_int_equal(make_as(p, password, NAME, OWNER), ISO_OK);
}

/* A try; -1 - status when there is no verdict. The new verifier is kept. */
static int
try_as(struct place *p, const char *password, const char *name, uint32_t owner)
{
	struct iso_rep_logon_absorb typed = typed_may(p, password, name, ISO_MAY_S2K);
	struct iso_req_offline_try req = { .session = p->s.session,
					   .generation = p->s.generation,
					   .owner = owner,
					   .password = { typed.blob.at, typed.blob.len },
					   .name = text(name),
					   .verifier = { p->verifier, p->len } };
	struct iso_rep_offline_try rep = { 0 };
	enum iso_status st = iso_call(p->iso, ISO_OP_offline_try, &req, &rep);

	if (st != ISO_OK)
		return -1 - (int)st;
	memcpy(p->verifier, rep.verifier.at, rep.verifier.len);
	p->len = rep.verifier.len;
	p->wait = rep.wait;
	return (int)rep.verdict;
}

#define REFUSED(status) (-1 - (int)(status))

static int
try(struct place *p, const char *password)
{
	return try_as(p, password, NAME, OWNER);
}

/* Past what nobody may try within after a start. */
static void
settle(struct place *p)
{
	pass_ms(OFFLINE_START_MS);
	iso_now(p->iso);
}

static void
right_and_wrong(void **state)
{
	static const char *const wrong[] = {
		"secreu", "secre", "secrets", "Secret", "s", "tercse"
	};
	struct place p = { 0 };

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	settle(&p);
	assert_int_equal(try(&p, "secret"), 1);
	assert_int_equal(p.wait, 0);
	assert_int_equal(try(&p, "secret"), 1);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(try(&p, wrong[i]), 0);
		assert_int_equal(p.wait, 2);
		pass_ms(2000);
		assert_int_equal(try(&p, "secret"), 1); /* and all is forgotten */
	}
}

/* Two seconds, four, ... an hour; too early is never tried, right or not. */
static void
ever_slower(void **state)
{
	struct place p = { 0 };
	uint32_t wait = 1;

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	settle(&p);
	for (int i = 0; i < 14; i++) {
		wait = wait * 2 < 3600 ? wait * 2 : 3600;
		assert_int_equal(try(&p, "wrong"), 0);
		assert_int_equal(p.wait, wait);
		assert_int_equal(try(&p, "secret"), 2);
		assert_int_equal(p.wait, wait);
		pass_ms(wait * UINT64_C(1000) - 1);
		assert_int_equal(try(&p, "secret"), 2);
		assert_int_equal(try(&p, "wrong"), 2);
		assert_int_equal(p.wait, 1);
		pass_ms(1);
	}
	assert_int_equal(try(&p, "secret"), 1);
	assert_int_equal(try(&p, "wrong"), 0);
	assert_int_equal(p.wait, 2);
}

/* Within a run the count is lsaiso's: no blob, session, new verifier gives any back. */
static void
no_verifier_gives_tries_back(void **state)
{
	struct place p = { 0 }, old;

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	old = p;
	settle(&p);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(try(&p, "wrong"), 0);
		assert_int_equal(p.wait, 1u << i);
		memcpy(p.verifier, old.verifier, sizeof(p.verifier)); /* put back */
		session(&p, OWNER);
		assert_int_equal(try(&p, "secret"), 2);
		make(&p, "secret"); /* another one of the same password */
		assert_int_equal(try(&p, "secret"), 2);
		assert_int_equal(p.wait, 1u << i);
		pass_ms(1000u << i);
	}
	/* the right one resets, and only that */
	assert_int_equal(try(&p, "secret"), 1);
	assert_int_equal(try(&p, "wrong"), 0);
	assert_int_equal(p.wait, 2);
}

static void
restarts(void **state)
{
	struct place p = { 0 }, old;

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, true);
	make(&p, "secret");
	old = p;
	assert_int_equal(try(&p, "secret"), 2);
	assert_int_equal(p.wait, OFFLINE_START_MS / 1000);
	settle(&p);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(try(&p, "wrong"), 0);
		pass_ms(p.wait * UINT64_C(1000));
	}
	/* the count came along: 2^6 seconds from the start */
	start(&p, ISO_POLICY_OFFLINE, true);
	settle(&p);
	assert_int_equal(try(&p, "secret"), 2);
	assert_int_equal(p.wait, 64 - OFFLINE_START_MS / 1000);
	/* an older one put back: one try for a restart, and the wait for it */
	start(&p, ISO_POLICY_OFFLINE, true);
	memcpy(p.verifier, old.verifier, sizeof(p.verifier));
	assert_int_equal(try(&p, "wrong"), 2);
	settle(&p);
	assert_int_equal(try(&p, "wrong"), 0);
	memcpy(p.verifier, old.verifier, sizeof(p.verifier));
	assert_int_equal(try(&p, "secret"), 2);
	/* the same root key is needed */
	start(&p, ISO_POLICY_OFFLINE, false);
	settle(&p);
	assert_int_equal(try(&p, "secret"), REFUSED(ISO_E_BLOB));
}

/* The table: lines of who is waiting stay, and are not shared. */
static void
table_is_finite(void **state)
{
	struct place p = { 0 };
	struct offline_who who = { .owner = OWNER };
	struct offline *o;
	char name[40];

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	settle(&p);
	assert_int_equal(try(&p, "wrong"), 0);
	/* filled up by others that failed, without their slow hashes */
	for (uint32_t i = 1; i < ISO_OFFLINES; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		blob_client_hash(text(name), who.name);
		o = offline_find(p.iso, &who, 0);
		assert_non_null(o);
		offline_count(p.iso, o, false);
	}
	blob_client_hash(text("one more"), who.name);
	assert_null(offline_find(p.iso, &who, 0));
	assert_int_equal(make_as(&p, "secret", "one more", OWNER), ISO_OK);
	assert_int_equal(try_as(&p, "secret", "one more", OWNER), REFUSED(ISO_E_FULL));
	/* one that got it right makes room, once */
	blob_client_hash(text("user7"), who.name);
	o = offline_find(p.iso, &who, 0);
	assert_non_null(o);
	offline_count(p.iso, o, true);
	assert_int_equal(try_as(&p, "wrong", "one more", OWNER), 0);
	assert_int_equal(p.wait, 2);
	assert_null(offline_find(p.iso, &who, 0));
	/* ours was not lost, a day later it is */
	make(&p, "secret");
	assert_int_equal(try(&p, "secret"), 2);
	pass_ms(OFFLINE_FORGET_MS + 1000);
	iso_now(p.iso);
	assert_null(offline_find(p.iso, &who, 0));
	pass_ms(1000);
	iso_now(p.iso);
	assert_non_null(offline_find(p.iso, &who, 0));
}

static void
bound_to_whose_it_is(void **state)
{
	struct place p = { 0 }, good;

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	settle(&p);
	good = p;
	/* another principal, another owner */
	assert_int_equal(try_as(&p, "secret", "bob@EXAMPLE.TEST", OWNER), REFUSED(ISO_E_BLOB));
	assert_int_equal(try_as(&p, "secret", NAME, OWNER + 1), REFUSED(ISO_E_OWNER));
	session(&p, OWNER + 1);
	assert_int_equal(try_as(&p, "secret", NAME, OWNER + 1), REFUSED(ISO_E_BLOB));
	session(&p, OWNER);
	/* every bit, every length */
	for (uint32_t i = 0; i < good.len * 8; i++) {
		p.verifier[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(try(&p, "secret"), REFUSED(ISO_E_BLOB));
		p.verifier[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (p.len = 0; p.len <= ISO_VERIFIER_MAX; p.len++) {
		if (p.len != good.len)
			assert_int_equal(try(&p, "secret"), REFUSED(ISO_E_BLOB));
	}
	p.len = good.len;
	assert_int_equal(try(&p, "secret"), 1);
	/* two of the same are not the same octets: salt and nonce */
	make(&p, "secret");
	assert_memory_not_equal(p.verifier, good.verifier, 16);
	assert_memory_not_equal(p.verifier + SEAL_OVER, good.verifier + SEAL_OVER, 56);
}

static void
refused(void **state)
{
	struct place p = { 0 };
	struct iso_rep_logon_absorb typed;
	struct iso_req_offline_make req;

	(void)state;
	start(&p, ISO_POLICY_ALL & ~ISO_POLICY_OFFLINE, false);
	assert_int_equal(make_as(&p, "secret", NAME, OWNER), ISO_E_POLICY);
	assert_int_equal(try(&p, "secret"), REFUSED(ISO_E_POLICY));
	start(&p, ISO_POLICY_OFFLINE, false);
	assert_int_equal(make_as(&p, "secret", NAME, OWNER + 1), ISO_E_OWNER);
	/* a password to change to, another name than in the box, too old, changed */
	typed = typed_may(&p, "secret", NAME, ISO_MAY_NEW);
	req = (struct iso_req_offline_make){ .session = p.s.session,
					     .generation = p.s.generation,
					     .owner = OWNER,
					     .password = { typed.blob.at, typed.blob.len },
					     .name = text(NAME) };
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_KIND);
	typed = typed_may(&p, "secret", NAME, ISO_MAY_S2K);
	req.name.len--;
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_OWNER);
	req.name.len++;
	typed.blob.at[60] ^= 1;
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_BLOB);
	typed.blob.at[60] ^= 1;
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_OK);
	test_host.no_entropy = true;
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_ENTROPY);
	test_host.no_entropy = false;
	p.iso->session[p.s.session].flags |= SESSION_LOCKED;
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_LOCKED);
	p.iso->session[p.s.session].flags = 0;
	pass_ms(ISO_BOX_MS);
	assert_int_equal(iso_call(p.iso, ISO_OP_offline_make, &req, NULL), ISO_E_EXPIRED);
}

/* What is sealed is PBKDF2-HMAC-SHA256, and is counted before it is compared. */
static void
what_is_in_it(void **state)
{
	struct place p = { 0 };
	struct offline_who who = { .owner = OWNER };
	struct verifier v = { 0 };
	uint8_t hash[ISO_HASH];
	struct rd sealed;

	(void)state;
	start(&p, ISO_POLICY_OFFLINE, false);
	make(&p, "secret");
	sealed = (struct rd){ p.verifier, p.len };
	blob_client_hash(text(NAME), who.name);
	assert_int_equal(verifier_open(p.iso, &who, sealed, &v), ISO_OK);
	assert_int_equal(v.iterations, OFFLINE_ITERATIONS);
	assert_int_equal(v.tries, 0);
	pbkdf2_hmac_sha256(6, (const uint8_t *)"secret", OFFLINE_ITERATIONS, sizeof(v.salt), v.salt,
			   sizeof(hash), hash);
	assert_memory_equal(hash, v.hash, sizeof(hash));
	settle(&p);
	assert_int_equal(try(&p, "wrong"), 0);
	sealed = (struct rd){ p.verifier, p.len };
	assert_int_equal(verifier_open(p.iso, &who, sealed, &v), ISO_OK);
	assert_int_equal(v.tries, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_and_wrong),
		cmocka_unit_test(ever_slower),
		cmocka_unit_test(no_verifier_gives_tries_back),
		cmocka_unit_test(restarts),
		cmocka_unit_test(table_is_finite),
		cmocka_unit_test(bound_to_whose_it_is),
		cmocka_unit_test(refused),
		cmocka_unit_test(what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
