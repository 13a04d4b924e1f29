/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the local KDC endpoint that need no KDC: where it listens, whose a
 * socket is, whose turn it is, what an error looks like.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/kdc.h"
#include "lsass/front/kdc/private.h"
#include "lsass/front/kdc/turns.h"

#define ALICE 64321
#define BOB   64322

/* ---- [kdc] listen */

static int
addresses(const char *listen_at, struct kdc_address list[KDC_LISTEN_MAX], char *error, size_t n)
{
	char copy[256];
	struct config cf = { .kdc_listen = copy };

	(void)snprintf(copy, sizeof(copy), "%s", listen_at);
	error[0] = '\0';
	return kdc_addresses(&cf, list, error, n);
}

static void
test_listen(void **state)
{
	struct kdc_address list[KDC_LISTEN_MAX];
	char error[512];

	(void)state;
	assert_int_equal(addresses("", list, error, sizeof(error)), 0);
	assert_int_equal(addresses(" \t ", list, error, sizeof(error)), 0);
	assert_int_equal(addresses("127.0.0.1:88 [::1]:65535\t127.255.255.255:1 127.0.0.1:89", list,
				   error, sizeof(error)),
			 4);
	assert_string_equal(list[0].text, "127.0.0.1:88");
	assert_string_equal(list[1].text, "[::1]:65535");
	assert_string_equal(list[2].text, "127.255.255.255:1");
	assert_int_equal(list[1].addr.ss_family, AF_INET6);
	assert_int_equal(list[1].len, sizeof(struct sockaddr_in6));
}

static void
test_listen_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "127.0.0.1", "no address with a port" },
		{ "127.0.0.1:", "no address with a port" },
		{ "127.0.0.1:0", "no address with a port" },
		{ "127.0.0.1:65536", "no address with a port" },
		{ "127.0.0.1:088888", "no address with a port" },
		{ "127.0.0.1:8x", "no address with a port" },
		{ "127.0.0.1:-1", "no address with a port" },
		{ "127.1:88", "no address with a port" },
		{ "localhost:88", "no address with a port" },
		{ "::1:88", "no address with a port" },
		{ "[::1]", "no address with a port" },
		{ "[::1]88", "no address with a port" },
		{ "[::1:88", "no address with a port" },
		{ "[]:88", "no address with a port" },
		{ ":88", "no address with a port" },
		{ "[127.0.0.1]:88", "no address with a port" },
		{ "[::ffff:127.0.0.1]:88", "no address with a port" },
		{ "[::1%lo]:88", "no address with a port" },
		{ "127.0.0.1:88,[::1]:88", "no address with a port" },
		{ "127.0.0.1:1111111111111111111111111111111111111111111111111111111111",
		  "no address with a port" },
		{ "0.0.0.0:88", "no loopback address" },
		{ "[::]:88", "no loopback address" },
		{ "192.0.2.1:88", "no loopback address" },
		{ "128.0.0.1:88", "no loopback address" },
		{ "[fe80::1]:88", "no loopback address" },
		{ "127.0.0.1:88 10.0.0.1:88", "no loopback address" },
		{ "127.0.0.1:88 127.0.0.1:88", "twice" },
		{ "[::1]:88 [0:0::1]:88", "twice" },
		{ "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 127.0.0.1:4 127.0.0.1:5", "more than 4" },
	};
	struct kdc_address list[KDC_LISTEN_MAX];
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addresses(rows[i].text, list, error, sizeof(error)), -1);
		if (strstr(error, rows[i].says) == NULL)
			fail_msg("%s: \"%s\" has not \"%s\"", rows[i].text, error, rows[i].says);
	}
}

/* ---- whose turn it is */

