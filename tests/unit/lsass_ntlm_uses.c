/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is [ntlm] mode kept to, and is it told who uses NTLM, to whom? Also when
 * somebody would rather not have it told.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"
#include "tests/unit/hash_world.h"

/* ---- modes */

static void
mode_off(void **state)
{
	struct ntlm_peer peer = { ALICE, getpid() };
	struct ntlm_answer an;
	uint8_t box[ISO_BOX];
	struct held *he;

	(void)state;
	nw_start("off", "");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	assert_int_equal(nw_has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_NONE);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "carol", "pw"), NTLM_REFUSED);
	he = nw_begin(ALICE, "CORP\\carol");
	nw_box_of(he, "pw", box);
	assert_int_equal(ntlm_add(fx.nt, he, box), ISO_E_POLICY);
}

/* What was logged since, as text. */
static char said[65536];
static int log_fd = -1, stderr_fd;

static void
log_to_file(void)
{
	char path[] = "/tmp/lsaiso-unit-log-XXXXXX";

	log_fd = mkstemp(path);
	assert_true(log_fd >= 0);
	(void)unlink(path);
	stderr_fd = dup(STDERR_FILENO);
	(void)dup2(log_fd, STDERR_FILENO);
}

static void
log_back(void)
{
	ssize_t got = pread(log_fd, said, sizeof(said) - 1, 0);

	said[got > 0 ? got : 0] = '\0';
	(void)dup2(stderr_fd, STDERR_FILENO);
	(void)close(stderr_fd);
	(void)close(log_fd);
}

