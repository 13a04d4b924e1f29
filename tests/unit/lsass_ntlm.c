/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the hash of a user's own, and of nobody else's, answer for the names it
 * should, for as long as its logon lives, and is what comes out what a server
 * takes? The trusted core is the real one.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso_host.h"
#include "lib/log.h"
#include "tests/unit/hash_world.h"

/* ---- which hash answers for which name */

static void
names_of_a_logon(void **state)
{
	static const struct {
		const char *domain, *user;
		bool answers;
	} rows[] = {
		{ "", "alice", true },
		{ "TEST", "alice", true },
		{ "test", "ALICE", true },
		{ "TEST.LOCAL", "alice", true },
		{ "test.local", "alice", true },
		{ "TEST.LOCA", "alice", false },
		{ "OTHER", "alice", false },
		{ "TEST", "alic", false },
		{ "TEST", "", false },
		{ "TEST", "alice@TEST.LOCAL", false },
		{ "TEST", "bob", false }, /* he is of another realm */
		{ "OTHER", "bob", true },
		{ "other.REALM.example", "bob", true },
		{ "", "bob", true },
		{ "TEST", "typed", true }, /* as it was typed, no KDC said more */
		{ "TEST", "admin", false },
		{ "TEST", "carol", false },
		{ "", "carol", false },
	};
	struct ntlm_answer an;

	(void)state;
	nw_start("on", "");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)nw_inside(ALICE, "bob", "bob@OTHER.REALM.EXAMPLE", "pw");
	(void)nw_inside(ALICE, "typed", NULL, "pw");
	(void)nw_inside(ALICE, "admin", "admin/carol@TEST.LOCAL", "pw");
	(void)nw_added(ALICE, "ELSE\\carol", "pw");
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum ntlm_result want = rows[i].answers ? NTLM_DONE : NTLM_NONE;

		assert_int_equal(nw_has(ALICE, rows[i].domain, rows[i].user), want);
		assert_int_equal(nw_answer(ALICE, rows[i].domain, rows[i].user, &an), want);
		assert_int_equal(an.message_len > 0, rows[i].answers);
	}
	assert_string_equal(ntlm_domain(fx.nt), "TEST");
}

static void
the_domain_of_the_configuration(void **state)
{
	struct ntlm_answer an;

	(void)state;
	fx.cf.ntlm_domain = fx.corp;
	nw_start("on", "");
	assert_string_equal(ntlm_domain(fx.nt), "CORP");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)nw_inside(ALICE, "bob", "bob@OTHER.LOCAL", "pw");
	assert_int_equal(nw_has(ALICE, "corp", "alice"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "CORP", "bob"), NTLM_NONE);
	/* who names no domain gets the one of the logon */
	assert_int_equal(nw_answer(ALICE, "", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "CORP", "alice", "pw"));
	assert_int_equal(nw_answer(ALICE, "", "bob", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "OTHER", "bob", "pw"));
	/* who names one gets that */
	assert_int_equal(nw_answer(ALICE, "test.local", "Alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "test.local", "Alice", "pw"));
	assert_false(nw_is_right(&an, "TEST", "Alice", "pw"));
}

static void
added_names_are_exact(void **state)
{
	struct ntlm_answer an;

	(void)state;
	nw_start("on", "");
	(void)nw_added(ALICE, "Corp\\Zo\u00eb", "p\u00e4ss");
	assert_int_equal(nw_has(ALICE, "CORP", "zo\u00cb"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "", "zo\u00cb"), NTLM_NONE);
	assert_int_equal(nw_has(ALICE, "TEST", "zo\u00cb"), NTLM_NONE);
	assert_int_equal(nw_has(ALICE, "CORP", "zoe"), NTLM_NONE);
	assert_int_equal(nw_answer(ALICE, "CORP", "zo\u00eb", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "CORP", "zo\u00eb", "p\u00e4ss"));
	assert_false(nw_is_right(&an, "CORP", "zo\u00eb", "pass"));
}

static void
hashes_of_heimdal(void **state)
{
	struct ntlm_answer an;
	struct cache *ca;

	(void)state;
	nw_start("on", "");
	(void)nw_heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	assert_int_equal(nw_has(ALICE, "mine", "Alice"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "", "alice"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(nw_has(OTHER, "MINE", "alice"), NTLM_NONE);
	assert_int_equal(nw_answer(ALICE, "MINE", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "MINE", "alice", "h pw"));
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "TEST", "alice"), 0);
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "mine", "ALICE"), 1);
	assert_int_equal(nw_has(ALICE, "MINE", "alice"), NTLM_NONE);
	ca = nw_heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	cache_destroy(ca);
	assert_int_equal(nw_has(ALICE, "MINE", "alice"), NTLM_NONE);
	(void)nw_heimdal(ALICE, "alice/admin@TEST.LOCAL", "MINE", "h pw");
	assert_int_equal(nw_has(ALICE, "MINE", "alice"), NTLM_NONE);
}

