/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kept keys of keytabs: are they there again after any end of lsass, is damage noticed and
 * set aside, do the limits hold, and is the right version of a key tried first?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/log.h"
#include "lsass/keytab/keytab.h"

#define NAME "robot@TEST.LOCAL"
#define PATH "/etc/krb5.keytab"

static char folder[64];
static struct keytab *kt;

static void
open_again(void)
{
	keytab_close(kt);
	kt = keytab_open(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), NULL);
	assert_non_null(kt);
	assert_true(keytab_keeps(kt));
}

static int
set_up(void **state)
{
	(void)state;
	log_open("test", LOG_EMERG);
	(void)snprintf(folder, sizeof(folder), "/tmp/lsaiso-keytab-XXXXXX");
	assert_non_null(mkdtemp(folder));
	kt = NULL;
	open_again();
	return 0;
}

/* Calls fn for each file; returns how many end in suffix. */
static size_t
files(const char *suffix, char last[400])
{
	DIR *dir = opendir(folder);
	const struct dirent *de;
	size_t n = 0;

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		size_t len = strlen(de->d_name), tail = strlen(suffix);

		if (de->d_name[0] == '.' || len < tail ||
		    strcmp(de->d_name + len - tail, suffix) != 0)
			continue;
		n++;
		if (last != NULL)
			(void)snprintf(last, 400, "%s/%s", folder, de->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static int
tear_down(void **state)
{
	char path[400];

	(void)state;
	keytab_close(kt);
	kt = NULL;
	while (files("", path) > 0)
		assert_int_equal(unlink(path), 0);
	return rmdir(folder);
}

static void
committed(void *arg, int error)
{
	*(int *)arg = error;
}

static void
commit(const char *name, int expected)
{
	int error = -1;

	keytab_commit(kt, name, committed, &error);
	assert_int_equal(error, expected);
}

static struct standin_key *
add(const char *name, const char *path, int32_t etype, uint32_t kvno)
{
	static const uint8_t kept[] = "sealed";
	struct standin_key *sk = keytab_add(kt, name, path, etype, kvno, etype == 17 ? 16 : 32);

	assert_non_null(sk);
	standin_put(sk, KEPT_CURRENT, kvno, (struct rd){ kept, sizeof(kept) });
	return sk;
}

static void
put(struct standin_key *sk, enum kept_state state, uint32_t kvno)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "sealed %u", kvno);
	standin_put(sk, state, kvno, (struct rd){ (const uint8_t *)text, strlen(text) });
}

/* "4c 5n 3o": versions and states, in order. */
static const char *
order(const struct standin_key *sk)
{
	static char text[64];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sk->nversions; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u%c", i > 0 ? " " : "",
				      sk->versions[i].kvno, "cno"[sk->versions[i].state]);
	return text;
}

/* ---- tests */

static void
test_comes_back(void **state)
{
	struct standin_key was = *add(NAME, PATH, 18, 3), *sk;
	struct wire_princ princ = { .type = 1,
				    .ncomp = 1,
				    .realm = { (const uint8_t *)"TEST.LOCAL", 10 },
				    .comp = { { (const uint8_t *)"robot", 5 } } };
	struct stat sb;
	char path[400];

	(void)state;
	add(NAME, PATH, 17, 3)->owner = 1000;
	add("other@TEST.LOCAL", PATH, 18, 1);
	commit(NAME, 0);
	commit("other@TEST.LOCAL", 0);
	assert_int_equal(files(".keys", path), 2);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	open_again();
	assert_int_equal(keytab_count(kt), 3);
	sk = keytab_find(kt, &princ);
	assert_non_null(sk);
	assert_string_equal(sk->path, PATH);
	assert_int_equal(sk->etype, 18);
	assert_memory_equal(sk->key, was.key, 32);
	assert_string_equal(order(sk), "3c");
	assert_int_equal(sk->next->owner, 1000);
	assert_null(sk->next->next);
	princ.comp[0].len = 4;
	assert_null(keytab_find(kt, &princ));
}

static void
test_same_again(void **state)
{
	struct standin_key *sk = add(NAME, PATH, 18, 3);
	uint8_t before[32];

	(void)state;
	memcpy(before, sk->key, 32);
	assert_ptr_equal(add(NAME, PATH, 18, 3), sk);
	assert_memory_equal(before, sk->key, 32);
	assert_int_equal(sk->nversions, 1);
	assert_ptr_not_equal(add(NAME, "/other", 18, 3), sk);
	assert_memory_not_equal(add(NAME, PATH, 18, 4)->key, before, 32);
	assert_int_equal(keytab_named(kt, NAME)->kvno, 4); /* newest first */
}

