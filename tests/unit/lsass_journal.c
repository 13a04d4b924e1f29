/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the state survive a killed broker, and does a file that was torn,
 * edited, cut or taken from elsewhere cost only what came after the fault?
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* memmem */
#endif
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <krb5.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/private.h"
#include "tests/unit/lsass_host.h"

#define TGT "krbtgt/R@R"

struct fixture {
	struct config cf;
	struct store *st;
	struct collection *co;
	char *folder;
	uint8_t key[64];
};
static struct fixture fx;

static void
open_store(void)
{
	fx.st = store_open(&fx.cf, fx.key);
	assert_non_null(fx.st);
	fx.co = store_collection(fx.st, 1000);
}

/* As after kill -9: nothing is flushed or closed by us. */
static void
reopen(void)
{
	store_close(fx.st);
	open_store();
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
	return 0;
}

static int
tear_down(void **state)
{
	store_close(fx.st);
	host_rmdir(fx.folder);
	return 0;
}

/* ---- files */

static const char *
path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", fx.folder, name);
	return text;
}

static size_t
slurp(const char *name, uint8_t *at, size_t n)
{
	int fd = open(path(name), O_RDONLY);
	ssize_t got = fd >= 0 ? read(fd, at, n) : -1;

	if (fd >= 0)
		close(fd);
	return got < 0 ? 0 : (size_t)got;
}

static void
spew(const char *name, const uint8_t *at, size_t n)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, at, n), n);
	close(fd);
}

static bool
exists(const char *name)
{
	return access(path(name), F_OK) == 0;
}

static void
no_damaged(void)
{
	char name[64];

	for (int i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "uid-1000.journal.damaged-%d", i);
		(void)unlink(path(name));
	}
}

/* ---- what is in it */

static struct cache *
initialized(const char *name)
{
	struct made pr = make_princ("alice@R");
	struct cache *ca;

	assert_int_equal(cache_initialize(fx.co, name, made_rd(&pr), &ca), 0);
	return ca;
}

static void
put(struct cache *ca, const char *server, uint32_t end)
{
	struct made ma = make_cred(&(struct spec){ .server = server, .key = 0xaa, .end = end });

	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
}

static struct cred *
find(const char *cache, const char *server)
{
	struct made ma = make_match(&(struct spec){ .server = server });
	struct cache *ca = cache_by_name(fx.co, cache);
	struct rd in = made_rd(&ma);
	struct wire_cred match;

	assert_int_equal(wire_mcred(&in, &match), 0);
	return ca != NULL ? cache_match(ca, 0, &match) : NULL;
}

/* Three caches' worth of history, of every type of record. */
static void
history(void)
{
	struct made pr = make_princ("bob@R"), t1 = make_cred(&(struct spec){ .server = TGT }),
		    t2 = make_cred(&(struct spec){ .server = "host/r@R" });
	struct octets creds[] = { { t1.at, t1.len }, { t2.at, t2.len } };
	struct cache *ca = initialized("a");

	put(ca, TGT, 0);
	put(ca, "host/1@R", 0);
	put(ca, "host/2@R", 0);
	assert_int_equal(cache_set_offset(ca, -5), 0);
	assert_int_equal(cache_remove(ca, find("a", "host/1@R")), 0);
	put(initialized("gone"), TGT, 0);
	cache_destroy(cache_by_name(fx.co, "gone"));
	assert_int_equal(cache_replace(fx.co, "b", made_rd(&pr), 3, creds, 2), 0);
	assert_int_equal(cache_move(cache_by_name(fx.co, "b"), "7"), 0);
	assert_int_equal(collection_set_default(fx.co, "7"), 0);
	put(ca, "host/3@R", 0);
}

static void
history_is_there(void)
{
	char name[CACHE_NAME_MAX + 1];

	assert_int_equal(collection_ncaches(fx.co), 2);
	assert_int_equal(cache_by_name(fx.co, "a")->ncreds, 3);
	assert_int_equal(cache_by_name(fx.co, "a")->kdc_offset, -5);
	assert_null(find("a", "host/1@R"));
	assert_non_null(find("a", "host/3@R"));
	assert_int_equal(cache_by_name(fx.co, "7")->ncreds, 2);
	assert_int_equal(cache_by_name(fx.co, "7")->kdc_offset, 3);
	assert_string_equal(collection_default(fx.co), "7");
	assert_int_equal(collection_new_name(fx.co, name), 0);
	assert_string_equal(name, "8");
}