static void
test_turns_most(void **state)
{
	struct turns *ts = turns_new(3, 2);
	struct turn a[4], b[2], r[3];

	(void)state;
	assert_non_null(ts);
	assert_int_equal(turns_ask(ts, &a[0], ALICE, true), TURN_GOES);
	assert_int_equal(turns_ask(ts, &a[1], ALICE, true), TURN_GOES);
	assert_int_equal(turns_ask(ts, &a[2], ALICE, true), TURN_WAITS);  /* two of hers */
	assert_int_equal(turns_ask(ts, &a[3], ALICE, false), TURN_NEVER); /* a datagram */
	assert_null(a[3].user);
	assert_int_equal(turns_waiting(ts), 1);
	assert_null(turns_next(ts));
	assert_int_equal(turns_ask(ts, &b[0], BOB, true), TURN_GOES);
	assert_int_equal(turns_ask(ts, &b[1], BOB, true), TURN_WAITS); /* three of all */
	assert_int_equal(turns_ask(ts, &r[0], 0, true), TURN_WAITS);   /* root's, too */
	turns_leave(ts, &a[0]);
	/* One place; alice came first of those that may. */
	assert_ptr_equal(turns_next(ts), &a[2]);
	assert_null(turns_next(ts));
	turns_leave(ts, &a[1]);
	assert_ptr_equal(turns_next(ts), &b[1]);
	turns_leave(ts, &r[0]); /* gave up */
	assert_int_equal(turns_waiting(ts), 0);
	turns_leave(ts, &a[2]);
	assert_null(turns_next(ts));
	turns_leave(ts, &b[0]);
	turns_leave(ts, &b[1]);
	turns_leave(ts, &b[1]); /* nothing */
	/* Root is bound by the first number only. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(turns_ask(ts, &r[i], 0, true), TURN_GOES);
	assert_int_equal(turns_ask(ts, &b[0], BOB, false), TURN_NEVER);
	for (int i = 0; i < 3; i++)
		turns_leave(ts, &r[i]);
	turns_free(ts);
}

/* Who has a thousand waiting is no worse for who has one. */
static void
test_turns_fair(void **state)
{
	struct turns *ts = turns_new(1, 1);
	struct turn *many = calloc(1000, sizeof(*many)), one, *got;

	(void)state;
	assert_non_null(ts);
	assert_non_null(many);
	assert_int_equal(turns_ask(ts, &many[0], ALICE, true), TURN_GOES);
	for (int i = 1; i < 1000; i++)
		assert_int_equal(turns_ask(ts, &many[i], ALICE, true), TURN_WAITS);
	assert_int_equal(turns_ask(ts, &one, BOB, true), TURN_WAITS);
	turns_leave(ts, &many[0]);
	got = turns_next(ts);
	assert_non_null(got);
	if (got != &one) { /* one of hers, then his */
		assert_ptr_equal(got, &many[1]);
		turns_leave(ts, got);
		got = turns_next(ts);
	}
	assert_ptr_equal(got, &one);
	turns_leave(ts, &one);
	/* The rest in order, some of which gave up. */
	for (int i = 3; i < 1000; i += 2)
		turns_leave(ts, &many[i]);
	for (int i = 1; i < 1000; i++) {
		if (many[i].user == NULL)
			continue;
		assert_ptr_equal(turns_next(ts), &many[i]);
		turns_leave(ts, &many[i]);
	}
	assert_null(turns_next(ts));
	free(many);
	turns_free(ts);
}

/* ---- errors */

static void
test_error(void **state)
{
	static const uint8_t realm[] = "TEST.LOCAL";
	uint8_t buf[2048];
	struct wr out = { buf, sizeof(buf) };
	krb5_context context;
	krb5_error *error;
	krb5_data octets;
	char *name;

	(void)state;
	assert_int_equal(krb5_init_context(&context), 0);
	assert_int_equal(
	    error_make(KDC_ERR_SVC_UNAVAILABLE, (struct rd){ realm, 10 }, "no KDC", &out), 0);
	octets = (krb5_data){ .length = (unsigned int)out.left, .data = (char *)out.at };
	assert_int_equal(krb5_rd_error(context, &octets, &error), 0);
	assert_int_equal(error->error, KDC_ERR_SVC_UNAVAILABLE);
	assert_int_equal(error->text.length, 6);
	assert_memory_equal(error->text.data, "no KDC", 6);
	assert_int_equal(krb5_unparse_name(context, error->server, &name), 0);
	assert_string_equal(name, "krbtgt/TEST.LOCAL@TEST.LOCAL");
	assert_true(labs((long)error->stime - (long)time(NULL)) < 5);
	krb5_free_unparsed_name(context, name);
	krb5_free_error(context, error);
	krb5_free_context(context);
}

/* A long text is cut, a realm is not; too little room is an error. */
static void
test_error_room(void **state)
{
	char text[4000];
	uint8_t buf[2 * KDC_REFUSAL_MAX], realm[255];
	struct wr out = { buf, sizeof(buf) };
	size_t need;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(realm, 'R', sizeof(realm));
	assert_int_equal(error_make(60, (struct rd){ realm, 10 }, text, &out), 0);
	out = (struct wr){ buf, sizeof(buf) };
	assert_int_equal(error_make(60, (struct rd){ realm, sizeof(realm) }, "", &out), 0);
	out = (struct wr){ buf, sizeof(buf) };
	assert_int_equal(error_make(60, (struct rd){ 0 }, "x", &out), 0);
	need = out.left;
	for (size_t n = 0; n <= need; n++) {
		out = (struct wr){ buf, n };
		assert_int_equal(error_make(60, (struct rd){ 0 }, "x", &out), n < need ? -1 : 0);
	}
}

/* AS-REQ { pvno, type, body { options, cname, realm "A", ... } }, and what is cut or changed. */
static void
test_realm(void **state)
{
	static const uint8_t whole[] = {
		0x6a, 0x2b, 0x30, 0x29, 0xa1, 0x03, 0x02, 0x01, 0x05, 0xa2, 0x03, 0x02,
		0x01, 0x0a, 0xa4, 0x1d, 0x30, 0x1b, 0xa0, 0x07, 0x03, 0x05, 0x00, 0x00,
		0x00, 0x00, 0x00, 0xa1, 0x0b, 0x30, 0x09, 0xa0, 0x03, 0x02, 0x01, 0x01,
		0xa1, 0x02, 0x30, 0x00, 0xa2, 0x03, 0x1b, 0x01, 'A',
	};
	uint8_t copy[sizeof(whole)];
	struct rd realm = call_realm((struct rd){ whole, sizeof(whole) });

	(void)state;
	assert_int_equal(realm.len, 1);
	assert_int_equal(realm.at[0], 'A');
	for (size_t n = 0; n < sizeof(whole); n++)
		assert_int_equal(call_realm((struct rd){ whole, n }).len, 0);
	/* Nothing that is changed is read beyond its end. */
	for (size_t i = 0; i < sizeof(whole); i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, whole, sizeof(copy));
			copy[i] = (uint8_t)(copy[i] ^ 1u << bit);
			assert_true(call_realm((struct rd){ copy, sizeof(copy) }).len <= 1);
		}
	}
}