static void
test_order_of_versions(void **state)
{
	struct standin_key *sk = add(NAME, PATH, 18, 3);

	(void)state;
	put(sk, KEPT_CANDIDATE, 4);
	assert_string_equal(order(sk), "3c 4n");
	put(sk, KEPT_CANDIDATE, 4); /* nobody took the first */
	assert_string_equal(order(sk), "3c 4n");
	standin_reject(sk);
	assert_string_equal(order(sk), "3c");
	put(sk, KEPT_CANDIDATE, 4);
	put(sk, KEPT_CURRENT, 4);
	assert_string_equal(order(sk), "4c 3o");
	put(sk, KEPT_CANDIDATE, 5);
	assert_string_equal(order(sk), "4c 5n 3o");
	assert_true(standin_worked(sk, 1)); /* the endpoint found out */
	assert_string_equal(order(sk), "5c 4o 3o");
	assert_false(standin_worked(sk, 0));
	assert_false(standin_worked(sk, 3));
	put(sk, KEPT_CURRENT, 6);
	put(sk, KEPT_CURRENT, 7);
	assert_string_equal(order(sk), "7c 6o 5o 4o");
	put(sk, KEPT_CANDIDATE, 8); /* the oldest makes room, never the current one */
	assert_string_equal(order(sk), "7c 8n 6o 5o");
	commit(NAME, 0);
	open_again();
	assert_string_equal(order(keytab_named(kt, NAME)), "7c 8n 6o 5o");
}

static void
test_prune(void **state)
{
	struct standin_key *sk = add(NAME, PATH, 18, 3);

	(void)state;
	put(sk, KEPT_CURRENT, 4);
	put(sk, KEPT_CURRENT, 5);
	assert_int_equal(standin_prune(sk, 1), 0); /* all are younger */
	sk->versions[0].since = 1000;
	sk->versions[1].since = 500;
	assert_int_equal(standin_prune(sk, 700), 1); /* 3 ended at 500, 4 at 1000 */
	assert_string_equal(order(sk), "5c 4o");
	assert_int_equal(standin_prune(sk, 1000), 1);
	assert_string_equal(order(sk), "5c");
	assert_int_equal(standin_prune(sk, INT64_MAX), 0);
}

static void
test_removed(void **state)
{
	struct standin_key *sk = add(NAME, PATH, 18, 3);

	(void)state;
	commit(NAME, 0);
	keytab_drop(kt, sk);
	assert_int_equal(keytab_count(kt), 0);
	assert_int_equal(files(".keys", NULL), 1);
	commit(NAME, 0);
	assert_int_equal(files("", NULL), 0);
	open_again();
	assert_null(keytab_named(kt, NAME));
}

/* Any octet changed, any end missing: set aside, and the others are there. */
static void
test_damage(void **state)
{
	char path[400];
	uint8_t octet;
	off_t size;
	int fd;

	(void)state;
	add("other@TEST.LOCAL", PATH, 18, 1);
	commit("other@TEST.LOCAL", 0);
	for (off_t at = 0; at < 400; at += 7) {
		add(NAME, PATH, 18, 3);
		keytab_drop(kt, keytab_named(kt, "other@TEST.LOCAL"));
		commit("other@TEST.LOCAL", 0);
		commit(NAME, 0);
		assert_int_equal(files(".keys", path), 1);
		fd = open(path, O_RDWR);
		size = lseek(fd, 0, SEEK_END);
		if (at < size && at % 2 == 0) {
			assert_int_equal(pread(fd, &octet, 1, at), 1);
			octet ^= 0x20;
			assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		} else {
			assert_int_equal(ftruncate(fd, at < size ? at : at + 1), 0);
		}
		close(fd);
		add("other@TEST.LOCAL", PATH, 18, 1);
		commit("other@TEST.LOCAL", 0);
		open_again();
		assert_null(keytab_named(kt, NAME));
		assert_non_null(keytab_named(kt, "other@TEST.LOCAL"));
		assert_int_equal(files(".damaged-1", path), 1);
		assert_int_equal(unlink(path), 0);
	}
}

