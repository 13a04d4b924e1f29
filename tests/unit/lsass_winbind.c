/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are requests of each version of winbindd's interface read where they have
 * their things, answered by the rules, and nothing of them kept? Does the real
 * winbindd get what it may see, and what it answers come back whole?
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "tests/unit/winbind_host.h"

#define IDLE_MS 301000u

static uint8_t req[2400], got[200000];

static int
setup(void **state)
{
	host_open(false);
	return 0;
}

static int
setup_real(void **state)
{
	host_open(true);
	return 0;
}

static int
teardown(void **state)
{
	host_close();
	return 0;
}

/* Send req, and a response into got; its length, 0: cut off, -1: none yet. */
static ssize_t
hear(int fd)
{
	ssize_t n, all = 0;

	host_turn();
	while ((n = recv(fd, got + all, sizeof(got) - (size_t)all, 0)) > 0) {
		all += n;
		host_turn();
	}
	return all > 0 || n == 0 ? all : -1;
}

static ssize_t
ask(int fd, const void *at, size_t n)
{
	assert_int_equal(send(fd, at, n, MSG_NOSIGNAL), n);
	return hear(fd);
}

static const struct layout *
la_of(uint32_t version)
{
	const struct layout *la = wb_layout(version);

	assert_non_null(la);
	return la;
}

static void
put(uint8_t *at, const char *text)
{
	for (size_t i = 0; i == 0 || text[i - 1] != '\0'; i++)
		at[i] = (uint8_t)text[i];
}

/* A request of ours into req, with a user, and at the offsets numbers; its size. */
static size_t
ccache(uint32_t version, uint32_t uid, const char *user, uint32_t initial, uint32_t challenge)
{
	const struct layout *la = la_of(version);
	size_t n = host_request(version, la->number[WB_CCACHE_NTLMAUTH], req);

	wb_set_u32(req + la->data + WB_CCACHE_UID, uid);
	put(req + la->data + WB_CCACHE_USER, user);
	wb_set_u32(req + la->data + WB_CCACHE_INITIAL, initial);
	wb_set_u32(req + la->data + WB_CCACHE_CHALLENGE, challenge);
	return n;
}

static void
expect(ssize_t n, enum wb_result result)
{
	assert_true(n >= WB_RESPONSE);
	assert_int_equal(wb_get_u32(got + WB_R_LENGTH), n);
	assert_int_equal(wb_get_u32(got + WB_R_RESULT), result);
}

/* ---- layouts */

/* As a compiler lays the structs of each of Samba's versions out. */
static void
layouts_are_samba_s(void **state)
{
	static const struct {
		uint32_t version, size, data, extra_len, netbios, auth, save;
	} rows[] = { { 30, 2096, 280, 2088, 43, 57, 58 },
		     { 31, 2128, 312, 2120, 43, 57, 58 },
		     { 32, 2136, 320, 2128, 43, 56, 57 },
		     { 33, 2136, 320, 2128, 42, 55, 56 } };

	for (size_t i = 0; i < 4; i++) {
		const struct layout *la = la_of(rows[i].version);

		assert_int_equal(la->size, rows[i].size);
		assert_int_equal(la->data, rows[i].data);
		assert_int_equal(la->extra_len, rows[i].extra_len);
		assert_int_equal(wb_command(la, rows[i].netbios), WB_NETBIOS_NAME);
		assert_int_equal(wb_command(la, rows[i].auth), WB_CCACHE_NTLMAUTH);
		assert_int_equal(wb_command(la, rows[i].save), WB_CCACHE_SAVE);
		assert_int_equal(wb_command(la, rows[i].save + 1), WB_OTHER);
		assert_int_equal(wb_command(la, rows[i].netbios + 1), WB_OTHER);
		assert_int_equal(wb_command(la, 13), WB_PAM_AUTH);
		assert_int_equal(wb_command(la, 14), WB_OTHER);
		/* Eight octets of a pointer stand before the length, the rest is padding. */
		assert_int_equal(la->extra_len + 8, la->size);
		assert_int_equal(la->data + 1800, la->extra_len - 8);
	}
	assert_null(wb_layout(29));
	assert_null(wb_layout(34));
}