/* ---- whose a socket is */

static int
diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

	if (fd < 0)
		skip();
	return fd;
}

/* Become uid, this thread only. */
static void
be(uid_t uid)
{
	if (geteuid() == uid)
		return;
	if (syscall(SYS_setresuid, -1, uid, -1) != 0)
		fail_msg("setresuid: %s", strerror(errno));
}

static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("SKIP: sockets of several users need root\n");
	skip();
	return false;
}

static socklen_t
loopback(int family, uint16_t port, struct sockaddr_storage *addr)
{
	struct sockaddr_in *v4 = (void *)addr;
	struct sockaddr_in6 *v6 = (void *)addr;

	memset(addr, 0, sizeof(*addr));
	if (family == AF_INET6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_addr = in6addr_loopback;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v4->sin_port = htons(port);
	return sizeof(*v4);
}

/* A socket of ours at a port that the kernel gives. */
static int
ours_at(int family, int type, struct sockaddr_storage *addr, socklen_t *len)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	*len = loopback(family, 0, addr);
	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)addr, *len) != 0)
		return -1;
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static uint16_t *
port_of(struct sockaddr_storage *addr)
{
	return &((struct sockaddr_in *)(void *)addr)->sin_port;
}

/* A client of uid's, connected; type TCP: what we accept is in *accepted. */
static int
client_of(uid_t uid, int family, int type, const struct sockaddr_storage *to, socklen_t len)
{
	uid_t before = geteuid();
	int fd;

	be(uid);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	be(before);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)to, len), 0);
	return fd;
}

