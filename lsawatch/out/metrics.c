/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prometheus gets its text in two ways: HTTP on the socket of [watch] metrics,
 * to which everybody may connect, so that each connection has little room,
 * little time, and one request; and a file for node_exporter's textfile
 * collector, replaced in one step.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsass/start.h"
#include "lsawatch/out/http.h"
#include "lsawatch/out/out.h"

#define CLIENTS	    16	 /* at once; the oldest makes room */
#define PATIENCE_MS 5000 /* for the request to come and the answer to go */
#define ACCEPTS	    50	 /* connections a second; more of them wait */
#define TEXT_AGE_MS 1000 /* who asks more often gets the same again */
#define TEXTFILE_MS 15000
#define FIRST_MS    1000 /* sensors are open then */
#define TICK_MS	    1000

struct client {
	int fd; /* -1: free */
	struct watch *watch;
	int64_t since;
	char ask[HTTP_ASK_MAX];
	size_t have;
	char *answer; /* NULL: still asking */
	size_t len, sent;
};

static struct {
	struct lsawatch *w;
	struct watch *listening; /* NULL: no socket */
	unsigned int accepted;	 /* in this second */
	struct client clients[CLIENTS];
	char *text; /* kept for TEXT_AGE_MS */
	size_t len;
	int64_t made;
	bool file_begun, file_failing;
} me;

static void
hang_up(struct client *cl)
{
	if (cl->fd < 0)
		return;
	loop_unwatch(cl->watch);
	(void)close(cl->fd);
	free(cl->answer);
	*cl = (struct client){ .fd = -1 };
}

static const char *
text_now(size_t *len)
{
	int64_t now = watch_now_ms();

	if (me.text == NULL || now - me.made >= TEXT_AGE_MS) {
		free(me.text);
		me.text = prometheus_text(me.w, &me.len);
		me.made = now;
	}
	*len = me.text != NULL ? me.len : 0;
	return me.text;
}

/* ---- one client */

/* Who is closed with something unread sees an error in place of the end of the answer. */
static void
forget_rest(struct client *cl)
{
	for (int i = 0; i < 16; i++) {
		if (recv(cl->fd, cl->ask, sizeof(cl->ask), 0) <= 0)
			return;
	}
}

static void
send_more(struct client *cl)
{
	while (cl->sent < cl->len) {
		ssize_t put = send(cl->fd, cl->answer + cl->sent, cl->len - cl->sent, MSG_NOSIGNAL);

		if (put < 0 && errno == EAGAIN) {
			if (loop_change(cl->watch, EPOLLOUT) != 0)
				hang_up(cl);
			return;
		}
		if (put < 0) {
			hang_up(cl);
			return;
		}
		cl->sent += (size_t)put;
	}
	forget_rest(cl);
	hang_up(cl);
}

static void
answer(struct client *cl, enum http_ask ask)
{
	size_t len = 0;
	const char *text = ask == HTTP_GET || ask == HTTP_HEAD ? text_now(&len) : "";

	cl->answer = http_answer(text != NULL ? ask : HTTP_FAILED, text != NULL ? text : "", len,
				 &cl->len);
	if (cl->answer == NULL)
		hang_up(cl);
	else
		send_more(cl);
}

static void
client_ready(void *arg, uint32_t events)
{
	struct client *cl = arg;
	enum http_ask ask;
	ssize_t got;

	if (cl->answer != NULL) {
		if ((events & (EPOLLERR | EPOLLHUP)) != 0)
			hang_up(cl);
		else
			send_more(cl);
		return;
	}
	got = recv(cl->fd, cl->ask + cl->have, sizeof(cl->ask) - cl->have, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		hang_up(cl);
		return;
	}
	cl->have += (size_t)got;
	ask = http_ask_of(cl->ask, cl->have);
	if (ask == HTTP_MORE && cl->have == sizeof(cl->ask))
		ask = HTTP_TOO_LONG;
	if (ask != HTTP_MORE)
		answer(cl, ask);
}