static void
sockets_are_read(void **state)
{
	static const char *const wrong[] = {
		"31",
		"31:",
		"31:a",
		"34:/a",
		"29:/a",
		"031:/a",
		"31:/a 31:/a",
		"32:/a /b",
		":/a",
		"3x:/a",
		"33:/1 33:/2 33:/3 33:/4 33:/5 33:/6 33:/7 33:/8 33:/9"
	};
	struct winbind_socket list[CONTROL_WINBIND_MAX];
	char error[256], line[256];
	struct config cf;

	assert_int_equal(config_defaults(&cf), 0);
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), 0);
	free(cf.winbind_others);
	cf.winbind_others = strdup("  33:/x/pipe\t30:/y ");
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), 2);
	assert_int_equal(list[0].version, 33);
	assert_string_equal(list[0].path, "/x/pipe");
	assert_int_equal(list[1].version, 30);
	assert_string_equal(list[1].path, "/y");
	free(cf.winbind_socket);
	cf.winbind_socket = strdup("/z");
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), 3);
	assert_int_equal(list[0].version, 0);
	assert_string_equal(list[0].path, "/z");
	free(cf.winbind_real);
	cf.winbind_real = strdup("/y"); /* one of ours */
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), -1);
	cf.winbind_real[0] = '\0';
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), 3);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		free(cf.winbind_others);
		cf.winbind_others = strdup(wrong[i]);
		assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), -1);
	}
	memset(line, 'a', sizeof(line));
	memcpy(line, "31:/", 4);
	line[3 + sizeof(list[0].path)] = '\0';
	free(cf.winbind_others);
	cf.winbind_others = strdup(line);
	assert_int_equal(winbind_sockets(&cf, list, error, sizeof(error)), -1);
	config_free(&cf);
}

/* ---- NTLM */

static void
probe_tells_who_has(void **state)
{
	for (uint32_t v = WINBIND_OLDEST; v <= WINBIND_NEWEST; v++) {
		int fd = host_client(v, HOST_UID);

		expect(ask(fd, req, ccache(v, HOST_UID, "TEST\\alice", 0, 0)), WB_OK);
		assert_int_equal(wb_get_u32(got + WB_R_LENGTH), WB_RESPONSE);
		assert_int_equal(asked.peer.uid, HOST_UID);
		assert_int_equal(asked.peer.pid, 4711);
		assert_string_equal(asked.domain, "TEST");
		assert_string_equal(asked.user, "alice");
		expect(ask(fd, req, ccache(v, HOST_UID, "alice", 0, 0)), WB_OK);
		assert_string_equal(asked.domain, "");
		expect(ask(fd, req, ccache(v, HOST_UID, "TEST\\bob", 0, 0)), WB_ERROR);
		expect(ask(fd, req, ccache(v, HOST_UID, "TEST\\locked", 0, 0)), WB_ERROR);
		close(fd);
	}
	assert_int_equal(asked.answer, 0);
}

static void
challenge_without_negotiate(void **state)
{
	int fd = host_client(32, HOST_UID);
	size_t n = ccache(32, HOST_UID, "TEST\\alice", 0, 5);

	wb_set_u32(req + la_of(32)->extra_len, 5);
	put(req + n, "12345");
	expect(ask(fd, req, n + 5), WB_OK);
	assert_int_equal(asked.negotiate_len, 0);
	assert_int_equal(asked.challenge_len, 5);
	assert_memory_equal(asked.challenge, "12345", 5);
	assert_int_equal(got[WB_R_NEW_SPNEGO], 0);
	assert_int_equal(wb_get_u32(got + WB_R_BLOB_LEN), 5);
	assert_memory_equal(got + WB_RESPONSE, "MMMMM", 5);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(got[WB_R_KEY + i], HOST_KEY);
	close(fd);
}