static int
accept_from(int fd, struct sockaddr_storage *theirs)
{
	socklen_t len = sizeof(*theirs);
	int got = accept4(fd, (struct sockaddr *)theirs, &len, SOCK_CLOEXEC);

	assert_true(got >= 0);
	return got;
}

static void
take_from(int fd, struct sockaddr_storage *theirs)
{
	socklen_t len = sizeof(*theirs);
	char octet;

	assert_int_equal(recvfrom(fd, &octet, 1, 0, (struct sockaddr *)theirs, &len), 1);
}

static int
find(int diag, int fd, const struct sockaddr_storage *theirs, struct peer *peer)
{
	struct sockaddr_storage ours = { 0 };
	socklen_t len = sizeof(ours), type_len = sizeof(int);
	int type = 0;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ours, &len), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len), 0);
	return peer_find(diag, type == SOCK_DGRAM ? -1 : fd, (const struct sockaddr *)&ours,
			 (const struct sockaddr *)theirs, peer);
}

static void
test_peer_tcp(void **state)
{
	static const uid_t uids[] = { 0, ALICE, BOB };
	int diag = diag_open();
	struct sockaddr_storage to, theirs;
	struct peer peer, again;
	socklen_t len;

	(void)state;
	for (int six = 0; six < 2 && is_root(); six++) {
		int ours = ours_at(six ? AF_INET6 : AF_INET, SOCK_STREAM, &to, &len);

		for (size_t i = 0; ours >= 0 && i < 3; i++) {
			int client = client_of(uids[i], to.ss_family, SOCK_STREAM, &to, len);
			int got = accept_from(ours, &theirs);

			assert_int_equal(find(diag, got, &theirs, &peer), 0);
			assert_int_equal(peer.uid, uids[i]);
			assert_int_equal(find(diag, got, &theirs, &again), 0);
			assert_true(peer.cookie != 0 && peer.cookie == again.cookie);
			/* Half closed is still there; closed is nobody's, and not root's. */
			assert_int_equal(shutdown(client, SHUT_WR), 0);
			assert_int_equal(find(diag, got, &theirs, &peer), 0);
			assert_int_equal(peer.uid, uids[i]);
			close(client);
			assert_int_equal(find(diag, got, &theirs, &peer), -1);
			assert_true(peer.uid != 0 || uids[i] == 0);
			close(got);
			assert_int_equal(find(diag, ours, &theirs, &peer), -1); /* TIME_WAIT */
		}
		close(ours);
	}
	close(diag);
}

/* A client that speaks IPv4 through an IPv6 socket, and one that is bound to lo. */
static void
test_peer_dressed(void **state)
{
	int diag = diag_open(), ours, client, got;
	struct sockaddr_storage to, theirs;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	struct peer peer;
	socklen_t len;

	(void)state;
	if (!is_root())
		return;
	for (int stream = 0; stream < 2; stream++) {
		int type = stream ? SOCK_STREAM : SOCK_DGRAM;

		ours = ours_at(AF_INET, type, &to, &len);
		mapped.sin6_port = *port_of(&to);
		assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
		be(ALICE);
		client = socket(AF_INET6, type, 0);
		be(0);
		if (client >= 0 &&
		    connect(client, (struct sockaddr *)&mapped, sizeof(mapped)) == 0) {
			if (!stream)
				assert_int_equal(send(client, "x", 1, 0), 1);
			got = stream ? accept_from(ours, &theirs) : dup(ours);
			if (!stream)
				take_from(ours, &theirs);
			assert_int_equal(find(diag, got, &theirs, &peer), 0);
			assert_int_equal(peer.uid, ALICE);
			close(got);
		}
		close(client);
		be(BOB);
		client = socket(AF_INET, type, 0);
		if (setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0) {
			be(0);
			assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
			if (!stream)
				assert_int_equal(send(client, "x", 1, 0), 1);
			got = stream ? accept_from(ours, &theirs) : dup(ours);
			if (!stream)
				take_from(ours, &theirs);
			assert_int_equal(find(diag, got, &theirs, &peer), 0);
			assert_int_equal(peer.uid, BOB);
			close(got);
		}
		be(0);
		close(client);
		close(ours);
	}
	close(diag);
}

