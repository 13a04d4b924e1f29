/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that are not ours, to the real winbindd: a connection of its own
 * for each client, because winbindd keeps state for one (getpwent). It sees
 * lsass as the peer. What it answers is copied as it comes, unread but for its
 * length; no more of it is kept here than a client has not taken yet.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, struct ucred */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/front/winbind/private.h"
#include "lsass/loop.h"

#define RECURSE	   0x800u /* wb_flags, as libwbclient has them for the version */
#define Q_WB_FLAGS 16u

bool
winbind_real_busy(const struct wb_client *cl)
{
	return cl->real.phase > REAL_IDLE;
}

void
winbind_real_close(struct wb_client *cl)
{
	struct real *re = &cl->real;

	if (re->phase == REAL_NONE)
		return;
	loop_unwatch(re->watch);
	close(re->fd);
	free(re->greet);
	*re = (struct real){ .fd = -1 };
}

/* It is of no use now; said once while it stays so. */
static void
complain(struct winbind *wb, const char *why)
{
	if (strcmp(wb->real_why, why) != 0)
		log_warn("the real winbindd at %s: %s", wb->view.cf->winbind_real, why);
	(void)snprintf(wb->real_why, sizeof(wb->real_why), "%s", why);
}

/* One of our own pipes, by some other name? It would pass everything on to itself. */
static bool
is_ours(const struct winbind *wb, int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	       (peer.pid != 0 && peer.pid == wb->view.table->lsainit_pid);
}