static void
challenge_with_negotiate(void **state)
{
	for (uint32_t v = WINBIND_OLDEST; v <= WINBIND_NEWEST; v++) {
		int fd = host_client(v, HOST_UID);
		size_t n = ccache(v, HOST_UID, "TEST\\nokey", 3, 2);

		wb_set_u32(req + la_of(v)->extra_len, 7); /* two octets of no meaning */
		put(req + n, "NEGch..");
		expect(ask(fd, req, n + 7), WB_OK);
		assert_int_equal(asked.negotiate_len, 3);
		assert_memory_equal(asked.negotiate, "NEG", 3);
		assert_memory_equal(asked.challenge, "ch", 2);
		assert_int_equal(got[WB_R_NEW_SPNEGO], 0);
		assert_int_equal(got[WB_R_KEY], 0x55); /* as the contract gives it: random */
		close(fd);
	}
}

/* The first octet of the challenge is where the answer's fields point to. */
static void
new_spnego_tells_of_a_mic(void **state)
{
	static const struct {
		uint8_t first;
		uint32_t negotiate;
		int mic;
	} rows[] = { { 88, 3, 1 }, { 72, 3, 0 }, { 64, 3, 0 }, { 88, 0, 0 } };
	int fd = host_client(32, HOST_UID);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = ccache(32, HOST_UID, "TEST\\alice", rows[i].negotiate, 120);

		wb_set_u32(req + la_of(32)->extra_len, 123);
		memset(req + n, rows[i].first, 123);
		expect(ask(fd, req, n + 123), WB_OK);
		assert_int_equal(got[WB_R_NEW_SPNEGO], rows[i].mic);
	}
	close(fd);
}

static void
nobody_asks_for_another(void **state)
{
	int fd = host_client(33, HOST_UID), root = host_client(33, 0);

	expect(ask(fd, req, ccache(33, HOST_UID + 1, "TEST\\alice", 0, 0)), WB_ERROR);
	expect(ask(fd, req, ccache(33, 0, "TEST\\alice", 0, 0)), WB_ERROR);
	expect(ask(root, req, ccache(33, HOST_UID, "TEST\\alice", 0, 0)), WB_ERROR);
	assert_int_equal(asked.has, 0);
	expect(ask(root, req, ccache(33, 0, "TEST\\alice", 0, 0)), WB_ERROR);
	assert_int_equal(asked.peer.uid, 0);
	close(fd);
	close(root);
}

static void
lengths_that_lie(void **state)
{
	static const uint32_t lies[][2] = { { 6, 0 },	       { 0, 6 },
					    { 3, 3 },	       { 0xffffffff, 1 },
					    { 1, 0xffffffff }, { 0x80000000, 0x80000000 },
					    { 0xfffffffb, 5 }, { 5, 0xfffffffb } };
	int fd = host_client(31, HOST_UID);

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		size_t n = ccache(31, HOST_UID, "TEST\\alice", lies[i][0], lies[i][1]);

		wb_set_u32(req + la_of(31)->extra_len, 5);
		put(req + n, "12345");
		expect(ask(fd, req, n + 5), WB_ERROR);
	}
	assert_int_equal(asked.answer + asked.has, 0);
	close(fd);
}

static void
names_that_are_none(void **state)
{
	static const char *const names[] = { "",	   "\\",	"TEST\\",
					     "TEST\\a\\b", "al\x01ice", "TEST\\ali\nce",
					     "a\x7f" };
	int fd = host_client(32, HOST_UID);
	size_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(ask(fd, req, ccache(32, HOST_UID, names[i], 0, 0)), WB_ERROR);
	n = ccache(32, HOST_UID, "", 0, 0);
	memset(req + la_of(32)->data + WB_CCACHE_USER, 'a', WB_NAME); /* no end */
	expect(ask(fd, req, n), WB_ERROR);
	assert_int_equal(asked.has, 0);
	close(fd);
}

static size_t
save(const char *user, const char *password)
{
	const struct layout *la = la_of(32);
	size_t n = host_request(32, la->number[WB_CCACHE_SAVE], req);

	wb_set_u32(req + la->data + WB_CCACHE_UID, HOST_UID);
	put(req + la->data + WB_CCACHE_USER, user);
	put(req + la->data + WB_SAVE_PASS, password);
	return n;
}