/* A file under the name of another principal's is not that one's. */
static void
test_foreign_name(void **state)
{
	char path[400], other[400];

	(void)state;
	add(NAME, PATH, 18, 3);
	commit(NAME, 0);
	assert_int_equal(files(".keys", path), 1);
	(void)snprintf(other, sizeof(other), "%s/%032d.keys", folder, 7);
	assert_int_equal(rename(path, other), 0);
	open_again();
	assert_null(keytab_named(kt, NAME));
	assert_int_equal(files(".damaged-1", NULL), 1);
}

static void
test_what_is_no_file(void **state)
{
	char path[400];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/%032d.keys", folder, 1);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	(void)snprintf(path, sizeof(path), "%s/%032d.keys", folder, 2);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/%032d.keys.new", folder, 3);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	add(NAME, PATH, 18, 3);
	commit(NAME, 0);
	open_again();
	assert_non_null(keytab_named(kt, NAME));
	assert_int_equal(files(".new", NULL), 0);
}

static void
test_limits(void **state)
{
	struct standin_key *sk;
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < KEYTAB_FAMILY_MAX; i++)
		add(NAME, PATH, 18, i);
	assert_null(keytab_add(kt, NAME, PATH, 18, KEYTAB_FAMILY_MAX, 32));
	assert_int_equal(errno, ENOSPC);
	commit(NAME, 0);
	open_again();
	assert_int_equal(keytab_count(kt), KEYTAB_FAMILY_MAX);
	for (uint32_t i = KEYTAB_FAMILY_MAX; i < KEYTAB_KEYS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u@R", i);
		add(name, PATH, 18, 1);
	}
	assert_null(keytab_add(kt, "one@R", PATH, 18, 1, 32));
	assert_int_equal(errno, ENOSPC);
	sk = keytab_named(kt, NAME);
	keytab_drop(kt, sk);
	add("one@R", PATH, 18, 1);
	assert_null(keytab_add(kt, "two@R", PATH, 18, 1, ISO_KEY_MAX + 1));
}

static void
test_no_folder(void **state)
{
	struct keytab *none = keytab_open(-1, NULL);
	int error = 0;

	(void)state;
	assert_false(keytab_keeps(none));
	assert_non_null(keytab_add(none, NAME, PATH, 18, 1, 32));
	keytab_commit(none, NAME, committed, &error);
	assert_int_equal(error, ENOENT);
	keytab_close(none);
}

/* The disk says no: what was there is still there. */
static void
test_cannot_write(void **state)
{
	static const struct rd octets = { (const uint8_t *)"x", 1 };
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	add(NAME, PATH, 18, 3);
	commit(NAME, 0);
	assert_int_equal(family_store(dir, "no/such/folder", octets), ENOENT);
	assert_int_equal(mkdirat(dir, "taken.new", 0700), 0);
	assert_int_not_equal(family_store(dir, "taken", octets), 0);
	assert_int_equal(unlinkat(dir, "taken.new", AT_REMOVEDIR), 0);
	close(dir);
	open_again();
	assert_non_null(keytab_named(kt, NAME));
}

/* Killed at any moment of writing: what is read is one of the states it had. */
static void
test_killed(void **state)
{
	struct standin_key *sk;
	pid_t pid;

	(void)state;
	(void)add(NAME, PATH, 18, 1);
	commit(NAME, 0);
	for (int i = 0; i < 60; i++) {
		pid = fork();
		if (pid == 0) {
			for (uint32_t kvno = 2;; kvno++) {
				put(keytab_named(kt, NAME), KEPT_CURRENT, kvno);
				keytab_commit(kt, NAME, NULL, NULL);
			}
		}
		assert_true(pid > 0);
		usleep((useconds_t)(500 + i * 137));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		open_again();
		sk = keytab_named(kt, NAME);
		assert_non_null(sk);
		assert_int_equal(sk->versions[0].state, KEPT_CURRENT);
		assert_int_equal(files(".new", NULL), 0);
		assert_int_equal(files(".damaged-1", NULL), 0);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_comes_back),	 TEST(test_same_again),	     TEST(test_order_of_versions),
		TEST(test_prune),	 TEST(test_removed),	     TEST(test_damage),
		TEST(test_foreign_name), TEST(test_what_is_no_file), TEST(test_limits),
		TEST(test_no_folder),	 TEST(test_cannot_write),    TEST(test_killed),
	};

	return cmocka_run_group_tests_name("lsass_keytab", tests, NULL, NULL);
}