static void
test_peer_udp(void **state)
{
	int diag = diag_open();
	struct sockaddr_storage to, theirs;
	struct peer peer, again;
	socklen_t len;

	(void)state;
	for (int six = 0; six < 2 && is_root(); six++) {
		int ours = ours_at(six ? AF_INET6 : AF_INET, SOCK_DGRAM, &to, &len);

		for (int connected = 0; ours >= 0 && connected < 2; connected++) {
			int client, other;

			be(ALICE);
			client = socket(to.ss_family, SOCK_DGRAM, 0);
			be(0);
			if (connected)
				assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
			assert_int_equal(sendto(client, "x", 1, 0, (struct sockaddr *)&to, len), 1);
			take_from(ours, &theirs);
			assert_int_equal(find(diag, ours, &theirs, &peer), 0);
			assert_int_equal(peer.uid, ALICE);
			assert_true(peer.cookie != 0);
			/* Gone is nobody's; another's at the same port is told by its cookie. */
			close(client);
			assert_int_equal(find(diag, ours, &theirs, &again), -1);
			be(BOB);
			other = socket(to.ss_family, SOCK_DGRAM, 0);
			be(0);
			assert_int_equal(bind(other, (struct sockaddr *)&theirs, len), 0);
			assert_int_equal(find(diag, ours, &theirs, &again), 0);
			assert_int_equal(again.uid, BOB);
			assert_true(again.cookie != peer.cookie);
			close(other);
		}
		close(ours);
	}
	close(diag);
}

static void
test_peer_unix(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct sockaddr_storage theirs = { .ss_family = AF_UNIX };
	int ours = socket(AF_UNIX, SOCK_STREAM, 0), client, got;
	struct peer peer;

	(void)state;
	/* An abstract name, which nobody need clean up. */
	(void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "lsaiso-test-%d", (int)getpid());
	assert_int_equal(bind(ours, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(ours, 1), 0);
	if (!is_root())
		return;
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	be(ALICE);
	assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
	be(0);
	got = accept(ours, NULL, NULL);
	assert_int_equal(find(-1, got, &theirs, &peer), 0);
	assert_int_equal(peer.uid, ALICE);
	close(client);
	assert_int_equal(find(-1, got, &theirs, &peer), 0); /* as it was when it connected */
	assert_int_equal(peer.uid, ALICE);
	close(got);
	close(ours);
}

/* Its connection ends, and somebody else connects from the same port to the same place. */
static void
test_peer_same_port(void **state)
{
	int diag = diag_open(), ours, client, got, second, one = 1;
	struct linger reset = { 1, 0 };
	struct sockaddr_storage to, theirs, from;
	struct peer peer;
	socklen_t len;

	(void)state;
	if (!is_root())
		return;
	ours = ours_at(AF_INET, SOCK_STREAM, &to, &len);
	for (int i = 0;; i++) {
		client = client_of(ALICE, AF_INET, SOCK_STREAM, &to, len);
		got = accept_from(ours, &theirs);
		from = theirs;
		/* She resets hers; root is there at once. */
		assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)),
				 0);
		close(client);
		second = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)),
				 0);
		if (bind(second, (struct sockaddr *)&from, len) == 0)
			break;
		/* Programs beside us may have the port, too, for other places. */
		assert_true(errno == EADDRINUSE && i < 100);
		close(second);
		close(got);
	}
	assert_int_equal(connect(second, (struct sockaddr *)&to, len), 0);
	/* Our end of hers is not root's. */
	assert_int_equal(find(diag, got, &theirs, &peer), -1);
	close(got);
	got = accept_from(ours, &theirs);
	assert_int_equal(find(diag, got, &theirs, &peer), 0);
	assert_int_equal(peer.uid, 0);
	close(got);
	close(second);
	close(ours);
	close(diag);
}