/* ---- connections */

/* A free place; the one that has waited longest gives way to who comes. */
static struct client *
place(void)
{
	struct client *oldest = &me.clients[0];

	for (size_t i = 0; i < CLIENTS; i++) {
		if (me.clients[i].fd < 0)
			return &me.clients[i];
		if (me.clients[i].since < oldest->since)
			oldest = &me.clients[i];
	}
	hang_up(oldest);
	return oldest;
}

static void
accept_one(void *arg, uint32_t events)
{
	struct client *cl;
	int fd = accept4(CONTROL_FD_METRICS, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	cl = place();
	cl->fd = fd;
	cl->since = watch_now_ms();
	cl->watch = loop_watch(me.w->lo, fd, EPOLLIN, client_ready, cl);
	if (cl->watch == NULL) {
		(void)close(fd);
		cl->fd = -1;
	}
	if (++me.accepted >= ACCEPTS)
		(void)loop_change(me.listening, 0);
}

static void
tick(void *arg)
{
	int64_t now = watch_now_ms();

	if (me.accepted >= ACCEPTS)
		(void)loop_change(me.listening, EPOLLIN);
	me.accepted = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		if (me.clients[i].fd >= 0 && now - me.clients[i].since >= PATIENCE_MS)
			hang_up(&me.clients[i]);
	}
}

/* ---- the file */

static int
write_file(const char *path, const char *text, size_t len)
{
	char temporary[4096];
	int fd, bad;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", path);
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	bad = fchmod(fd, 0644) != 0 || write(fd, text, len) != (ssize_t)len;
	if (close(fd) != 0 || bad || rename(temporary, path) != 0) {
		bad = errno != 0 ? errno : ENOSPC;
		(void)unlink(temporary);
		errno = bad;
		return -1;
	}
	return 0;
}

static void
write_textfile(void *arg)
{
	struct lsawatch *w = arg;
	const char *path = w->cf.watch_textfile;
	size_t len;
	const char *text;
	bool failed;

	errno = 0;
	text = text_now(&len);
	failed = text == NULL || write_file(path, text, len) != 0;
	if (failed && !me.file_failing)
		log_err("%s ([watch] textfile): %s; lsawatch writes it as uid %u, which must be "
			"allowed to make files in its folder",
			path, strerror(errno), (unsigned int)geteuid());
	if (!failed && me.file_failing)
		log_notice("%s ([watch] textfile) is written again", path);
	me.file_failing = failed;
	if (!me.file_begun)
		me.file_begun = loop_every(w->lo, TEXTFILE_MS, write_textfile, w) == 0;
}

/* ---- open and close */

static int
open_socket(struct lsawatch *w)
{
	/* /dev/null where none is configured. */
	if (!start_is_socket(CONTROL_FD_METRICS, SOCK_STREAM, 1))
		return 0;
	me.listening = loop_watch(w->lo, CONTROL_FD_METRICS, EPOLLIN, accept_one, NULL);
	return me.listening != NULL ? loop_every(w->lo, TICK_MS, tick, NULL) : -1;
}

int
metrics_open(struct lsawatch *w)
{
	me.w = w;
	me.listening = NULL;
	for (size_t i = 0; i < CLIENTS; i++)
		me.clients[i] = (struct client){ .fd = -1 };
	if (open_socket(w) != 0)
		return -1;
	if (w->cf.watch_textfile[0] == '\0')
		return 0;
	return loop_every(w->lo, FIRST_MS, write_textfile, w);
}

void
metrics_close(struct lsawatch *w)
{
	for (size_t i = 0; i < CLIENTS; i++)
		hang_up(&me.clients[i]);
	if (me.listening != NULL)
		loop_unwatch(me.listening);
	me.listening = NULL;
	free(me.text);
	me.text = NULL;
	/* What is not updated any more must not look as if it was. */
	if (w->cf.watch_textfile[0] != '\0' && !me.file_failing)
		(void)unlink(w->cf.watch_textfile);
}
