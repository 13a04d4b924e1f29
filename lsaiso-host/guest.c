/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the guest: who comes, octets in, octets out, and in what measure. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsaiso-host/private.h"

#define SAID_RATE 1 /* log lines a second that the guest can cause */

void
guest_say(struct guest *gu, const char *format, ...)
{
	char text[256];
	va_list ap;

	if (!bucket_take(&gu->hush.bucket, loop_now_ms(gu->lo))) {
		gu->hush.silent++;
		return;
	}
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (gu->hush.silent > 0)
		log_notice("%s (and %llu lines before that were left out)", text,
			   (unsigned long long)gu->hush.silent);
	else
		log_notice("%s", text);
	gu->hush.silent = 0;
}

/* ---- one connection */

void
guest_drop(struct conn *co)
{
	struct guest *gu = co->gu;

	if (co->fd < 0)
		return;
	if (gu->served == co) {
		gu->served = NULL;
		guest_say(gu, "the guest is not connected any more");
	}
	gu->count.torn += co->in.torn;
	gu->count.skipped += co->in.skipped;
	loop_unwatch(co->watch);
	(void)close(co->fd);
	stream_reset(&co->in);
	explicit_bzero(co->out, sizeof(co->out));
	explicit_bzero(&co->hello, sizeof(co->hello));
	co->watch = NULL;
	co->fd = -1;
	co->out_len = 0;
	co->state = CONN_NEW;
}

bool
guest_is_dead(const struct conn *co)
{
	struct pollfd pf = { .fd = co->fd, .events = POLLRDHUP };

	if (poll(&pf, 1, 0) > 0)
		return true;
	return co->out_len != 0 && loop_now_ms(co->gu->lo) - co->stuck_since > STUCK_MS;
}

/* Send what there is; what was sent is wiped. False: the other end is gone. */
static bool
flush(struct conn *co)
{
	ssize_t got;

	while (co->out_len > 0) {
		got = send(co->fd, co->out + co->out_at, co->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got < 0)
			return false;
		explicit_bzero(co->out + co->out_at, (size_t)got);
		co->out_at += (size_t)got;
		co->out_len -= (size_t)got;
		co->stuck_since = loop_now_ms(co->gu->lo);
	}
	return true;
}

/* Calls of the served one have a measure of their own. */
static struct bucket *
measure(const struct conn *co)
{
	return co->state == CONN_WELCOMED ? &co->gu->calls : &co->gu->others;
}

static void
go_on(void *arg)
{
	struct guest *gu = arg;

	(void)loop_every(gu->lo, 0, go_on, gu);
	for (size_t i = 0; i < CONNS; i++) {
		if (gu->conns[i].fd >= 0)
			guest_pump(&gu->conns[i]);
	}
}

/* Look again for lsaiso, or for the time to give up. */
static void
tick(void *arg)
{
	struct guest *gu = arg;

	if (gu->served == NULL || gu->served->state != CONN_WAITS)
		(void)loop_every(gu->lo, 0, tick, gu);
	else
		guest_pump(gu->served);
}

/* What is missing for this connection to go on: room to send, octets, or time. */
static uint32_t
wanted(struct conn *co)
{
	struct guest *gu = co->gu;
	uint32_t wait = bucket_wait(measure(co), loop_now_ms(gu->lo));

	if (co->out_len > 0)
		return EPOLLOUT;
	if (co->state == CONN_WAITS) {
		(void)loop_every(gu->lo, TICK_MS, tick, gu);
		return 0;
	}
	if (co->hungry)
		return EPOLLIN;
	if (wait == 0)
		return EPOLLOUT; /* frames are left: comes back at once */
	(void)loop_every(gu->lo, wait, go_on, gu);
	return 0;
}

/* One step. False: nothing more can be done now. */
static bool
step(struct conn *co)
{
	struct guest *gu = co->gu;
	struct stream_frame fr;

	if (co->out_len > 0)
		return false;
	if (co->gone_due) {
		speak_gone(co, true);
		return true;
	}
	if (co->state == CONN_WAITS) {
		speak_settle(gu);
		return co->state != CONN_WAITS;
	}
	if (bucket_wait(measure(co), loop_now_ms(gu->lo)) != 0)
		return false;
	co->hungry = !stream_next(&co->in, &fr);
	if (co->hungry)
		return false;
	(void)bucket_take(measure(co), loop_now_ms(gu->lo));
	speak_frame(co, &fr);
	stream_done(&co->in);
	return true;
}

void
guest_pump(struct conn *co)
{
	bool more = true;

	for (unsigned int i = 0; i < BATCH && more; i++) {
		if (!flush(co)) {
			guest_drop(co);
			return;
		}
		more = step(co);
	}
	if (!flush(co) || loop_change(co->watch, wanted(co) | EPOLLRDHUP) != 0)
		guest_drop(co);
}

static bool
receive(struct conn *co)
{
	struct wr room = stream_room(&co->in);
	ssize_t got = recv(co->fd, room.at, room.left, MSG_DONTWAIT);

	if (got > 0)
		stream_came(&co->in, (size_t)got);
	co->hungry = got <= 0;
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void
on_conn(void *arg, uint32_t events)
{
	struct conn *co = arg;

	if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0 ||
	    ((events & EPOLLIN) != 0 && co->hungry && !receive(co)))
		guest_drop(co);
	else
		guest_pump(co);
}

/* ---- arrivals */

/* A free place; else that of the connection that has waited longest. */
static struct conn *
find_place(struct guest *gu)
{
	struct conn *oldest = NULL;

	for (size_t i = 0; i < CONNS; i++) {
		struct conn *co = &gu->conns[i];

		if (co->fd >= 0 && guest_is_dead(co))
			guest_drop(co);
		if (co->fd < 0)
			return co;
		if (co != gu->served && (oldest == NULL || co->number < oldest->number))
			oldest = co;
	}
	if (oldest != NULL)
		guest_drop(oldest);
	return oldest;
}

