/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are password servers found where krb5.conf has them, and is a message that
 * may change a password sent no more often than it must be? With sockets of
 * this test's own on loopback; logon_fast_live.py has the real servers.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <profile.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lsass/logon/passwd.h"
#include "lsass/tgs/der_passwd.h"

#define WAIT_MS 10000

/* ---- where */

/* path: out, of its krb5.conf, which libkrb5 reads again for each copy */
static krb5_context
context_of(const char *text, char path[32])
{
	int fd;
	profile_t profile;
	krb5_context ctx;

	(void)snprintf(path, 32, "/tmp/lsaiso-passwd-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(profile_init_path(path, &profile), 0);
	assert_int_equal(krb5_init_context_profile(profile, 0, &ctx), 0);
	profile_release(profile);
	return ctx;
}

/* host/port of each server, with blanks between. */
static void
located(const char *realm_section, const char *wanted)
{
	struct servers servers;
	char text[2048], got[2048] = "", path[32];
	krb5_context ctx;
	size_t at = 0;

	(void)snprintf(text, sizeof(text),
		       "[libdefaults]\ndns_lookup_kdc = false\n[realms]\nR = {\n%s\n}\n",
		       realm_section);
	ctx = context_of(text, path);
	passwd_locate(ctx, (struct rd){ (const uint8_t *)"R", 1 }, &servers);
	for (size_t i = 0; i < servers.n; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s/%s", i == 0 ? "" : " ",
				       servers.at[i].host, servers.at[i].port);
	unlink(path);
	assert_string_equal(got, wanted);
	krb5_free_context(ctx);
}

static void
test_locate(void **state)
{
	located("kpasswd_server = a.example\nkpasswd_server = b.example:1464\nkdc = no",
		"a.example/464 b.example/1464");
	located("kpasswd_server = [::1]:1464\nkpasswd_server = [::2]\nkpasswd_server = ::3",
		"::1/1464 ::2/464 ::3/464");
	located("kpasswd_server = https://proxy/x\nkpasswd_server = /run/socket\n"
		"kpasswd_server = c",
		"c/464");
	located("admin_server = a:749\nkdc = k:88", "a/464");
	located("kdc = k1:88\nkdc = k2", "k1/464 k2/464");
	located("kdc = a\nkdc = b\nkdc = c\nkdc = d\nkdc = e\nkdc = f\nkdc = g\nkdc = h\nkdc = i",
		"a/464 b/464 c/464 d/464 e/464 f/464 g/464 h/464 i/464");
	located("", "");
}

/* ---- the way there */

struct far {
	int stream, datagram; /* listening, or -1 */
	unsigned int drop;    /* datagrams before the first answer */
	bool mute;	      /* reads and hangs up */
	pthread_t thread;
	struct server at;
	/* what came */
	char first[64], last[64];
	unsigned int came;
};

static int
open_at(int type, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&in, sizeof(in)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void
serve_stream(struct far *f)
{
	struct pollfd pf = { .fd = f->stream, .events = POLLIN };
	uint8_t head[4];
	int fd;

	if (poll(&pf, 1, WAIT_MS) != 1)
		return;
	fd = accept(f->stream, NULL, NULL);
	if (recv(fd, head, 4, MSG_WAITALL) == 4 && head[3] < sizeof(f->first) &&
	    recv(fd, f->first, head[3], MSG_WAITALL) == head[3])
		f->came++;
	if (!f->mute)
		(void)send(fd, "\0\0\0\3yes", 7, 0);
	close(fd);
}

static void
serve_datagrams(struct far *f)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	do {
		struct pollfd pf = { .fd = f->datagram, .events = POLLIN };

		if (poll(&pf, 1, WAIT_MS) != 1)
			return;
		memset(f->last, 0, sizeof(f->last));
		(void)recvfrom(f->datagram, f->last, sizeof(f->last) - 1, 0,
			       (struct sockaddr *)(void *)&from, &len);
		if (f->came++ == 0)
			memcpy(f->first, f->last, sizeof(f->first));
	} while (f->came <= f->drop);
	if (!f->mute)
		(void)sendto(f->datagram, "yes", 3, 0, (struct sockaddr *)(void *)&from, len);
}

static void *
serve(void *arg)
{
	struct far *f = arg;

	if (f->stream >= 0)
		serve_stream(f);
	else
		serve_datagrams(f);
	return NULL;
}

static void
start(struct far *f, int type)
{
	uint16_t port = 0;

	f->stream = f->datagram = -1;
	if (type == SOCK_STREAM)
		f->stream = open_at(type, &port);
	else
		f->datagram = open_at(type, &port);
	(void)snprintf(f->at.host, sizeof(f->at.host), "127.0.0.1");
	(void)snprintf(f->at.port, sizeof(f->at.port), "%u", port);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void
stop(struct far *f)
{
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	close(f->stream >= 0 ? f->stream : f->datagram);
}

/* A port where nobody is. */
static struct server
nobody(void)
{
	struct server at = { .host = "127.0.0.1" };
	uint16_t port = 0;

	close(open_at(SOCK_STREAM, &port));
	(void)snprintf(at.port, sizeof(at.port), "%u", port);
	return at;
}

struct maker {
	unsigned int made;
	int32_t code;
};

static int32_t
make(void *arg, struct rd address, struct creds_octets *message)
{
	static const uint8_t loopback[] = { 127, 0, 0, 1 };
	struct maker *ma = arg;
	char text[32];

	assert_int_equal(address.len, 4);
	assert_memory_equal(address.at, loopback, 4);
	ma->made++;
	if (ma->code != 0)
		return ma->code;
	(void)snprintf(text, sizeof(text), "message %u", ma->made);
	message->len = strlen(text);
	message->at = malloc(message->len);
	memcpy(message->at, text, message->len);
	return 0;
}

static void
is_yes(struct creds_octets *reply)
{
	assert_int_equal(reply->len, 3);
	assert_memory_equal(reply->at, "yes", 3);
	creds_free(reply);
}

static void
test_stream(void **state)
{
	struct creds_octets reply = { 0 };
	struct server servers[2] = { nobody() };
	struct maker ma = { 0 };
	struct far f = { 0 };
	bool sent;

	start(&f, SOCK_STREAM);
	servers[1] = f.at;
	assert_int_equal(passwd_ask(servers, 2, NULL, make, &ma, &reply, &sent), 0);
	is_yes(&reply);
	assert_true(sent);
	stop(&f);
	assert_int_equal(ma.made, 1);
	assert_string_equal(f.first, "message 1");
}

/* The server has it, and who knows what it did: nothing is sent again. */
static void
test_silent_stream(void **state)
{
	struct creds_octets reply = { 0 };
	struct server servers[2];
	struct maker ma = { 0 };
	struct far f = { .mute = true };
	bool sent;

	start(&f, SOCK_STREAM);
	servers[0] = servers[1] = f.at;
	assert_int_equal(passwd_ask(servers, 2, NULL, make, &ma, &reply, &sent), KRB5_KDC_UNREACH);
	assert_true(sent);
	assert_null(reply.at);
	assert_int_equal(ma.made, 1);
	stop(&f);
}

/* Lost datagrams: the same octets again. */
static void
test_datagrams(void **state)
{
	struct creds_octets reply = { 0 };
	struct maker ma = { 0 };
	struct far f = { .drop = 1 };
	bool sent;

	start(&f, SOCK_DGRAM);
	assert_int_equal(passwd_ask(&f.at, 1, NULL, make, &ma, &reply, &sent), 0);
	is_yes(&reply);
	stop(&f);
	assert_int_equal(f.came, 2);
	assert_string_equal(f.first, "message 1");
	assert_string_equal(f.last, "message 1");
}

static void
test_nobody(void **state)
{
	struct creds_octets reply = { 0 };
	struct server servers[2] = { nobody(), nobody() };
	struct maker ma = { 0 };
	bool sent = true;

	assert_int_equal(passwd_ask(servers, 2, NULL, make, &ma, &reply, &sent), KRB5_KDC_UNREACH);
	assert_false(sent);
	(void)snprintf(servers[0].host, sizeof(servers[0].host), "no-such-host.invalid");
	assert_int_equal(passwd_ask(servers, 1, NULL, make, &ma, &reply, &sent), KRB5_KDC_UNREACH);
	assert_false(sent);
}

static void
test_ends(void **state)
{
	struct creds_octets reply = { 0 };
	struct maker ma = { .code = KRB5KDC_ERR_POLICY };
	struct far f = { 0 };
	atomic_bool cancelled = true;
	bool sent = true;

	start(&f, SOCK_STREAM);
	assert_int_equal(passwd_ask(&f.at, 1, &cancelled, make, &ma, &reply, &sent),
			 KRB5_KDC_UNREACH);
	assert_int_equal(ma.made, 0);
	assert_int_equal(passwd_ask(&f.at, 1, NULL, make, &ma, &reply, &sent), KRB5KDC_ERR_POLICY);
	assert_int_equal(ma.made, 1);
	assert_false(sent);
	stop(&f);
}

/* ---- DER */

static void
test_der(void **state)
{
	static const uint8_t ap_rep[] = { 0x6f, 0x18, 0x30, 0x16, 0xa0, 3,    2,  1,	5,
					  0xa1, 3,    2,    1,	  15,	0xa2, 10, 0x30, 8,
					  0xa0, 3,    2,    1,	  18,	0xa2, 1,  4,	0 };
	uint8_t good[sizeof(ap_rep)], room[64];
	struct der_sealed sealed = { 18, { (const uint8_t *)"cipher", 6 } }, read;
	struct wr out = { room, sizeof(room) };

	assert_int_equal(der_make_priv(&sealed, &out), 0);
	assert_int_equal(out.at[0], 0x75);
	assert_int_equal(der_read_priv((struct rd){ out.at, out.left }, &read), 0);
	assert_int_equal(read.etype, 18);
	assert_int_equal(read.cipher.len, 6);
	for (size_t n = 0; n < out.left; n++)
		assert_int_equal(der_read_priv((struct rd){ out.at, n }, &read), -1);
	assert_int_equal(der_read_ap_rep((struct rd){ out.at, out.left }, &read), -1);
	/* [2] { etype, an octet string that is cut short } */
	assert_int_equal(der_read_ap_rep((struct rd){ ap_rep, sizeof(ap_rep) }, &read), -1);
	memcpy(good, ap_rep, sizeof(good));
	good[1] = 0x19, good[3] = 0x17, good[15] = 11, good[17] = 9, good[24] = 2;
	assert_int_equal(der_read_ap_rep((struct rd){ good, sizeof(good) }, &read), 0);
	assert_int_equal(read.etype, 18);
	assert_int_equal(read.cipher.len, 0);
	out = (struct wr){ room, 8 };
	assert_int_equal(der_make_priv(&sealed, &out), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate),	      cmocka_unit_test(test_stream),
		cmocka_unit_test(test_silent_stream), cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_nobody),	      cmocka_unit_test(test_ends),
		cmocka_unit_test(test_der),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
