/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the admin front: octets in, one JSON object and NUL at a time, octets out. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/front/admin/methods.h"
#include "lsass/loop.h"

#define ASK_USUAL     8192   /* octets of one request; real ones are below 300 */
#define ASK_MAX	      262144 /* with a ticket in it */
#define CLIENTS_MAX   64     /* at once */
#define CLIENTS_OTHER 48     /* of these for others than root */
#define CLIENTS_UID   8	     /* of one uid, root apart */
#define IDLE_MS	      30000  /* then the connection is closed */
#define SWEEP_MS      5000

struct client {
	struct server *se;
	struct client *next, *prev;
	struct watch *watch;
	int fd;
	uid_t uid;
	uint64_t active;
	size_t have, room; /* octets of ask */
	char *ask;
	char *answer; /* NULL: nothing to send */
	size_t len, sent;
	struct admin_later *later; /* the answer to the first request is still to come */
};

struct admin_later {
	struct client *cl; /* NULL: hung up */
	void (*gone)(void *arg);
	void *arg;
};

/* The request whose method runs. */
struct admin_call {
	struct client *cl;
	bool taken; /* admin_later */
};

struct server {
	struct loop *lo;
	struct admin_view view;
	const struct admin_row *methods;
	int listen_fd;
	struct client *clients;
	size_t nclients;
	struct admin_call call;
};

static void
hang_up(struct client *cl)
{
	struct server *se = cl->se;
	struct admin_later *later = cl->later;

	if (later != NULL)
		later->cl = NULL;
	if (cl->prev != NULL)
		cl->prev->next = cl->next;
	else
		se->clients = cl->next;
	if (cl->next != NULL)
		cl->next->prev = cl->prev;
	se->nclients--;
	loop_unwatch(cl->watch);
	(void)close(cl->fd);
	free(cl->answer);
	free(cl->ask);
	free(cl);
	if (later != NULL && later->gone != NULL)
		later->gone(later->arg);
}

int
admin_whose(uid_t uid, const json_t *ask, uid_t *whose, struct admin_error *error)
{
	const json_t *named = json_object_get(ask, "uid");

	*whose = uid;
	if (named == NULL)
		return 0;
	if (!json_is_integer(named) || json_integer_value(named) < 0 ||
	    json_integer_value(named) >= UINT32_MAX) {
		*error = (struct admin_error){ "InvalidParameter", "uid must be a number" };
		return -1;
	}
	*whose = (uid_t)json_integer_value(named);
	if (uid == 0 || *whose == uid)
		return 0;
	*error = (struct admin_error){ "PermissionDenied", "only root may look at other users" };
	return -1;
}

/* ---- one request */

static json_t *
answer_error(const struct admin_error *error)
{
	return json_pack("{s:s+, s:{s:s}}", "error", "org.lsaiso.", error->name, "parameters",
			 "message", error->message);
}

static json_t *
call(struct client *cl, const char *text, size_t len)
{
	struct admin_error error = { "InvalidParameter", "the request is not a JSON object" };
	json_t *ask = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *answer = NULL;
	const char *name = json_string_value(json_object_get(ask, "method"));
	json_t *given = json_object_get(ask, "parameters"), *none = json_object();
	admin_method *method = NULL;
	struct admin_call before;
	bool taken = false;

	if (name != NULL)
		error = (struct admin_error){ "MethodNotFound", "there is no such method" };
	for (const struct admin_row *row = cl->se->methods; name != NULL && row->name != NULL;
	     row++) {
		if (strcmp(row->name, name) == 0)
			method = row->call;
	}
	if (method != NULL && given != NULL && !json_is_object(given)) {
		error = (struct admin_error){ "InvalidParameter", "parameters is not an object" };
		method = NULL;
	}
	if (method != NULL) {
		error = (struct admin_error){ "Failed", "out of memory" };
		before = cl->se->call; /* it may have answered us, and be at work still */
		cl->se->call = (struct admin_call){ .cl = cl };
		answer = method(&cl->se->view, cl->uid, given != NULL ? given : none, &error);
		taken = cl->se->call.taken;
		cl->se->call = before;
		if (answer != NULL)
			answer = json_pack("{s:o}", "parameters", answer);
	}
	if (answer == NULL && !taken)
		answer = answer_error(&error);
	json_decref(none);
	json_decref(ask);
	return answer;
}

/* Send what there is. False: the client is gone. */
static bool
flush(struct client *cl)
{
	while (cl->answer != NULL) {
		ssize_t got = send(cl->fd, cl->answer + cl->sent, cl->len - cl->sent, MSG_NOSIGNAL);

		if (got < 0 && errno == EAGAIN)
			return loop_change(cl->watch, EPOLLOUT) == 0;
		if (got < 0)
			return false;
		cl->sent += (size_t)got;
		if (cl->sent == cl->len) {
			free(cl->answer);
			cl->answer = NULL;
		}
	}
	return loop_change(cl->watch, EPOLLIN) == 0;
}

static bool
set_answer(struct client *cl, json_t *answer)
{
	cl->answer = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	if (cl->answer == NULL)
		return false;
	cl->len = strlen(cl->answer) + 1; /* the NUL ends the message */
	cl->sent = 0;
	return true;
}

/* Is there room for more of it? */
static bool
has_more_room(struct client *cl)
{
	size_t room = cl->room == 0 ? ASK_USUAL : 2 * cl->room;
	char *more;

	if (cl->have < cl->room)
		return true;
	more = room <= ASK_MAX ? realloc(cl->ask, room) : NULL;
	if (more == NULL)
		return false;
	cl->ask = more;
	cl->room = room;
	return true;
}

