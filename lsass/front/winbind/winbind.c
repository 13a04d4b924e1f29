/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the winbind front. */
#include "lsass/front/winbind/winbind.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/config.h"
#include "lsass/front/door.h"
#include "lsass/front/winbind/private.h"
#include "lsass/loop.h"

#define SWEEP_MS 1000

void
winbind_request_done(struct wb_client *cl)
{
	if (cl->in != NULL)
		explicit_bzero(cl->in, cl->in_size);
	free(cl->in);
	cl->in = NULL;
	cl->in_len = cl->in_size = 0;
}

void
winbind_hang_up(struct wb_client *cl)
{
	struct winbind *wb = cl->wb;

	if (cl->work != NULL)
		winbind_auth_gone(cl);
	winbind_real_close(cl);
	loop_unwatch(cl->watch);
	close(cl->fd);
	*(cl->prev != NULL ? &cl->prev->next : &wb->first) = cl->next;
	if (cl->next != NULL)
		cl->next->prev = cl->prev;
	wb->nclients--;
	cl->mouth->nclients--;
	winbind_request_done(cl);
	output_wipe(&cl->out);
	free(cl);
}

/* ---- output */

/* Go on with what is left. 0, also if more is left; -1: hang up. */
static int
flush(struct wb_client *cl)
{
	return output_flush(&cl->out, cl->fd, &cl->since, loop_now_ms(cl->wb->lo));
}

int
winbind_send(struct wb_client *cl, const uint8_t *at, size_t n)
{
	if (output_room(&cl->out, n) == NULL)
		return -1;
	memcpy(cl->out.at, at, n);
	cl->since = loop_now_ms(cl->wb->lo);
	return flush(cl);
}

/* ---- input */

/* A buffer of that size with what there is, and no copy left behind. */
static int
input_room(struct wb_client *cl, size_t size)
{
	uint8_t *at = malloc(size);

	if (at == NULL)
		return -1;
	if (cl->in != NULL) {
		memcpy(at, cl->in, cl->in_len);
		explicit_bzero(cl->in, cl->in_size);
	}
	free(cl->in);
	cl->in = at;
	cl->in_size = size;
	return 0;
}

/* How many octets the request has as far as can be told; 0: no such request. */
static size_t
request_size(const struct wb_client *cl)
{
	const struct layout *la = cl->mouth->la;
	uint32_t extra;

	/* Its first word tells another version, and what is none, from the rest. */
	if (cl->in_len >= 4 && wb_get_u32(cl->in + WB_Q_LENGTH) != la->size)
		return 0;
	if (cl->in_len < la->size)
		return la->size;
	extra = wb_get_u32(cl->in + la->extra_len);
	if (extra > winbind_extra_most(la, wb_get_u32(cl->in + WB_Q_CMD)))
		return 0;
	return la->size + (size_t)extra;
}

/* A whole request is here. -1: hang up. */
static int
handle(struct wb_client *cl)
{
	switch (winbind_request(cl)) {
	case WB_ANSWERED:
		winbind_request_done(cl);
		return flush(cl);
	case WB_LATER:
		return 0;
	case WB_HANG_UP:
		break;
	}
	return -1;
}

/* One recv, and everything that follows from it. -1: hang up. */
static int
receive(struct wb_client *cl)
{
	size_t size = cl->mouth->la->size;
	ssize_t got;

	if (cl->in == NULL && input_room(cl, size) != 0)
		return -1;
	got = recv(cl->fd, cl->in + cl->in_len, cl->in_size - cl->in_len, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1; /* nothing is owed to it: a request that began will not end */
	if (cl->in_len == 0)
		cl->since = loop_now_ms(cl->wb->lo);
	cl->in_len += (size_t)got;
	size = request_size(cl);
	if (size == 0)
		return -1;
	if (cl->in_len == size)
		return handle(cl);
	return cl->in_size < size ? input_room(cl, size) : 0;
}

/* Watch for what can happen next. */
static void
settle(struct wb_client *cl)
{
	bool waits = cl->work != NULL || winbind_real_busy(cl);

	if (loop_change(cl->watch, cl->out.at != NULL ? EPOLLOUT : waits ? 0 : EPOLLIN) != 0)
		winbind_hang_up(cl);
}

static void
ready(void *arg, uint32_t events)
{
	struct wb_client *cl = arg;
	int ret = 0;

	if ((events & EPOLLOUT) != 0 && cl->out.at != NULL) {
		ret = flush(cl);
		if (ret == 0 && cl->out.at == NULL && winbind_real_busy(cl))
			ret = winbind_real_go_on(cl);
	} else if ((events & EPOLLIN) != 0) {
		ret = receive(cl);
	} else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		ret = -1; /* nobody is there to read an answer */
	}
	if (ret != 0)
		winbind_hang_up(cl);
	else
		settle(cl);
}

void
winbind_answered(struct wb_client *cl)
{
	if (flush(cl) != 0)
		winbind_hang_up(cl);
	else
		settle(cl);
}

/* ---- accepting */