static int
dial(const struct winbind *wb)
{
	const char *path = wb->view.cf->winbind_real;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	int error;

	if (fd < 0)
		return -1;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	error = connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ? errno : 0;
	if (error == 0 && is_ours(wb, fd))
		error = ELOOP;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

bool
winbind_real_answers(const struct winbind *wb)
{
	int fd = wb->view.cf->winbind_real[0] != '\0' ? dial(wb) : -1;

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void ready(void *arg, uint32_t events);

/* A connection, and the greeting begun. 0, or -1 with errno. */
static int
connect_to(struct wb_client *cl)
{
	const struct layout *la = cl->mouth->la;
	struct real *re = &cl->real;
	uint8_t *greet = calloc(1, la->size);

	*re = (struct real){ .fd = greet != NULL ? dial(cl->wb) : -1, .greet = greet };
	if (re->fd >= 0)
		re->watch = loop_watch(cl->wb->lo, re->fd, EPOLLOUT, ready, cl);
	if (greet == NULL || re->watch == NULL) {
		free(greet);
		if (re->fd >= 0)
			close(re->fd);
		*re = (struct real){ .fd = -1 };
		return -1;
	}
	wb_set_u32(greet + WB_Q_LENGTH, la->size);
	wb_set_u32(greet + WB_Q_CMD, la->number[WB_INTERFACE_VERSION]);
	wb_set_u32(greet + Q_WB_FLAGS, RECURSE);
	re->phase = REAL_GREET;
	return 0;
}

/* Nothing comes of it: an answer that says so, if none has begun. May free cl. */
static void
fail(struct wb_client *cl, const char *why)
{
	bool begun = cl->real.phase == REAL_HEAR && cl->real.got > 0;

	complain(cl->wb, why);
	winbind_real_close(cl);
	winbind_request_done(cl);
	if (begun || winbind_plain(cl, WB_ERROR) != WB_ANSWERED)
		winbind_hang_up(cl);
	else
		winbind_answered(cl);
}

/* winbindd lets go of idle clients; it may have done so as we sent. May free cl. */
static void
ended(struct wb_client *cl)
{
	struct real *re = &cl->real;
	bool again = re->used && re->phase == REAL_ASK;

	if (re->phase == REAL_IDLE) {
		winbind_real_close(cl);
		return;
	}
	if (again)
		winbind_real_close(cl);
	if (!again)
		fail(cl, "it ends the connection; another version of Samba?");
	else if (connect_to(cl) != 0)
		fail(cl, strerror(errno));
}

/* -1: the connection is broken; 1: all is sent */
static int
push(struct real *re, const uint8_t *at, size_t n)
{
	while (re->sent < n) {
		ssize_t sent = send(re->fd, at + re->sent, n - re->sent,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		re->sent += (uint32_t)sent;
	}
	re->sent = re->got = re->length = 0;
	return 1;
}

static void
ask(struct wb_client *cl)
{
	struct real *re = &cl->real;
	int done;

	if (re->phase == REAL_GREET)
		done = push(re, re->greet, cl->mouth->la->size);
	else
		done = push(re, cl->in, cl->in_len);
	if (done < 0) {
		ended(cl);
		return;
	}
	if (done == 0)
		return;
	if (re->phase == REAL_ASK)
		re->phase = REAL_HEAR;
	if (loop_change(re->watch, EPOLLIN) != 0)
		fail(cl, strerror(errno));
}

/* Take in octets of a response's head. False: it is none. */
static bool
take_head(struct real *re, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n && re->got + i < sizeof(re->head); i++)
		re->head[re->got + i] = at[i];
	re->got += (uint32_t)n;
	if (re->got < 4)
		return true;
	re->length = wb_get_u32(re->head);
	return re->length >= WB_RESPONSE && re->length >= re->got;
}

static void
greeted(struct wb_client *cl)
{
	struct real *re = &cl->real;
	uint32_t version = wb_get_u32(re->head + WB_R_DATA);
	char why[96];

	if (wb_get_u32(re->head + WB_R_RESULT) != WB_OK || version != cl->mouth->la->version) {
		(void)snprintf(why, sizeof(why), "it speaks version %u of the interface, not %u",
			       version, cl->mouth->la->version);
		fail(cl, why);
		return;
	}
	cl->wb->real_why[0] = '\0';
	free(re->greet);
	re->greet = NULL;
	re->phase = REAL_ASK;
	if (loop_change(re->watch, EPOLLOUT) != 0)
		fail(cl, strerror(errno));
}

/* How many octets the response still has, as far as can be told. */
static size_t
missing(const struct real *re)
{
	size_t left = (re->got < 4 ? WB_RESPONSE : re->length) - re->got;

	return left < WB_SCRATCH ? left : WB_SCRATCH;
}

/* Its hanging up would be told again and again, whatever we watch for. */
static void
pause_it(struct real *re)
{
	loop_unwatch(re->watch);
	re->watch = NULL;
}

static void
hear(struct wb_client *cl)
{
	struct real *re = &cl->real;
	uint8_t *at = cl->wb->scratch;
	ssize_t got = recv(re->fd, at, missing(re), MSG_DONTWAIT);
	bool relayed = re->phase == REAL_HEAR;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		ended(cl);
		return;
	}
	if (!take_head(re, at, (size_t)got)) {
		fail(cl, "it answers nonsense");
		return;
	}
	if (relayed && winbind_send(cl, at, (size_t)got) != 0) {
		winbind_hang_up(cl);
		return;
	}
	explicit_bzero(at, (size_t)got);
	if (re->got < 4 || re->got < re->length) {
		if (cl->out.at != NULL)
			pause_it(re);
		if (relayed)
			winbind_answered(cl);
		return;
	}
	if (!relayed) {
		greeted(cl);
		return;
	}
	re->phase = REAL_IDLE;
	re->used = true;
	winbind_request_done(cl);
	winbind_answered(cl);
}

static void
ready(void *arg, uint32_t events)
{
	struct wb_client *cl = arg;
	struct real *re = &cl->real;

	if (re->phase != REAL_IDLE && (events & EPOLLIN) != 0)
		hear(cl);
	else if (re->phase != REAL_IDLE && (events & EPOLLOUT) != 0)
		ask(cl);
	else
		ended(cl);
}

int
winbind_real_go_on(struct wb_client *cl)
{
	struct real *re = &cl->real;

	if (re->watch == NULL)
		re->watch = loop_watch(cl->wb->lo, re->fd, EPOLLIN, ready, cl);
	return re->watch != NULL ? 0 : -1;
}

enum wb_verdict
winbind_real(struct wb_client *cl)
{
	struct real *re = &cl->real;

	if (cl->wb->view.cf->winbind_real[0] == '\0')
		return winbind_plain(cl, WB_ERROR);
	cl->wb->passed++;
	cl->since = loop_now_ms(cl->wb->lo);
	if (re->phase == REAL_IDLE) {
		re->phase = REAL_ASK;
		if (loop_change(re->watch, EPOLLOUT) == 0)
			return WB_LATER;
		winbind_real_close(cl);
	}
	if (connect_to(cl) == 0)
		return WB_LATER;
	complain(cl->wb, strerror(errno));
	return winbind_plain(cl, WB_ERROR);
}
