/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "lsass/realm/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lsass/realm/spare.h"

#define FIRST_ROOM   4096 /* octets; a length that a KDC claims is not believed before they come */
#define DATAGRAM_MAX 65536

static bool
for_now(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static size_t
claimed(const struct way *way)
{
	const uint8_t *h = way->head;

	return (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
}

static void
tell(struct way *way, enum way_news news, size_t n)
{
	way->told(way->arg, way, news, (struct rd){ way->reply, n });
}

/* ---- a stream */

/* False: it is cut off. */
static bool
push(struct way *way)
{
	while (way->sent < way->framed.len) {
		ssize_t n = send(way->fd, way->framed.at + way->sent, way->framed.len - way->sent,
				 MSG_NOSIGNAL);

		if (n < 0)
			return for_now(errno);
		way->sent += (size_t)n;
	}
	return loop_change(way->wa, EPOLLIN) == 0;
}

/* Room for what is to come, not more than twice what came. */
static bool
grow(struct way *way, size_t len)
{
	size_t room = way->room == 0 ? FIRST_ROOM : way->room * 2;
	uint8_t *more;

	more = realloc(way->reply, room < len ? room : len);
	if (more == NULL)
		return false;
	way->reply = more;
	way->room = room < len ? room : len;
	return true;
}

/* Of a stream: the next octets. 1: some came, 0: none for now, -1: it is cut off. */
static int
take(struct way *way, uint8_t *to, size_t room, size_t *have)
{
	ssize_t n = recv(way->fd, to, room, 0);

	if (n < 0 && for_now(errno))
		return 0;
	if (n <= 0)
		return -1;
	*have += (size_t)n;
	return 1;
}

static void
pull(struct way *way)
{
	int more = 1;

	while (more > 0) {
		size_t len, body;

		if (way->got < WAY_HEAD) {
			more = take(way, way->head + way->got, WAY_HEAD - way->got, &way->got);
			if (way->got == WAY_HEAD && more > 0 &&
			    (claimed(way) == 0 || claimed(way) > WAY_REPLY_MAX)) {
				tell(way, WAY_GARBAGE, 0);
				return;
			}
			continue;
		}
		len = claimed(way);
		body = way->got - WAY_HEAD;
		if (body == way->room && !grow(way, len)) {
			tell(way, WAY_GONE, 0);
			return;
		}
		more = take(way, way->reply + body, way->room - body, &body);
		way->got = body + WAY_HEAD;
		if (body == len) {
			tell(way, WAY_REPLY, len);
			return;
		}
	}
	if (more < 0)
		tell(way, way->got > 0 ? WAY_GARBAGE : WAY_GONE, 0);
}

static void
stream_ready(void *arg, uint32_t events)
{
	struct way *way = arg;

	if (way->sent < way->framed.len && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 &&
	    !push(way)) {
		tell(way, WAY_GONE, 0);
		return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		pull(way);
}

/* ---- datagrams */

static void
datagram_ready(void *arg, uint32_t events)
{
	static uint8_t got[DATAGRAM_MAX]; /* of the loop's thread alone, for this call */
	struct way *way = arg;
	ssize_t n = recv(way->fd, got, sizeof(got), 0);

	if (n < 0) {
		if (!for_now(errno))
			tell(way, WAY_GONE, 0);
		return;
	}
	free(way->reply);
	way->reply = malloc((size_t)n + 1);
	if (way->reply == NULL)
		return; /* as if it had been lost */
	memcpy(way->reply, got, (size_t)n);
	tell(way, WAY_REPLY, (size_t)n);
}

/* What cannot be sent is as what is lost. */
static void
send_datagram(const struct way *way)
{
	(void)send(way->fd, way->framed.at + WAY_HEAD, way->framed.len - WAY_HEAD, MSG_NOSIGNAL);
}

void
way_again(struct way *way)
{
	if (way->udp) {
		way->sent++;
		send_datagram(way);
	}
}

void
way_done(struct way *way)
{
	way->done = way->udp && way->sent == 0;
}

/* ---- both */

/* False, with errno: nothing is open. */
static bool
open_socket(struct way *way, struct loop *lo)
{
	int type = way->udp ? SOCK_DGRAM : SOCK_STREAM, error;
	const struct place *to = way->to;

	way->born = loop_now_ms(lo);
	way->fd = socket(to->to.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (way->fd < 0)
		return false;
	/* A datagram socket that is connected takes none of others. */
	if (connect(way->fd, (const struct sockaddr *)(const void *)&to->to, to->len) == 0 ||
	    errno == EINPROGRESS)
		way->wa = loop_watch(lo, way->fd, way->udp ? EPOLLIN : EPOLLIN | EPOLLOUT,
				     way->udp ? datagram_ready : stream_ready, way);
	if (way->wa != NULL)
		return true;
	error = errno;
	way_close(way);
	errno = error;
	return false;
}

int
way_open(struct way *way, struct loop *lo, struct spares *spares, const struct place *to,
	 struct rd framed, way_told *told, void *arg)
{
	way->spares = spares;
	way->to = to;
	way->framed = framed;
	way->told = told;
	way->arg = arg;
	way->wa = NULL;
	way->fd = way->udp ? spares_take(spares, to, &way->wa, &way->born) : -1;
	if (way->fd >= 0)
		loop_hand_over(way->wa, datagram_ready, way);
	else if (!open_socket(way, lo))
		return -1;
	if (way->udp)
		send_datagram(way);
	return 0;
}

void
way_close(struct way *way)
{
	if (way->done && way->fd >= 0) {
		spares_put(way->spares, way->to, way->fd, way->wa, way->born);
	} else {
		loop_unwatch(way->wa);
		if (way->fd >= 0)
			(void)close(way->fd);
	}
	way->wa = NULL;
	way->fd = -1;
	free(way->reply);
	way->reply = NULL;
}