static const char *
over_limit(const struct winbind *wb, uid_t uid)
{
	uint64_t of_user = 0;

	if (wb->nclients >= wb->view.cf->limits_connections)
		return "limits connections (winbind)";
	if (uid == 0)
		return NULL;
	for (const struct wb_client *cl = wb->first; cl != NULL; cl = cl->next)
		of_user += cl->uid == uid;
	return of_user < wb->view.cf->limits_connections_per_user
		   ? NULL
		   : "limits connections_per_user (winbind)";
}

static void
came(void *arg, int fd, uid_t uid, pid_t pid)
{
	struct mouth *mo = arg;
	struct winbind *wb = mo->wb;
	struct wb_client *cl = NULL;
	const char *what = over_limit(wb, uid);

	if (what == NULL) {
		what = "no memory";
		cl = calloc(1, sizeof(*cl));
	}
	if (cl != NULL)
		cl->watch = loop_watch(wb->lo, fd, EPOLLIN, ready, cl);
	if (cl == NULL || cl->watch == NULL) {
		door_complain(mo->door, what, uid);
		free(cl);
		close(fd);
		return;
	}
	cl->wb = wb;
	cl->mouth = mo;
	cl->fd = fd;
	cl->uid = uid;
	cl->pid = pid;
	cl->real.fd = -1;
	cl->next = wb->first;
	if (wb->first != NULL)
		wb->first->prev = cl;
	wb->first = cl;
	wb->nclients++;
	mo->nclients++;
}

/* Cut off who stays in the middle of a message, or does not read, or waits for nothing. */
static void
sweep(void *arg)
{
	struct winbind *wb = arg;
	uint64_t now = loop_now_ms(wb->lo), most = wb->view.cf->limits_idle_seconds * 1000;

	for (struct wb_client *cl = wb->first, *next; cl != NULL; cl = next) {
		next = cl->next;
		if ((cl->in_len > 0 || cl->out.at != NULL) && cl->work == NULL &&
		    now - cl->since > most)
			winbind_hang_up(cl);
	}
}

/* The name that NetBIOS would have: the first part of the host's, in capitals. */
static void
find_name(struct winbind *wb)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		(void)snprintf(host, sizeof(host), "LOCALHOST");
	for (size_t i = 0; i + 1 < sizeof(wb->netbios_name) && host[i] != '\0' && host[i] != '.';
	     i++)
		wb->netbios_name[i] = (char)toupper((unsigned char)host[i]);
}

static bool
open_mouths(struct winbind *wb, int first_fd)
{
	const uint8_t *version = wb->view.table->winbind;
	struct winbind_socket is[CONTROL_WINBIND_MAX];
	char error[256];

	/* The configuration may have changed since they were made: then only names are wrong. */
	if (winbind_sockets(wb->view.cf, is, error, sizeof(error)) < 0)
		memset(is, 0, sizeof(is));
	for (int i = 0; i < CONTROL_WINBIND_MAX && version[i] != 0; i++) {
		struct mouth *mo = &wb->mouths[i];

		mo->wb = wb;
		mo->is = is[i];
		mo->la = wb_layout(version[i]);
		if (mo->la == NULL) {
			errno = EPROTO;
			return false;
		}
		mo->door = door_open(wb->lo, first_fd + i, came, mo);
		if (mo->door == NULL)
			return false;
		wb->nmouths++;
	}
	return true;
}

struct winbind *
winbind_start(struct loop *lo, int first_fd, const struct winbind_view *view)
{
	struct winbind *wb = calloc(1, sizeof(*wb));

	if (wb == NULL)
		return NULL;
	wb->lo = lo;
	wb->view = *view;
	wb->scratch = malloc(WB_SCRATCH);
	find_name(wb);
	if (wb->scratch == NULL || !open_mouths(wb, first_fd) ||
	    loop_every(lo, SWEEP_MS, sweep, wb) != 0) {
		winbind_stop(wb);
		return NULL;
	}
	return wb;
}

void
winbind_stop(struct winbind *wb)
{
	if (wb == NULL)
		return;
	for (struct wb_client *cl = wb->first, *next; cl != NULL; cl = next) {
		next = cl->next;
		winbind_hang_up(cl);
	}
	(void)loop_every(wb->lo, 0, sweep, wb);
	for (size_t i = 0; i < wb->nmouths; i++)
		door_close(wb->mouths[i].door);
	if (wb->scratch != NULL)
		explicit_bzero(wb->scratch, WB_SCRATCH);
	free(wb->scratch);
	free(wb);
}

/* ---- for lsactl status */

bool
winbind_socket_stats(const struct winbind *wb, size_t i, struct winbind_socket_stats *stats)
{
	if (wb == NULL || i >= wb->nmouths)
		return false;
	*stats = (struct winbind_socket_stats){ .path = wb->mouths[i].is.path,
						.version = wb->mouths[i].la->version,
						.clients = wb->mouths[i].nclients };
	return true;
}

void
winbind_stats(const struct winbind *wb, struct winbind_stats *stats)
{
	*stats = (struct winbind_stats){ .answered = wb->answered, .passed = wb->passed };
	(void)snprintf(stats->real_why, sizeof(stats->real_why), "%s", wb->real_why);
	stats->real_answers = winbind_real_answers(wb);
}