/* Answer the first request of the buffer, if it is whole. */
static bool
serve_one(struct client *cl)
{
	char *end = memchr(cl->ask, '\0', cl->have);
	json_t *answer;
	size_t len;

	if (end == NULL)
		return has_more_room(cl);
	len = (size_t)(end - cl->ask);
	answer = call(cl, cl->ask, len);
	cl->have -= len + 1;
	memmove(cl->ask, end + 1, cl->have);
	if (cl->later != NULL) /* only its end is of interest until then */
		return loop_change(cl->watch, EPOLLRDHUP) == 0;
	if (cl->answer == NULL && !set_answer(cl, answer)) /* else: admin_answer was quick */
		return false;
	return flush(cl);
}

/* Pipelined requests are answered in order, one answer in memory. */
static bool
serve_all(struct client *cl)
{
	bool ok = true;

	while (ok && cl->answer == NULL && cl->later == NULL &&
	       memchr(cl->ask, '\0', cl->have) != NULL)
		ok = serve_one(cl);
	return ok && (cl->answer != NULL || cl->later != NULL || has_more_room(cl));
}

static bool
receive(struct client *cl)
{
	ssize_t got = recv(cl->fd, cl->ask + cl->have, cl->room - cl->have, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	cl->have += (size_t)got;
	return true;
}

static void
on_client(void *arg, uint32_t events)
{
	struct client *cl = arg;
	bool ok = true;

	cl->active = loop_now_ms(cl->se->lo);
	if (cl->later != NULL)
		ok = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;
	else if (cl->answer != NULL)
		ok = flush(cl);
	else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		ok = receive(cl);
	if (!ok || !serve_all(cl))
		hang_up(cl);
}

/* ---- answers that come later */

struct admin_later *
admin_later(const struct admin_view *view, void (*gone)(void *arg), void *arg)
{
	struct client *cl = view->call->cl;
	struct admin_later *later = calloc(1, sizeof(*later));

	if (later == NULL)
		return NULL;
	*later = (struct admin_later){ .cl = cl, .gone = gone, .arg = arg };
	cl->later = later;
	view->call->taken = true;
	return later;
}

void
admin_later_gone(struct admin_later *later, void (*gone)(void *arg), void *arg)
{
	later->gone = gone;
	later->arg = arg;
}

static void
answer_later(struct admin_later *later, json_t *answer)
{
	struct client *cl = later->cl;

	free(later);
	if (cl == NULL) {
		json_decref(answer);
		return;
	}
	cl->later = NULL;
	cl->active = loop_now_ms(cl->se->lo);
	if (cl->se->call.cl == cl) { /* serve_one sends it */
		(void)set_answer(cl, answer);
		return;
	}
	if (!set_answer(cl, answer) || !flush(cl) || !serve_all(cl))
		hang_up(cl);
}

void
admin_answer(struct admin_later *later, json_t *parameters)
{
	struct admin_error error = { "Failed", "out of memory" };

	answer_later(later, parameters != NULL ? json_pack("{s:o}", "parameters", parameters)
					       : answer_error(&error));
}

void
admin_refuse(struct admin_later *later, const char *name, json_t *parameters)
{
	struct admin_error error = { "Failed", "out of memory" };

	answer_later(later, parameters != NULL ? json_pack("{s:s+, s:o}", "error", "org.lsaiso.",
							   name, "parameters", parameters)
					       : answer_error(&error));
}

/* ---- arrivals */

static bool
has_room(const struct server *se, uid_t uid)
{
	size_t same = 0;

	if (uid == 0)
		return se->nclients < CLIENTS_MAX;
	for (const struct client *cl = se->clients; cl != NULL; cl = cl->next)
		same += cl->uid == uid;
	return se->nclients < CLIENTS_OTHER && same < CLIENTS_UID;
}

static void
admit(struct server *se, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct client *cl = NULL;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && has_room(se, peer.uid))
		cl = calloc(1, sizeof(*cl));
	if (cl != NULL && has_more_room(cl))
		cl->watch = loop_watch(se->lo, fd, EPOLLIN, on_client, cl);
	if (cl == NULL || cl->watch == NULL) {
		if (cl != NULL)
			free(cl->ask);
		free(cl);
		(void)close(fd);
		return;
	}
	cl->se = se;
	cl->fd = fd;
	cl->uid = peer.uid;
	cl->active = loop_now_ms(se->lo);
	cl->next = se->clients;
	if (cl->next != NULL)
		cl->next->prev = cl;
	se->clients = cl;
	se->nclients++;
}

static void
on_listen(void *arg, uint32_t events)
{
	struct server *se = arg;
	int fd;

	(void)events;
	while ((fd = accept4(se->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		admit(se, fd);
}

static void
sweep(void *arg)
{
	struct server *se = arg;
	uint64_t now = loop_now_ms(se->lo);

	for (struct client *cl = se->clients, *next; cl != NULL; cl = next) {
		next = cl->next;
		if (cl->later == NULL && now - cl->active > IDLE_MS)
			hang_up(cl);
	}
}

int
admin_serve(struct loop *lo, int listen_fd, const struct admin_row *methods,
	    const struct admin_view *view)
{
	struct server *se = calloc(1, sizeof(*se));

	if (se == NULL)
		return -1;
	se->lo = lo;
	se->view = *view;
	se->view.call = &se->call;
	se->methods = methods;
	se->listen_fd = listen_fd;
	if (loop_watch(lo, listen_fd, EPOLLIN, on_listen, se) == NULL ||
	    loop_every(lo, SWEEP_MS, sweep, se) != 0) {
		free(se);
		return -1;
	}
	return 0;
}