/* Without netlink, and where the answer is about another network, nobody is known. */
static void *
diag_elsewhere(void *arg)
{
	if (unshare(CLONE_NEWNET) == 0)
		*(int *)arg = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
	return NULL;
}

static void
test_peer_elsewhere(void **state)
{
	struct sockaddr_storage to, theirs;
	int diag = diag_open(), elsewhere = -1, ours, client, got, datagrams;
	struct peer peer;
	pthread_t thread;
	socklen_t len;

	(void)state;
	ours = ours_at(AF_INET, SOCK_STREAM, &to, &len);
	client = client_of(geteuid(), AF_INET, SOCK_STREAM, &to, len);
	got = accept_from(ours, &theirs);
	assert_int_equal(find(-1, got, &theirs, &peer), -1);
	assert_int_equal(peer.uid, (uid_t)-1);
	assert_true(peer_told(diag, true, (const struct sockaddr *)&to));
	assert_false(peer_told(-1, true, (const struct sockaddr *)&to));
	datagrams = ours_at(AF_INET, SOCK_DGRAM, &to, &len);
	assert_true(peer_told(diag, false, (const struct sockaddr *)&to));
	close(datagrams);
	assert_int_equal(pthread_create(&thread, NULL, diag_elsewhere, &elsewhere), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (elsewhere >= 0) {
		assert_int_equal(find(elsewhere, got, &theirs, &peer), -1);
		assert_int_equal(peer.uid, (uid_t)-1);
		close(elsewhere);
	}
	/* What another lsass asked and did not read is not taken for ours. */
	assert_int_equal(find(diag, got, &theirs, &peer), 0);
	assert_int_equal(peer.uid, geteuid());
	close(client);
	close(got);
	close(ours);
	close(diag);
}

/* Answers to questions of a lsass that was killed before it read them. */
static void
test_peer_stale(void **state)
{
	struct sockaddr_storage to, theirs[2];
	int diag = diag_open(), ours, clients[2], got[2];
	struct peer peer;
	socklen_t len;

	(void)state;
	if (!is_root())
		return;
	ours = ours_at(AF_INET, SOCK_STREAM, &to, &len);
	for (int i = 0; i < 2; i++) {
		clients[i] = client_of(i == 0 ? 0 : ALICE, AF_INET, SOCK_STREAM, &to, len);
		got[i] = accept_from(ours, &theirs[i]);
	}
	/* A receive buffer that takes nothing more is like one of which nothing is read. */
	for (int i = 0; i < 8; i++) {
		int pid = fork();

		if (pid == 0) {
			struct {
				struct nlmsghdr head;
				char rest[64];
			} junk = { .head = { .nlmsg_len = sizeof(junk),
					     .nlmsg_type = NLMSG_NOOP,
					     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
					     .nlmsg_seq = (uint32_t)i } };
			const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

			(void)sendto(diag, &junk, sizeof(junk), 0, (const struct sockaddr *)&kernel,
				     sizeof(kernel));
			_exit(0);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_int_equal(find(diag, got[1], &theirs[1], &peer), 0);
	assert_int_equal(peer.uid, ALICE);
	assert_int_equal(find(diag, got[0], &theirs[0], &peer), 0);
	assert_int_equal(peer.uid, 0);
	for (int i = 0; i < 2; i++) {
		close(clients[i]);
		close(got[i]);
	}
	close(ours);
	close(diag);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),	       cmocka_unit_test(test_listen_refused),
		cmocka_unit_test(test_turns_most),     cmocka_unit_test(test_turns_fair),
		cmocka_unit_test(test_error),	       cmocka_unit_test(test_error_room),
		cmocka_unit_test(test_realm),	       cmocka_unit_test(test_peer_tcp),
		cmocka_unit_test(test_peer_dressed),   cmocka_unit_test(test_peer_udp),
		cmocka_unit_test(test_peer_unix),      cmocka_unit_test(test_peer_same_port),
		cmocka_unit_test(test_peer_elsewhere), cmocka_unit_test(test_peer_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