static void
unlocked_then_newest(void **state)
{
	struct held *older, *newer;
	struct ntlm_answer an;

	(void)state;
	nw_start("on", "");
	(void)nw_heimdal(ALICE, "alice@TEST.LOCAL", "TEST", "oldest");
	older = nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "older");
	newer = nw_added(ALICE, "TEST\\alice", "newer");
	older->started = newer->started - 10;
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "TEST", "alice", "newer"));
	older->started = newer->started + 10;
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "TEST", "alice", "older"));
	nw_lock(older);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_DONE);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "TEST", "alice", "newer"));
	nw_lock(newer);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "TEST", "alice", "oldest"));
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "TEST", "alice"), 2);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_LOCKED);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_LOCKED);
	assert_int_equal(an.message_len, 0);
	older->locked = false; /* lsass is wrong about it: lsaiso is not */
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_LOCKED);
	assert_int_equal(an.message_len, 0);
}

/* ---- whose, and for how long */

static void
nobody_elses(void **state)
{
	struct ntlm_answer an;

	(void)state;
	nw_start("on", "");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)nw_added(ALICE, "CORP\\carol", "pw");
	for (size_t i = 0; i < 2; i++) {
		uid_t uid = i == 0 ? 0 : OTHER;

		assert_int_equal(nw_has(uid, "TEST", "alice"), NTLM_NONE);
		assert_int_equal(nw_has(uid, "CORP", "carol"), NTLM_NONE);
		assert_int_equal(nw_answer(uid, "TEST", "alice", &an), NTLM_NONE);
		assert_int_equal(nw_answer(uid, "CORP", "carol", &an), NTLM_NONE);
		assert_int_equal(an.message_len, 0);
		assert_false(an.has_key);
		assert_int_equal(ntlm_remove(fx.nt, uid, "CORP", "carol"), 0);
	}
	assert_null(ntlm_use_at(fx.nt, 0));
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_DONE);
}

static bool
count(struct logon *lo, void *arg)
{
	size_t *n = arg;

	(void)lo;
	++*n;
	return false;
}

/* Logons that lsass has, ended or not. */
static size_t
kept(void)
{
	size_t n = 0;

	store_each_logon(fx.logons.store, count, &n);
	return n;
}

static void
the_end_of_a_logon(void **state)
{
	uint32_t before;
	struct held *he;
	struct ntlm_answer an;

	(void)state;
	nw_start("on", "");
	before = host_sessions();
	he = nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)nw_added(ALICE, "CORP\\carol", "pw");
	assert_int_equal(host_sessions(), before + 2);
	(void)logons_end(&fx.logons, he->logon);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_NONE);
	host_gone();
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_GONE);
	assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_GONE);
	host_back();
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_DONE);
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "CORP", "carol"), 1);
	assert_int_equal(host_sessions(), before);
	/* what lsaiso says has ended has, whatever lsass believes */
	he = nw_added(ALICE, "CORP\\carol", "pw");
	pass_ms(36000ull * 1000 + 1);
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_GONE);
	assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_GONE);
	/* and lsass lets go of it in time */
	he->logon->expires = host_now() - 1;
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_NONE);
	logons_tick(&fx.logons);
	assert_int_equal(kept(), 0);
	assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_NONE);
}

static void
another_lsaiso(void **state)
{
	uint8_t boot[16];

	(void)state;
	nw_start("on", "");
	(void)nw_added(ALICE, "CORP\\carol", "pw");
	store_boot_id(fx.logons.store, NULL);
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_NONE);
	host_start_ntlm(ISO_POLICY_NTLM, (struct rd){ 0 });
	host_boot(boot);
	store_boot_id(fx.logons.store, boot);
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_NONE);
	logons_tick(&fx.logons);
	assert_int_equal(kept(), 0);
	(void)nw_added(ALICE, "CORP\\carol", "pw");
	assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_DONE);
}