static void
passwords_are_saved(void **state)
{
	int fd = host_client(32, HOST_UID);

	expect(ask(fd, req, save("TEST\\alice", "a word")), WB_OK);
	assert_string_equal(asked.password, "a word");
	assert_string_equal(asked.user, "alice");
	expect(ask(fd, req, save("TEST\\bob", "a word")), WB_ERROR);
	assert_int_equal(asked.save, 2);
	expect(ask(fd, req, save("TEST\\alice", "")), WB_ERROR);
	assert_int_equal(asked.save, 2);
	close(fd);
}

/* ---- connections */

static void
wrong_sizes_are_cut_off(void **state)
{
	const struct layout *la = la_of(32);
	static const uint32_t sizes[] = { 0, 4, 2096, 2128, 2135, 2137, 0xffffffff };
	int fd;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fd = host_client(32, HOST_UID);
		(void)host_request(32, la->number[WB_PING], req);
		wb_set_u32(req, sizes[i]);
		assert_int_equal(ask(fd, req, 4), 0);
		close(fd);
	}
	for (uint32_t extra = WB_EXTRA_OURS + 1; extra != 0;
	     extra = extra < 70000 ? 0xffffffff : 0) {
		fd = host_client(32, HOST_UID);
		(void)host_request(32, la->number[WB_PING], req);
		wb_set_u32(req + la->extra_len, extra);
		assert_int_equal(ask(fd, req, la->size), 0);
		close(fd);
	}
	fd = host_client(32, HOST_UID);
	(void)host_request(32, 1, req);
	wb_set_u32(req + la->extra_len, WB_EXTRA_MOST + 1);
	assert_int_equal(ask(fd, req, la->size), 0);
	close(fd);
	assert_int_equal(host_front()->nclients, 0);
}

static void
a_request_may_come_in_pieces(void **state)
{
	int fd = host_client(30, HOST_UID);
	size_t n = ccache(30, HOST_UID, "TEST\\alice", 1, 1);

	wb_set_u32(req + la_of(30)->extra_len, 2);
	req[n] = 'N';
	req[n + 1] = 'C';
	for (size_t i = 0; i < n + 1; i++)
		assert_int_equal(ask(fd, req + i, 1), -1);
	expect(ask(fd, req + n + 1, 1), WB_OK);
	close(fd);
	host_turn();
	assert_int_equal(host_front()->nclients, 0);
}

static void
half_a_request_has_an_end(void **state)
{
	int half = host_client(32, HOST_UID), idle = host_client(32, HOST_UID);

	assert_int_equal(ask(half, req, host_request(32, 32, req) - 1), -1);
	host_sweep(IDLE_MS);
	assert_int_equal(hear(half), 0);
	expect(ask(idle, req, host_request(32, 32, req)), WB_OK);
	close(half);
	close(idle);
}

static void
a_logon_ends_with_its_client(void **state)
{
	int fd = host_client(32, HOST_UID);

	assert_int_equal(ask(fd, req, host_request(32, 13, req)), -1);
	assert_int_equal(asked.auth, 1);
	host_sweep(IDLE_MS); /* a worker's time is its own */
	assert_int_equal(hear(fd), -1);
	close(fd);
	host_turn();
	assert_int_equal(asked.gone, 1);
	assert_int_equal(host_front()->nclients, 0);
}