/* Seat a connection whose peer is who it should be. */
static void
admit(struct guest *gu, int fd, struct peer peer)
{
	struct conn *co = find_place(gu);

	gu->count.connections++;
	if (co != NULL)
		co->watch = loop_watch(gu->lo, fd, EPOLLIN | EPOLLRDHUP, on_conn, co);
	if (co == NULL || co->watch == NULL) {
		(void)close(fd);
		return;
	}
	co->gu = gu;
	co->fd = fd;
	co->state = CONN_NEW;
	co->peer = peer;
	co->since = (int64_t)time(NULL);
	co->number = gu->arrivals++;
	co->token = bucket_take(&gu->hellos, loop_now_ms(gu->lo));
	co->hungry = true;
	co->out_at = co->out_len = 0;
	stream_init(&co->in, STREAM_NEEDS_SYNC);
	/* A port of the guest outlives us: whoever was served there by our
	 * predecessor must know that nobody knows of it. */
	co->gone_due = true;
	guest_pump(co);
}

static void
on_unix(void *arg, uint32_t events)
{
	struct guest *gu = arg;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(gu->unix_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == gu->peer)) {
		admit(gu, fd, (struct peer){ .pid = peer.pid, .uid = peer.uid });
		return;
	}
	gu->count.strangers++;
	guest_say(gu, "a connection of uid %u (pid %d) is closed: [guest] socket_user is uid %u",
		  (unsigned int)peer.uid, (int)peer.pid, (unsigned int)gu->peer);
	(void)close(fd);
}

static void
on_vsock(void *arg, uint32_t events)
{
	struct guest *gu = arg;
	struct sockaddr_vm peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(gu->vsock_fd, (struct sockaddr *)&peer, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (peer.svm_family == AF_VSOCK && peer.svm_cid == gu->cf->guest_vsock_cid &&
	    peer.svm_port <= STREAM_VSOCK_PORT) {
		admit(gu, fd, (struct peer){ .by_vsock = true, .cid = peer.svm_cid });
		return;
	}
	gu->count.strangers++;
	guest_say(gu,
		  "a connection of CID %u, port %u, is closed: only lsainit of CID %llu is let "
		  "in, from a port below %u",
		  peer.svm_cid, peer.svm_port, (unsigned long long)gu->cf->guest_vsock_cid,
		  STREAM_VSOCK_PORT + 1);
	(void)close(fd);
}

/* ---- all of it */

struct guest *
guest_new(struct loop *lo, const struct config *cf, int unix_fd, int vsock_fd, uid_t peer)
{
	struct guest *gu = calloc(1, sizeof(*gu));
	uint64_t now = loop_now_ms(lo);

	if (gu == NULL)
		return NULL;
	gu->lo = lo;
	gu->cf = cf;
	gu->peer = peer;
	gu->unix_fd = unix_fd;
	gu->vsock_fd = vsock_fd;
	bucket_init(&gu->calls, (uint64_t)cf->guest_rate, now);
	bucket_init(&gu->others, (uint64_t)cf->guest_rate, now);
	bucket_init(&gu->hellos, (uint64_t)cf->guest_connects, now);
	bucket_init(&gu->hush.bucket, SAID_RATE, now);
	for (size_t i = 0; i < CONNS; i++) {
		gu->conns[i].gu = gu;
		gu->conns[i].fd = -1;
	}
	if (unix_fd >= 0)
		gu->unix_watch = loop_watch(lo, unix_fd, EPOLLIN, on_unix, gu);
	if (vsock_fd >= 0)
		gu->vsock_watch = loop_watch(lo, vsock_fd, EPOLLIN, on_vsock, gu);
	if ((unix_fd < 0 || gu->unix_watch != NULL) && (vsock_fd < 0 || gu->vsock_watch != NULL))
		return gu;
	guest_free(gu);
	return NULL;
}

void
guest_free(struct guest *gu)
{
	if (gu == NULL)
		return;
	for (size_t i = 0; i < CONNS; i++)
		guest_drop(&gu->conns[i]);
	loop_unwatch(gu->unix_watch);
	loop_unwatch(gu->vsock_watch);
	free(gu);
}

void
guest_attached(struct guest *gu, const uint8_t boot_id[ISO_BOOT_ID], const uint8_t bound[16])
{
	guest_gone(gu); /* if it was another one */
	memcpy(gu->boot_id, boot_id, sizeof(gu->boot_id));
	memcpy(gu->count.boot, bound, sizeof(gu->count.boot));
	gu->attached = true;
	if (gu->served != NULL)
		guest_pump(gu->served);
}

void
guest_gone(struct guest *gu)
{
	struct conn *co = gu->served;

	gu->attached = false;
	memset(gu->count.boot, 0, sizeof(gu->count.boot));
	if (co == NULL || co->state != CONN_WELCOMED)
		return;
	gu->served = NULL;
	co->state = CONN_NEW;
	co->gone_due = true;
	guest_pump(co);
}

void
guest_look(const struct guest *gu, struct guest_look *look)
{
	const struct conn *co = gu->served;

	*look = gu->count;
	for (size_t i = 0; i < CONNS; i++) {
		if (gu->conns[i].fd >= 0) {
			look->torn += gu->conns[i].in.torn;
			look->skipped += gu->conns[i].in.skipped;
		}
	}
	if (co == NULL || co->state != CONN_WELCOMED)
		return;
	look->connected = true;
	look->by_vsock = co->peer.by_vsock;
	look->pid = co->peer.pid;
	look->uid = co->peer.uid;
	look->cid = co->peer.cid;
	look->since = co->since;
}