static void
a_killed_broker_loses_nothing(void **state)
{
	struct cred *cr;

	history();
	assert_int_equal(host_sessions(), 2);
	reopen();
	history_is_there();
	cr = find("a", TGT);
	assert_true(cr->logon != NULL && !cr->logon->dead && cr->blob_len > 0);
	assert_false(holds_run(cr->octets, cr->len, 0xaa, 8));
	assert_int_equal(host_sessions(), 2);
	reopen();
	assert_int_equal(cache_by_name(fx.co, "a")->ncreds, 3);
	/* And the last to go still ends the session. */
	cache_destroy(cache_by_name(fx.co, "a"));
	assert_int_equal(host_sessions(), 1);
	cache_destroy(cache_by_name(fx.co, "7"));
	assert_int_equal(host_sessions(), 0);
	assert_false(exists("uid-1000.journal"));
}

static void
nothing_in_the_file_can_be_read(void **state)
{
	static uint8_t file[65536];
	size_t n;
	struct stat sb;

	history();
	n = slurp("uid-1000.journal", file, sizeof(file));
	assert_true(n > 1000);
	assert_false(holds_run(file, n, 0xaa, 4));
	assert_null(memmem(file, n, "krbtgt", 6));
	assert_null(memmem(file, n, "alice", 5));
	assert_null(memmem(file, n, "host", 4));
	assert_int_equal(stat(path("uid-1000.journal"), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
}

static void
a_copied_cache_keeps_its_logon(void **state)
{
	uint8_t octets[2048];
	struct cred *cr;
	size_t len;

	put(initialized("a"), TGT, 0);
	cr = find("a", TGT);
	len = cr->len;
	memcpy(octets, cr->octets, len);
	assert_int_equal(cache_store(initialized("b"), octets, len), 0);
	reopen();
	assert_ptr_equal(find("a", TGT)->logon, find("b", TGT)->logon);
	cache_destroy(cache_by_name(fx.co, "a"));
	reopen();
	assert_false(find("b", TGT)->logon->dead);
	assert_int_equal(host_sessions(), 1);
}

/* Cut at every octet of the last record: all before it is there. */
static void
a_torn_tail_costs_only_itself(void **state)
{
	static uint8_t file[65536], aside[65536];
	size_t before, after;

	put(initialized("a"), TGT, 0);
	put(cache_by_name(fx.co, "a"), "host/1@R", 0);
	before = slurp("uid-1000.journal", file, sizeof(file));
	put(cache_by_name(fx.co, "a"), "host/2@R", 0);
	after = slurp("uid-1000.journal", file, sizeof(file));
	for (size_t n = before; n < after; n++) {
		spew("uid-1000.journal", file, n);
		reopen();
		assert_non_null(find("a", TGT));
		assert_false(find("a", TGT)->logon->dead);
		assert_non_null(find("a", "host/1@R"));
		assert_null(find("a", "host/2@R"));
		if (n == before) { /* the end of a record: nothing to see */
			assert_false(exists("uid-1000.journal.damaged-1"));
			continue;
		}
		assert_int_equal(slurp("uid-1000.journal.damaged-1", aside, sizeof(aside)), n);
		assert_memory_equal(aside, file, n);
		/* What was written anew is whole, and goes on. */
		put(cache_by_name(fx.co, "a"), "host/4@R", 0);
		no_damaged();
		reopen();
		assert_false(exists("uid-1000.journal.damaged-1"));
		assert_non_null(find("a", "host/1@R"));
		assert_non_null(find("a", "host/4@R"));
	}
}

/* Torn within a REPLACE: the cache before it is there, whole. */
static void
a_torn_replace_leaves_the_old_cache(void **state)
{
	static uint8_t file[65536];
	struct made pr = make_princ("bob@R"),
		    t1 = make_cred(&(struct spec){ .server = "host/x@R" }),
		    t2 = make_cred(&(struct spec){ .server = "host/y@R" });
	struct octets creds[] = { { t1.at, t1.len }, { t2.at, t2.len } };
	size_t before, after;

	put(initialized("a"), "host/1@R", 0);
	before = slurp("uid-1000.journal", file, sizeof(file));
	assert_int_equal(cache_replace(fx.co, "a", made_rd(&pr), 0, creds, 2), 0);
	after = slurp("uid-1000.journal", file, sizeof(file));
	for (size_t n = before + 1; n < after; n += 7) {
		spew("uid-1000.journal", file, n);
		reopen();
		assert_non_null(find("a", "host/1@R"));
		assert_null(find("a", "host/x@R"));
		no_damaged();
	}
}

/* One flipped bit in every octet of the file. */
static void
a_flipped_bit_is_noticed(void **state)
{
	static uint8_t file[65536];
	size_t n, records = 0, lost;

	put(initialized("a"), "host/1@R", 0);
	put(cache_by_name(fx.co, "a"), "host/2@R", 0);
	n = slurp("uid-1000.journal", file, sizeof(file));
	for (size_t at = FILE_HEADER; at < n; records++)
		at += FRAME_HEAD + wire_get_u32(file + at);
	assert_int_equal(records, 4); /* boot id, cache, two credentials */
	for (size_t i = 0; i < n; i++) {
		file[i] ^= 1;
		spew("uid-1000.journal", file, n);
		file[i] ^= 1;
		reopen();
		if (!exists("uid-1000.journal.damaged-1"))
			fail_msg("octet %zu of %zu changed, and nobody noticed", i, n);
		no_damaged();
		lost = find("a", "host/1@R") == NULL;
		/* Never the second without the first. */
		if (lost)
			assert_null(find("a", "host/2@R"));
	}
}

static void
records_cannot_change_places(void **state)
{
	static uint8_t file[65536], mixed[65536];
	size_t first, second, end;

	put(initialized("a"), "host/1@R", 0);
	first = slurp("uid-1000.journal", file, sizeof(file));
	put(cache_by_name(fx.co, "a"), "host/2@R", 0);
	second = slurp("uid-1000.journal", file, sizeof(file));
	put(cache_by_name(fx.co, "a"), "host/3@R", 0);
	end = slurp("uid-1000.journal", file, sizeof(file));
	/* Swapped. */
	memcpy(mixed, file, first);
	memcpy(mixed + first, file + second, end - second);
	memcpy(mixed + first + end - second, file + first, second - first);
	spew("uid-1000.journal", mixed, end);
	reopen();
	assert_null(find("a", "host/3@R"));
	assert_true(exists("uid-1000.journal.damaged-1"));
	no_damaged();
	/* One left out. */
	memcpy(mixed + first, file + second, end - second);
	spew("uid-1000.journal", mixed, first + end - second);
	reopen();
	assert_null(find("a", "host/3@R"));
	assert_non_null(find("a", "host/1@R"));
	assert_true(exists("uid-1000.journal.damaged-1"));
	no_damaged();
	/* The same one twice. */
	memcpy(mixed, file, end);
	memcpy(mixed + end, file + second, end - second);
	spew("uid-1000.journal", mixed, end + end - second);
	reopen();
	assert_true(exists("uid-1000.journal.damaged-1"));
}

/* Another user's file under one's own name brings nothing. */
static void
another_users_file_is_no_ones(void **state)
{
	static uint8_t file[65536];
	size_t n;

	put(initialized("a"), TGT, 0);
	n = slurp("uid-1000.journal", file, sizeof(file));
	spew("uid-1001.journal", file, n);
	reopen();
	assert_int_equal(collection_ncaches(store_collection(fx.st, 1001)), 0);
	assert_true(exists("uid-1001.journal.damaged-1"));
	assert_non_null(find("a", TGT));
	assert_int_equal(host_sessions(), 1);
}

static void
an_earlier_key_opens_nothing(void **state)
{
	put(initialized("a"), TGT, 0);
	fx.key[0] ^= 1;
	reopen();
	assert_int_equal(collection_ncaches(fx.co), 0);
	assert_false(exists("uid-1000.journal"));
	assert_false(exists("uid-1000.journal.damaged-1"));
}

static void
another_boot_id_means_dead_logons(void **state)
{
	struct wire_cred wc;

	put(initialized("a"), TGT, 0);
	put(cache_by_name(fx.co, "a"), "host/1@R", 0);
	host_start();
	reopen();
	assert_true(find("a", TGT)->logon->dead);
	assert_int_equal(cred_parse(find("a", TGT), &wc), 0);
	assert_true(wc.endtime < host_now());
	assert_false(cred_expired(find("a", "host/1@R"), host_now()));
	/* A new logon in the old file, and the broker killed again. */
	put(cache_by_name(fx.co, "a"), "krbtgt/OTHER@R", 0);
	reopen();
	assert_true(find("a", TGT)->logon->dead);
	assert_false(find("a", "krbtgt/OTHER@R")->logon->dead);
	assert_int_equal(host_sessions(), 1);
}

/* An old copy of the file does not bring back what was destroyed. */
static void
a_session_that_ended_meanwhile_is_dead(void **state)
{
	static uint8_t file[65536];
	size_t n;

	put(initialized("a"), TGT, 0);
	n = slurp("uid-1000.journal", file, sizeof(file));
	cache_destroy(cache_by_name(fx.co, "a"));
	assert_int_equal(host_sessions(), 0);
	store_close(fx.st);
	spew("uid-1000.journal", file, n);
	open_store();
	assert_true(find("a", TGT)->logon->dead);
}

static void
garbage_is_compacted(void **state)
{
	struct stat sb;
	struct cache *ca = initialized("a");

	put(ca, TGT, 0);
	for (int i = 0; i < 6000; i++)
		put(ca, "host/1@R", 0);
	assert_int_equal(stat(path("uid-1000.journal"), &sb), 0);
	assert_true(sb.st_size < 600L * 1024);
	assert_false(exists("uid-1000.journal.new"));
	reopen();
	assert_int_equal(cache_by_name(fx.co, "a")->ncreds, 2);
	assert_false(find("a", TGT)->logon->dead);
}

/* A folder that cannot be written to costs nothing but the journal. */
static void
a_full_disk_does_not_stop_anybody(void **state)
{
	int dir = fx.st->dir, nowhere = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);

	assert_true(nowhere >= 0);
	fx.st->dir = nowhere;
	put(initialized("a"), TGT, 0);
	assert_true(fx.co->jo.behind);
	put(cache_by_name(fx.co, "a"), "host/1@R", 0);
	fx.st->dir = dir;
	close(nowhere);
	store_tick(fx.st);
	assert_false(fx.co->jo.behind);
	put(cache_by_name(fx.co, "a"), "host/2@R", 0);
	reopen();
	assert_int_equal(cache_by_name(fx.co, "a")->ncreds, 3);
}

static void
many_users_with_few_descriptors(void **state)
{
	struct made pr = make_princ("alice@R");
	struct cache *ca;

	for (int round = 0; round < 2; round++) {
		for (uid_t uid = 2000; uid < 2100; uid++) {
			struct collection *co = store_collection(fx.st, uid);

			assert_int_equal(
			    cache_initialize(co, round == 0 ? "a" : "b", made_rd(&pr), &ca), 0);
		}
		assert_true(fx.st->nopen <= 32);
	}
	reopen();
	for (uid_t uid = 2000; uid < 2100; uid++)
		assert_int_equal(collection_ncaches(store_collection(fx.st, uid)), 2);
}

/* ---- notes of logons */

static void
expect_note(const struct logon *lo, const char *text)
{
	assert_int_equal(lo->note_len, strlen(text));
	assert_memory_equal(lo->note, text, lo->note_len);
}

static void
a_note_comes_back_with_its_cache(void **state)
{
	struct cache *ca = initialized("0");
	struct logon *lo;

	put(ca, TGT, 0);
	lo = cache_tgt(ca)->logon;
	assert_int_equal(logon_set_note(lo, (const uint8_t *)"first", 5), 0);
	assert_int_equal(logon_set_note(lo, (const uint8_t *)"second", 6), 0);
	reopen();
	lo = cache_tgt(cache_by_name(fx.co, "0"))->logon;
	expect_note(lo, "second");
	assert_int_equal(journal_rewrite(fx.co), 0); /* compaction keeps it */
	reopen();
	expect_note(cache_tgt(cache_by_name(fx.co, "0"))->logon, "second");
	cache_destroy(cache_by_name(fx.co, "0"));
	assert_int_equal(host_sessions(), 0);
	assert_int_not_equal(access(path("uid-1000.journal"), F_OK), 0);
}

/* A logon that nobody finished: the next broker ends its session. */
static void
a_logon_without_a_cache_ends_with_the_broker(void **state)
{
	struct iso_req_session_open ask = { .owner = 1000, .lifetime = 3600 };
	struct iso_rep_session_open is;
	struct logon *lo;

	assert_int_equal(ask_session_open(&ask, &is), ISO_OK);
	lo = logon_begin(fx.st, 1000, is.session, is.generation, 4000000000u);
	assert_non_null(lo);
	assert_int_equal(logon_set_note(lo, (const uint8_t *)"begun", 5), 0);
	assert_int_equal(access(path("uid-1000.journal"), F_OK), 0);
	assert_int_equal(host_sessions(), 1);
	reopen();
	assert_int_equal(host_sessions(), 0);
	assert_int_not_equal(access(path("uid-1000.journal"), F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_comes_back_with_its_cache),
		TEST(a_logon_without_a_cache_ends_with_the_broker),
		TEST(a_killed_broker_loses_nothing),
		TEST(nothing_in_the_file_can_be_read),
		TEST(a_copied_cache_keeps_its_logon),
		TEST(a_torn_tail_costs_only_itself),
		TEST(a_torn_replace_leaves_the_old_cache),
		TEST(a_flipped_bit_is_noticed),
		TEST(records_cannot_change_places),
		TEST(another_users_file_is_no_ones),
		TEST(an_earlier_key_opens_nothing),
		TEST(another_boot_id_means_dead_logons),
		TEST(a_session_that_ended_meanwhile_is_dead),
		TEST(garbage_is_compacted),
		TEST(a_full_disk_does_not_stop_anybody),
		TEST(many_users_with_few_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