static void
too_many_are_turned_away(void **state)
{
	struct config *cf = (struct config *)(uintptr_t)host_front()->view.cf;
	int fds[6];

	cf->limits_connections = 5;
	cf->limits_connections_per_user = 3;
	for (int i = 0; i < 4; i++)
		fds[i] = host_client(32, HOST_UID);
	assert_int_equal(host_front()->nclients, 3);
	assert_int_equal(hear(fds[3]), 0);
	fds[4] = host_client(32, 0);
	fds[5] = host_client(33, 0);
	assert_int_equal(host_front()->nclients, 5);
	close(host_client(32, 0));
	assert_int_equal(host_front()->nclients, 5);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

/* ---- the real winbindd */

/* What the front sent there into got. */
static ssize_t
behind_hears(int fd)
{
	return hear(fd);
}

static void
behind_says(int fd, uint32_t length, enum wb_result result, uint32_t data)
{
	static uint8_t at[WB_RESPONSE];

	memset(at, 0, sizeof(at));
	wb_set_u32(at, length);
	wb_set_u32(at + WB_R_RESULT, result);
	wb_set_u32(at + WB_R_DATA, data);
	assert_int_equal(send(fd, at, sizeof(at), MSG_NOSIGNAL), sizeof(at));
	host_turn();
}

/* A request of that number is on its way there; the connection, greeted. */
static int
passed(int fd, uint32_t number)
{
	const struct layout *la = la_of(32);
	int real;

	assert_int_equal(ask(fd, req, host_request(32, number, req)), -1);
	real = host_behind();
	assert_true(real >= 0);
	assert_int_equal(behind_hears(real), la->size);
	assert_int_equal(wb_get_u32(got + WB_Q_CMD), 0);
	behind_says(real, WB_RESPONSE, WB_OK, 32);
	assert_int_equal(behind_hears(real), la->size);
	assert_int_equal(wb_get_u32(got + WB_Q_CMD), number);
	return real;
}

static void
the_rest_is_passed_on(void **state)
{
	static uint8_t extra[100000];
	int fd = host_client(32, HOST_UID), real = passed(fd, 18);
	size_t sent = 0;

	memset(extra, 'x', sizeof(extra));
	behind_says(real, WB_RESPONSE + sizeof(extra), WB_OK, 7);
	while (sent < sizeof(extra)) {
		ssize_t n = send(real, extra + sent, sizeof(extra) - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		host_turn();
		if (sent < sizeof(extra) && n <= 0)
			break; /* nobody reads yet: the front does not hoard */
	}
	assert_int_equal(hear(fd), WB_RESPONSE + (ssize_t)sent);
	assert_int_equal(wb_get_u32(got), WB_RESPONSE + sizeof(extra));
	assert_int_equal(wb_get_u32(got + WB_R_DATA), 7);
	if (sent < sizeof(extra)) {
		assert_int_equal(send(real, extra + sent, sizeof(extra) - sent, MSG_NOSIGNAL),
				 sizeof(extra) - sent);
		assert_int_equal(hear(fd), sizeof(extra) - sent);
	}
	/* The same connection again, and ours in between. */
	expect(ask(fd, req, host_request(32, 32, req)), WB_OK);
	assert_int_equal(ask(fd, req, host_request(32, 9, req)), -1);
	assert_int_equal(host_behind(), -1);
	assert_int_equal(behind_hears(real), la_of(32)->size);
	behind_says(real, WB_RESPONSE, WB_ERROR, 0);
	expect(hear(fd), WB_ERROR);
	close(real);
	close(fd);
}

static void
secrets_stay_here(void **state)
{
	int fd = host_client(32, HOST_UID);

	expect(ask(fd, req, ccache(32, HOST_UID, "TEST\\bob", 0, 0)), WB_ERROR);
	expect(ask(fd, req, save("TEST\\bob", "a word")), WB_ERROR);
	assert_int_equal(ask(fd, req, host_request(32, 13, req)), -1);
	assert_int_equal(host_behind(), -1);
	close(fd);
}

static void
another_version_behind(void **state)
{
	int fd = host_client(32, HOST_UID), real;
	struct winbind_stats stats;

	assert_int_equal(ask(fd, req, host_request(32, 1, req)), -1);
	real = host_behind();
	assert_int_equal(behind_hears(real), la_of(32)->size);
	behind_says(real, WB_RESPONSE, WB_OK, 33);
	expect(hear(fd), WB_ERROR);
	assert_int_equal(behind_hears(real), 0);
	winbind_stats(host_front(), &stats);
	close(host_behind()); /* it looked whether somebody is there */
	assert_true(stats.real_answers);
	assert_non_null(strstr(stats.real_why, "33"));
	close(real);
	/* It closes at once, as one does that reads another size. */
	assert_int_equal(ask(fd, req, host_request(32, 1, req)), -1);
	close(host_behind());
	expect(hear(fd), WB_ERROR);
	expect(ask(fd, req, host_request(32, 32, req)), WB_OK);
	close(fd);
}

static void
it_ends_in_the_middle(void **state)
{
	int fd = host_client(32, HOST_UID), real = passed(fd, 1);

	close(real); /* nothing was answered */
	expect(hear(fd), WB_ERROR);
	real = passed(fd, 1);
	behind_says(real, WB_RESPONSE + 10, WB_OK, 0);
	close(real);
	assert_int_equal(hear(fd), WB_RESPONSE); /* and then the end */
	assert_int_equal(hear(fd), 0);
	close(fd);
	fd = host_client(32, HOST_UID);
	real = passed(fd, 1);
	behind_says(real, 12, WB_OK, 0); /* shorter than any */
	assert_int_equal(hear(fd), 0);
	close(real);
	close(fd);
}

static void
an_idle_one_is_replaced(void **state)
{
	int fd = host_client(32, HOST_UID), real = passed(fd, 1);

	behind_says(real, WB_RESPONSE, WB_OK, 0);
	expect(hear(fd), WB_OK);
	close(real);
	host_turn();
	real = passed(fd, 1);
	behind_says(real, WB_RESPONSE, WB_OK, 5);
	expect(hear(fd), WB_OK);
	close(fd);
	host_turn();
	assert_int_equal(behind_hears(real), 0);
	close(real);
}

/* Also one that does not read: what comes for it waits there, not here. */
static void
a_client_that_goes(void **state)
{
	static uint8_t extra[400000];
	int fd = host_client(32, HOST_UID), real = passed(fd, 1);
	ssize_t n, sent = 0;

	close(fd);
	host_turn();
	assert_int_equal(behind_hears(real), 0);
	assert_int_equal(host_front()->nclients, 0);
	close(real);
	fd = host_client(32, HOST_UID);
	real = passed(fd, 18);
	behind_says(real, 2 * sizeof(extra), WB_OK, 0);
	while ((n = send(real, extra, sizeof(extra), MSG_NOSIGNAL)) > 0) {
		sent += n;
		host_turn();
	}
	assert_int_equal(errno, EAGAIN);
	assert_true((size_t)sent < 2 * sizeof(extra));
	assert_true(host_front()->first->out.len <= WB_SCRATCH);
	close(real); /* with octets that nobody will hear: the loop rests all the same */
	host_turn();
	host_sweep(IDLE_MS);
	assert_int_equal(host_front()->nclients, 0);
	close(fd);
}

static void
one_that_does_not_answer(void **state)
{
	int fd = host_client(32, HOST_UID), real = passed(fd, 1);

	host_sweep(IDLE_MS);
	assert_int_equal(hear(fd), 0);
	assert_int_equal(behind_hears(real), 0);
	close(real);
	close(fd);
}

int
main(void)
{
#define HERE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define REAL(fn) cmocka_unit_test_setup_teardown(fn, setup_real, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_are_samba_s),
		cmocka_unit_test(sockets_are_read),
		HERE(probe_tells_who_has),
		HERE(challenge_without_negotiate),
		HERE(challenge_with_negotiate),
		HERE(new_spnego_tells_of_a_mic),
		HERE(nobody_asks_for_another),
		HERE(lengths_that_lie),
		HERE(names_that_are_none),
		HERE(passwords_are_saved),
		HERE(wrong_sizes_are_cut_off),
		HERE(a_request_may_come_in_pieces),
		HERE(half_a_request_has_an_end),
		HERE(a_logon_ends_with_its_client),
		HERE(too_many_are_turned_away),
		REAL(the_rest_is_passed_on),
		REAL(secrets_stay_here),
		REAL(another_version_behind),
		REAL(it_ends_in_the_middle),
		REAL(a_client_that_goes),
		REAL(an_idle_one_is_replaced),
		REAL(one_that_does_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
