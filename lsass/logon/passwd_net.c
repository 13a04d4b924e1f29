/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a realm's password server is, and the way there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT	     "464" /* RFC 3244 */
#define CONNECT_MS   5000
#define ANSWER_MS    15000 /* of a server that was reached: it may ask others */
#define UDP_FIRST_MS 1000  /* until the first repetition; then twice as long */
#define UDP_TIMES    3
#define SLICE_MS     250 /* how often cancelled is looked at */
#define REPLY_MAX    65536
#define DATAGRAM_MAX 8192

/* ---- where */

void
passwd_locate(krb5_context ctx, struct rd realm, struct servers *servers)
{
	char name[SERVER_HOST_MAX];
	profile_t profile = NULL;

	servers->n = servers->others = 0;
	if (realm.len == 0 || realm.len >= sizeof(name) || memchr(realm.at, '\0', realm.len))
		return;
	memcpy(name, realm.at, realm.len);
	name[realm.len] = '\0';
	if (krb5_get_profile(ctx, &profile) != 0)
		return;
	servers_profile(profile, name, "kpasswd_server", PORT, true, servers);
	if (servers->n == 0 && servers_use_dns(profile))
		servers_srv(name, "_kpasswd", SERVER_TCP, servers);
	if (servers->n == 0)
		servers_profile(profile, name, "admin_server", PORT, false, servers);
	if (servers->n == 0)
		servers_profile(profile, name, "kdc", PORT, false, servers);
	profile_release(profile);
}

/* ---- the way there */

struct talk {
	const atomic_bool *cancelled;
	passwd_maker *make;
	void *arg;
	struct creds_octets *reply;
	bool sent;
	int32_t broken; /* of make: it ends everything */
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait for events on fd. False: time is up, or nobody waits any more. */
static bool
wait_for(const struct talk *ta, int fd, short events, int64_t until)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t left;

	while ((left = until - now_ms()) > 0) {
		if (ta->cancelled != NULL && atomic_load(ta->cancelled))
			return false;
		if (poll(&pfd, 1, (int)(left < SLICE_MS ? left : SLICE_MS)) > 0)
			return true;
	}
	return false;
}

static bool
reach(const struct talk *ta, int fd, const struct addrinfo *to)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return true;
	return errno == EINPROGRESS && wait_for(ta, fd, POLLOUT, now_ms() + CONNECT_MS) &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

/* The message for this socket, which has an address now. */
static bool
make(struct talk *ta, int fd, struct creds_octets *message)
{
	struct sockaddr_storage ss = { 0 };
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&ss;
	socklen_t len = sizeof(ss);
	struct rd address;

	if (getsockname(fd, (struct sockaddr *)(void *)&ss, &len) != 0)
		return false;
	if (ss.ss_family == AF_INET6)
		address = (struct rd){ (const uint8_t *)&in6->sin6_addr, sizeof(in6->sin6_addr) };
	else
		address = (struct rd){ (const uint8_t *)&in->sin_addr, sizeof(in->sin_addr) };
	ta->broken = ta->make(ta->arg, address, message);
	return ta->broken == 0;
}

static bool
send_all(const struct talk *ta, int fd, const uint8_t *at, size_t len)
{
	int64_t until = now_ms() + ANSWER_MS;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (!wait_for(ta, fd, POLLOUT, until))
				return false;
			continue;
		}
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
receive_all(const struct talk *ta, int fd, uint8_t *at, size_t len)
{
	int64_t until = now_ms() + ANSWER_MS;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n < 0 && errno == EAGAIN) {
			if (!wait_for(ta, fd, POLLIN, until))
				return false;
			continue;
		}
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
take(struct talk *ta, size_t len)
{
	ta->reply->at = malloc(len + 1);
	ta->reply->len = len;
	return ta->reply->at != NULL;
}

/* TCP: each message has its length before it (RFC 4120 7.2.2). */
static bool
by_stream(struct talk *ta, int fd)
{
	struct creds_octets message = { 0 };
	uint8_t head[4];
	size_t len;
	bool ok;

	if (!make(ta, fd, &message))
		return false;
	for (size_t i = 0; i < sizeof(head); i++)
		head[i] = (uint8_t)(message.len >> (24 - 8 * i));
	ta->sent = true;
	ok = send_all(ta, fd, head, sizeof(head)) && send_all(ta, fd, message.at, message.len) &&
	     receive_all(ta, fd, head, sizeof(head));
	creds_free(&message);
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (!ok || len == 0 || len > REPLY_MAX || !take(ta, len))
		return false;
	ok = receive_all(ta, fd, ta->reply->at, len);
	if (!ok)
		creds_free(ta->reply);
	return ok;
}

/* UDP: the same octets again, so that the server can tell that it is the same. */
static bool
by_datagrams(struct talk *ta, int fd)
{
	struct creds_octets message = { 0 };
	uint8_t got[DATAGRAM_MAX];
	int64_t wait = UDP_FIRST_MS;
	ssize_t n = -1;

	if (!make(ta, fd, &message))
		return false;
	for (int i = 0; i < UDP_TIMES && n < 0; i++, wait *= 2) {
		if (send(fd, message.at, message.len, MSG_NOSIGNAL) < 0)
			break;
		if (!wait_for(ta, fd, POLLIN, now_ms() + wait)) {
			ta->sent = true;
			continue;
		}
		n = recv(fd, got, sizeof(got), 0);
		if (n < 0)
			break; /* nobody listens there */
	}
	creds_free(&message);
	if (n <= 0 || !take(ta, (size_t)n))
		return false;
	ta->sent = true;
	memcpy(ta->reply->at, got, (size_t)n);
	return true;
}

/* Every address of a server. True: there is a reply. */
static bool
try_server(struct talk *ta, const struct server *server, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	bool ok = false;

	/* Loopback alone counts as no address for AI_ADDRCONFIG. */
	if (getaddrinfo(server->host, server->port, &hints, &list) != 0) {
		hints.ai_flags = 0;
		if (getaddrinfo(server->host, server->port, &hints, &list) != 0)
			return false;
	}
	for (struct addrinfo *at = list; at != NULL && !ok && ta->broken == 0; at = at->ai_next) {
		int fd = socket(at->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			continue;
		if (reach(ta, fd, at))
			ok = type == SOCK_STREAM ? by_stream(ta, fd) : by_datagrams(ta, fd);
		(void)close(fd);
		/* Who got it in a stream and is silent may have done it. */
		if (type == SOCK_STREAM && ta->sent)
			break;
	}
	freeaddrinfo(list);
	return ok;
}

int32_t
passwd_ask(const struct server *servers, size_t n, const atomic_bool *cancelled,
	   passwd_maker *maker, void *arg, struct creds_octets *reply, bool *sent)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	struct talk ta = { .cancelled = cancelled, .make = maker, .arg = arg, .reply = reply };
	bool ok = false;

	for (size_t t = 0; t < 2 && !ok && !ta.sent; t++) {
		for (size_t i = 0; i < n && !ok && ta.broken == 0; i++) {
			if (cancelled != NULL && atomic_load(cancelled))
				break;
			ok = try_server(&ta, &servers[i], types[t]);
			if (types[t] == SOCK_STREAM && ta.sent)
				break;
		}
		if (ta.broken != 0)
			break;
	}
	*sent = ta.sent;
	return ok ? 0 : ta.broken != 0 ? ta.broken : KRB5_KDC_UNREACH;
}