static void
another_lsass(void **state)
{
	struct ntlm_answer an;
	uint32_t sessions;
	struct held *he;

	(void)state;
	nw_start("on", "");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	he = nw_added(ALICE, "CORP\\carol", "c pw");
	nw_lock(he);
	logons_save(he);
	(void)nw_added(ALICE, "CORP\\dave", "d pw");
	(void)nw_begin(ALICE, "CORP\\begun");
	(void)nw_heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	sessions = host_sessions();
	for (int i = 0; i < 2; i++) { /* what was read can be read again */
		nw_close_store();
		nw_open_store();
		assert_int_equal(host_sessions(), sessions - 1); /* but not what was begun */
		assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
		assert_true(nw_is_right(&an, "TEST", "alice", "pw"));
		assert_int_equal(nw_has(ALICE, "CORP", "carol"), NTLM_LOCKED);
		assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_LOCKED);
		assert_int_equal(nw_answer(ALICE, "CORP", "dave", &an), NTLM_DONE);
		assert_true(nw_is_right(&an, "CORP", "dave", "d pw"));
		assert_int_equal(nw_answer(ALICE, "MINE", "alice", &an), NTLM_DONE);
		assert_true(nw_is_right(&an, "MINE", "alice", "h pw"));
		assert_int_equal(nw_has(ALICE, "CORP", "begun"), NTLM_NONE);
	}
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "CORP", "dave"), 1);
	nw_close_store();
	nw_open_store();
	assert_int_equal(host_sessions(), sessions - 2);
	assert_int_equal(nw_has(ALICE, "CORP", "dave"), NTLM_NONE);
}

/* ---- made here of a password */

static void
saved_passwords(void **state)
{
	struct ntlm_peer peer = { ALICE, getpid() };
	uint32_t before;
	struct ntlm_answer an;
	char word[600];

	(void)state;
	nw_start("on", "");
	before = host_sessions();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "carol", "first"), NTLM_DONE);
	assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "CORP", "carol", "first"));
	/* of the same name: in its place */
	assert_int_equal(ntlm_save(fx.nt, &peer, "corp", "CAROL", "second"), NTLM_DONE);
	assert_int_equal(host_sessions(), before + 1);
	assert_int_equal(nw_answer(ALICE, "CORP", "carol", &an), NTLM_DONE);
	assert_true(nw_is_right(&an, "CORP", "carol", "second"));
	/* no domain: ours */
	assert_int_equal(ntlm_save(fx.nt, &peer, "", "dave", "third"), NTLM_DONE);
	assert_int_equal(nw_has(ALICE, "TEST", "dave"), NTLM_DONE);
	/* what is none leaves nothing, not even a session */
	before = host_sessions();
	memset(word, 'x', sizeof(word));
	word[513] = '\0';
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", word), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", ""), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "not utf-8 \xff"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "", "pw"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "a\\b", "pw"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CO\xffRP", "erin", "pw"), NTLM_REFUSED);
	assert_int_equal(host_sessions(), before);
	host_gone();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "pw"), NTLM_GONE);
	host_back();
	/* so many, not more; but one of them again */
	for (int i = 2; i < NTLM_ADDED; i++) {
		(void)snprintf(word, sizeof(word), "u%d", i);
		assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", word, "pw"), NTLM_DONE);
	}
	before = host_sessions();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "pw"), NTLM_GONE);
	assert_int_equal(host_sessions(), before);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "u2", "pw"), NTLM_DONE);
}

/* ---- another password */

static void
a_change_of_password(void **state)
{
	struct ntlm_answer an;
	struct held *he;

	(void)state;
	nw_start("on", "");
	he = nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)nw_inside(OTHER, "alice@TEST.LOCAL", "alice@TEST.LOCAL", "pw");
	(void)nw_inside(ALICE, "alice@O", "alice@OTHER.LOCAL", "pw");
	(void)nw_added(ALICE, "TEST\\alice", "pw");
	(void)nw_added(ALICE, "ELSE\\alice", "pw");
	(void)nw_heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "pw");
	assert_int_equal(ntlm_changed(fx.nt, "alicia"), 0);
	assert_int_equal(ntlm_changed(fx.nt, "alice@ELSE.LOCAL"), 1); /* ELSE\alice */
	assert_int_equal(ntlm_changed(fx.nt, "Alice"), 4);
	assert_int_equal(ntlm_changed(fx.nt, "alice"), 0);
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(nw_has(OTHER, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(nw_has(ALICE, "MINE", "alice"), NTLM_NONE);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_NONE);
	assert_int_equal(nw_has(ALICE, "OTHER", "alice"), NTLM_DONE);
	assert_true(he->ntlm_stale && he->ntlm_len == 0 && !he->logon->dead);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nw_set_up, nw_tear_down)
		T(names_of_a_logon),	  T(the_domain_of_the_configuration),
		T(added_names_are_exact), T(hashes_of_heimdal),
		T(unlocked_then_newest),  T(nobody_elses),
		T(the_end_of_a_logon),	  T(another_lsaiso),
		T(another_lsass),	  T(saved_passwords),
		T(a_change_of_password),
	};

	log_open("unit", LOG_NOTICE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