static size_t
lines_with(const char *text)
{
	size_t n = 0;

	for (const char *at = said; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static const struct ntlm_use *
row_to(const char *server)
{
	const struct ntlm_use *us, *found = NULL;

	for (size_t i = 0; (us = ntlm_use_at(fx.nt, i)) != NULL; i++) {
		if (strcmp(us->server, server) == 0)
			found = us;
	}
	if (found == NULL)
		abort();
	return found;
}

static void
mode_audit(void **state)
{
	struct made bad = nw_challenge("BAD", "bad.example", FLAGS),
		    lab = nw_challenge("X", "x.LAB.local", FLAGS);
	struct ntlm_stats stats;
	struct ntlm_answer an;

	(void)state;
	nw_start("audit", "web *.lab.local");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	log_to_file();
	for (int i = 0; i < 5; i++)
		assert_int_equal(nw_answer_to(&bad, ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(an.message_len > 0 && an.has_key);
	assert_int_equal(nw_answer_to(&lab, ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_int_equal(nw_answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	log_back();
	assert_int_equal(lines_with("\n"), 1);
	assert_int_equal(lines_with("would be refused: not in [ntlm] targets"), 1);
	assert_int_equal(lines_with("uid 1000"), 1);
	assert_int_equal(lines_with("as TEST\\alice to bad.example"), 1);
	assert_int_equal(lines_with("unit_lsass_ntlm_uses"), 1);
	assert_false(row_to("bad.example")->listed);
	assert_int_equal(row_to("bad.example")->count, 5);
	assert_int_equal(row_to("bad.example")->refused, 0);
	assert_true(row_to("x.LAB.local")->listed);
	assert_true(row_to("web")->listed);
	assert_string_equal(row_to("web")->user, "TEST\\alice");
	assert_true(row_to("web")->first >= host_now() - 100);
	ntlm_stats(fx.nt, &stats);
	assert_int_equal(stats.answered, 7);
	assert_int_equal(stats.unlisted, 5);
	assert_int_equal(stats.refused, 0);
	assert_int_equal(stats.hashes, 1);
}

static void
mode_on(void **state)
{
	static const struct {
		const char *netbios, *dns;
		bool listed;
	} rows[] = {
		{ "WEB", NULL, true },		 { "BAD", "web", true },
		{ "WEB", "bad", false },	 { "X", "a.lab.local", true },
		{ "X", "A.b.LAB.local", true },	 { "X", "lab.local", false },
		{ "X", "xlab.local", false },	 { "X", ".lab.local", false },
		{ "X", "a b.lab.local", false }, { "X", "\xe9.lab.local", false },
		{ "X", "web2", false },		 { "BAD", NULL, false },
	};
	struct made weak = nw_challenge("WEB", "web", FLAGS & ~0x40000000u);
	struct ntlm_stats stats;
	struct ntlm_answer an;
	uint8_t zero[16] = { 0 };
	char shown[NTLM_SHOWN];

	(void)state;
	nw_start("on", "web *.lab.local");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	log_to_file();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct made ch = nw_challenge(rows[i].netbios, rows[i].dns, FLAGS);

		assert_int_equal(nw_answer_to(&ch, ALICE, "TEST", "alice", &an),
				 rows[i].listed ? NTLM_DONE : NTLM_REFUSED);
		assert_int_equal(an.message_len > 0, rows[i].listed);
		assert_int_equal(an.has_key, rows[i].listed);
		assert_memory_not_equal(an.session_key, zero, 16);
		/* what lsass says of a refusal is what lsaiso thinks of it */
		names_show(challenge_server(made_rd(&ch)), shown, sizeof(shown));
		assert_int_equal(row_to(shown)->listed, rows[i].listed);
		assert_int_equal(row_to(shown)->refused, !rows[i].listed);
		assert_int_equal(challenge_listed(&fx.cf, shown), rows[i].listed);
	}
	assert_int_equal(nw_answer_to(&weak, ALICE, "TEST", "alice", &an), NTLM_REFUSED);
	log_back();
	assert_int_equal(lines_with(": refused: not in [ntlm] targets"), 8);
	assert_int_equal(lines_with(": refused: it is not NTLMv2, or signs"), 1);
	ntlm_stats(fx.nt, &stats);
	assert_int_equal(stats.answered, 4);
	assert_int_equal(stats.refused, 9);
	assert_int_equal(stats.unlisted, 0);
}

static void
no_challenge(void **state)
{
	struct made ch = nw_challenge("WEB", "web", FLAGS), flipped = ch;
	struct ntlm_answer an;
	struct rd server = challenge_server(made_rd(&ch));

	(void)state;
	nw_start("on", "");
	(void)nw_inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	assert_int_equal(server.len, 6);
	assert_memory_equal(server.at, "w\0e\0b\0", 6);
	for (size_t n = 0; n < ch.len; n++) {
		uint8_t *cut = malloc(n + 1); /* nothing behind it to be read */
		struct ntlm_ask ask = { .peer = { ALICE, getpid() },
					.domain = "TEST",
					.user = "alice",
					.challenge = { cut, n } };

		memcpy(cut, ch.at, n);
		assert_int_equal(ntlm_answer(fx.nt, &ask, &an), NTLM_REFUSED);
		server = challenge_server(ask.challenge);
		assert_true(server.len == 0 || server.at + server.len <= cut + n);
		free(cut);
	}
	for (size_t i = 0; i < ch.len * 8; i++) {
		flipped.at[i / 8] ^= (uint8_t)(1u << i % 8);
		server = challenge_server(made_rd(&flipped));
		assert_true(server.len == 0 || (server.at >= flipped.at &&
						server.at + server.len <= flipped.at + ch.len));
		flipped.at[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_null(ntlm_use_at(fx.nt, 0)); /* nothing of it was a use */
}

/* ---- the table of uses */

static void
use(uid_t uid, int server)
{
	char name[32];
	struct ntlm_peer peer = { uid, -1 };
	struct use_of is = {
		.peer = &peer, .domain = "D", .user = "u\x01", .server = name, .listed = false
	};

	(void)snprintf(name, sizeof(name), "s%d", server);
	use_note(fx.nt, &is);
}

static size_t
rows_of(uid_t uid)
{
	const struct ntlm_use *us;
	size_t n = 0;

	for (size_t i = 0; (us = ntlm_use_at(fx.nt, i)) != NULL; i++)
		n += us->uid == uid;
	return n;
}

static void
a_flood_of_uses(void **state)
{
	(void)state;
	nw_start("audit", "web");
	log_to_file();
	use(OTHER, 0);
	use(OTHER, 1);
	for (int i = 0; i < 3 * NTLM_USES; i++)
		use(ALICE, i);
	log_back();
	assert_int_equal(lines_with("\n"), 30); /* then it is quiet for a minute */
	assert_int_equal(rows_of(OTHER), 2);
	assert_int_equal(rows_of(ALICE), NTLM_USES - 2);
	assert_string_equal(row_to("s1")->user, "D\\u?");
	assert_string_equal(row_to("s1")->program, "?");
	(void)row_to("s767");
	assert_int_equal(fx.nt->stats.unlisted, 2 + 3 * NTLM_USES);
}

/* Run a copy of sleep under the name of Samba's helper, as a user. */
static pid_t
run_helper(char path[96], uid_t uid)
{
	char text[4096], exe[64];
	int in, out;
	ssize_t n;
	pid_t pid;

	(void)snprintf(path, 96, "%s/ntlm_auth", fx.folder);
	(void)unlink(path);
	in = open("/bin/sleep", O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	while ((n = read(in, text, sizeof(text))) > 0)
		assert_int_equal(write(out, text, (size_t)n), n);
	(void)close(in);
	(void)close(out);
	(void)chmod(fx.folder, 0755);
	pid = fork();
	if (pid == 0) {
		if (uid != geteuid() && setresuid(uid, uid, uid) != 0)
			_exit(126);
		(void)execl(path, path, "60", (char *)NULL);
		_exit(127);
	}
	(void)snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	for (int i = 0; i < 5000; i++) { /* until it is that program */
		char link[256] = "";

		if (readlink(exe, link, sizeof(link) - 1) > 0 && strcmp(link, path) == 0)
			break;
		(void)usleep(1000);
	}
	return pid;
}

static void
the_program_that_asks(void **state)
{
	char path[96];
	struct ntlm_peer peer = { geteuid(), 0 };
	struct use_of is = { .peer = &peer, .domain = "D", .user = "u", .server = "web" };

	(void)state;
	nw_start("audit", "");
	peer.pid = run_helper(path, geteuid());
	use_note(fx.nt, &is);
	(void)kill(peer.pid, SIGKILL);
	(void)waitpid(peer.pid, NULL, 0);
	assert_int_equal(strncmp(row_to("web")->program, path, strlen(path)), 0);
	assert_non_null(strstr(row_to("web")->program, "ntlm_auth of "));
	assert_non_null(strstr(row_to("web")->program, "unit_lsass_ntlm_uses"));
	/* it is gone: nothing is made up */
	is.server = "later";
	use_note(fx.nt, &is);
	assert_string_equal(row_to("later")->program, "?");
}

/* The number of a process that has ended may be another user's by now. */
static void
the_program_of_another_user(void **state)
{
	char path[96];
	struct ntlm_peer peer = { ALICE, 0 };
	struct use_of is = { .peer = &peer, .domain = "D", .user = "u", .server = "web" };

	(void)state;
	nw_start("audit", "");
	if (geteuid() != 0)
		skip(); /* root alone can be another user */
	peer.pid = run_helper(path, OTHER);
	use_note(fx.nt, &is);
	peer.uid = OTHER;
	is.server = "its own";
	use_note(fx.nt, &is);
	(void)kill(peer.pid, SIGKILL);
	(void)waitpid(peer.pid, NULL, 0);
	assert_string_equal(row_to("web")->program, "?");
	assert_int_equal(strncmp(row_to("its own")->program, path, strlen(path)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nw_set_up, nw_tear_down)
		T(mode_off),
		T(mode_audit),
		T(mode_on),
		T(no_challenge),
		T(a_flood_of_uses),
		T(the_program_that_asks),
		T(the_program_of_another_user),
	};

	log_open("unit", LOG_NOTICE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
