/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections of the KCM front. A message that arrives whole, and a reply
 * that the socket takes whole, never touch memory of the connection: one
 * recv into the front's scratch, one send from the front's reply buffer.
 */
#include "lsass/front/kcm/kcm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/config.h"
#include "lsass/front/door.h"
#include "lsass/front/kcm/private.h"
#include "lsass/loop.h"
#include "lsass/tgs/tgs.h"

#define SCRATCH	    65536u
#define FIRST_INPUT 4096u
#define SWEEP_MS    1000

static void
hang_up(struct client *cl)
{
	struct kcm *kc = cl->kcm;

	if (cl->ticket != 0)
		tgs_cancel(kc->tgs, cl->ticket);
	loop_unwatch(cl->watch);
	close(cl->fd);
	*(cl->prev != NULL ? &cl->prev->next : &kc->first) = cl->next;
	if (cl->next != NULL)
		cl->next->prev = cl->prev;
	kc->nclients--;
	--*collection_clients(cl->co);
	if (cl->in != NULL)
		explicit_bzero(cl->in, cl->in_size);
	free(cl->in);
	output_wipe(&cl->out);
	free(cl);
}

/* ---- output */

static bool
sending(const struct client *cl)
{
	return cl->out.at != NULL;
}

/* Send the reply that was built; keep what the socket does not take. */
static int
send_reply(struct client *cl)
{
	struct reply *re = &cl->kcm->reply;
	ssize_t sent;
	int ret = 0;

	if (re->len < KCM_REPLY_HEAD)
		return -1;
	do {
		sent = send(cl->fd, re->at, re->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		ret = -1;
	if (sent < 0)
		sent = 0;
	if (ret == 0 && (size_t)sent < re->len) {
		cl->since = loop_now_ms(cl->kcm->lo);
		if (output_room(&cl->out, re->len - (size_t)sent) != NULL)
			memcpy(cl->out.at, re->at + sent, cl->out.len);
		else
			ret = -1;
	}
	reply_wipe(re);
	return ret;
}

/* Go on with what is left. 0, also if more is left; -1: hang up. */
static int
flush(struct client *cl)
{
	return output_flush(&cl->out, cl->fd, &cl->since, loop_now_ms(cl->kcm->lo));
}

/* ---- input */

/*
 * How many octets the message that begins at `at` has, length included; 0:
 * cannot be told yet; -1: no such message.
 */
static ssize_t
message_size(const uint8_t *at, size_t len)
{
	const struct op *op;
	uint32_t n;

	if (len < KCM_FRAME_HEAD)
		return 0;
	n = wire_get_u32(at);
	if (n < KCM_FRAME_MIN || n > KCM_FRAME_BIG)
		return -1;
	if (n > KCM_FRAME_MOST) {
		if (len < KCM_FRAME_HEAD + KCM_FRAME_MIN)
			return 0;
		op = kcm_op((uint32_t)at[6] << 8 | at[7]);
		if (op == NULL || (op->flags & OP_BIG) == 0)
			return -1;
	}
	return (ssize_t)(KCM_FRAME_HEAD + n);
}

/* Handle whole messages; used: out, their octets. -1: hang up. */
static int
handle(struct client *cl, uint8_t *at, size_t len, size_t *used)
{
	*used = 0;
	while (cl->ticket == 0 && !sending(cl)) {
		ssize_t size = message_size(at + *used, len - *used);

		if (size < 0)
			return -1;
		if (size == 0 || (size_t)size > len - *used)
			break;
		if (kcm_request(cl, at + *used + KCM_FRAME_HEAD, (size_t)size - KCM_FRAME_HEAD) &&
		    send_reply(cl) != 0)
			return -1;
		*used += (size_t)size;
	}
	return 0;
}

/* Room for more of the message that began: grows as octets really come. */
static int
input_room(struct client *cl, size_t least)
{
	ssize_t size = message_size(cl->in, cl->in_len);
	size_t want = cl->in_size == 0 ? FIRST_INPUT : cl->in_size * 2;
	uint8_t *at;

	if (size > 0 && want > (size_t)size && (size_t)size >= cl->in_len + least)
		want = (size_t)size;
	if (want < cl->in_len + least)
		want = cl->in_len + least;
	at = malloc(want);
	if (at == NULL)
		return -1;
	if (cl->in_len > 0) {
		memcpy(at, cl->in, cl->in_len);
		explicit_bzero(cl->in, cl->in_size);
	}
	free(cl->in);
	cl->in = at;
	cl->in_size = want;
	return 0;
}

static void
input_done(struct client *cl, size_t used)
{
	size_t left = cl->in_len - used;

	if (left > 0 && used > 0)
		memmove(cl->in, cl->in + used, left);
	if (used > 0) {
		explicit_bzero(cl->in + left, cl->in_size - left);
		cl->since = loop_now_ms(cl->kcm->lo);
	}
	cl->in_len = left;
	if (left == 0) {
		free(cl->in);
		cl->in = NULL;
		cl->in_size = 0;
	}
}

/* Messages already here that waited for an earlier reply. -1: hang up. */
static int
handle_kept(struct client *cl)
{
	size_t used;

	if (cl->in_len == 0)
		return 0;
	if (handle(cl, cl->in, cl->in_len, &used) != 0)
		return -1;
	input_done(cl, used);
	return 0;
}

/* Keep the beginning of a message, and leave no copy behind. */
static int
keep(struct client *cl, uint8_t *at, size_t len)
{
	if (len == 0)
		return 0;
	if (input_room(cl, len) != 0)
		return -1;
	memcpy(cl->in, at, len);
	cl->in_len = len;
	cl->since = loop_now_ms(cl->kcm->lo);
	explicit_bzero(at, len);
	return 0;
}

/* One recv, and everything that follows from it. -1: hang up. */
static int
receive(struct client *cl)
{
	uint8_t *at = cl->kcm->scratch;
	size_t room = SCRATCH, used;
	ssize_t got;

	if (cl->in_len > 0) {
		if (cl->in_len == cl->in_size && input_room(cl, 1) != 0)
			return -1;
		at = cl->in + cl->in_len;
		room = cl->in_size - cl->in_len;
	}
	got = recv(cl->fd, at, room, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0) {
		cl->eof = true;
		return 0;
	}
	if (cl->in_len > 0) {
		cl->in_len += (size_t)got;
		return handle_kept(cl);
	}
	if (handle(cl, at, (size_t)got, &used) != 0)
		return -1;
	return keep(cl, at + used, (size_t)got - used);
}

/* Watch for what can happen next; a client that has gone is let go. */
static void
settle(struct client *cl)
{
	uint32_t events = sending(cl) ? EPOLLOUT : cl->ticket != 0 ? 0 : EPOLLIN;

	if (cl->eof && events == EPOLLIN) {
		hang_up(cl); /* a message that began will not end */
		return;
	}
	if (loop_change(cl->watch, events) != 0)
		hang_up(cl);
}

static void
ready(void *arg, uint32_t events)
{
	struct client *cl = arg;
	int ret = 0;

	if ((events & EPOLLOUT) != 0 && sending(cl)) {
		ret = flush(cl);
		if (ret == 0 && !sending(cl))
			ret = handle_kept(cl);
	} else if ((events & EPOLLIN) != 0 && cl->ticket == 0) {
		ret = receive(cl);
	}
	/* Nobody is there to read an answer (half-closed ones are). */
	if (ret != 0 || (events & EPOLLERR) != 0 ||
	    ((events & EPOLLHUP) != 0 && (cl->eof || (events & EPOLLIN) == 0 || cl->ticket != 0)))
		hang_up(cl);
	else
		settle(cl);
}

void
kcm_answer(struct client *cl)
{
	if (send_reply(cl) != 0 || handle_kept(cl) != 0)
		hang_up(cl);
	else
		settle(cl);
}

/* ---- accepting */

static const char *
over_limit(const struct kcm *kc, struct collection *co)
{
	if (kc->nclients >= kc->cf->limits_connections)
		return "limits connections";
	if (collection_uid(co) != 0 &&
	    *collection_clients(co) >= kc->cf->limits_connections_per_user)
		return "limits connections_per_user";
	return NULL;
}

static void
came(void *arg, int fd, uid_t uid, pid_t pid)
{
	struct kcm *kc = arg;
	struct collection *co = store_collection(kc->st, uid);
	struct client *cl = NULL;
	const char *what = "no memory";

	(void)pid;
	if (co != NULL && (what = over_limit(kc, co)) == NULL) {
		what = "no memory";
		cl = calloc(1, sizeof(*cl));
	}
	if (cl != NULL)
		cl->watch = loop_watch(kc->lo, fd, EPOLLIN, ready, cl);
	if (cl == NULL || cl->watch == NULL) {
		door_complain(kc->door, what, uid);
		free(cl);
		close(fd);
		return;
	}
	cl->kcm = kc;
	cl->co = co;
	cl->fd = fd;
	cl->next = kc->first;
	if (kc->first != NULL)
		kc->first->prev = cl;
	kc->first = cl;
	kc->nclients++;
	++*collection_clients(co);
}

/* Cut off who stays in the middle of a message, or does not read. */
static void
sweep(void *arg)
{
	struct kcm *kc = arg;
	uint64_t now = loop_now_ms(kc->lo), most = kc->cf->limits_idle_seconds * 1000;

	for (struct client *cl = kc->first, *next; cl != NULL; cl = next) {
		next = cl->next;
		if (((cl->in_len > 0 && cl->ticket == 0) || sending(cl)) && now - cl->since > most)
			hang_up(cl);
	}
}

struct kcm *
kcm_start(struct loop *lo, int listen_fd, const struct config *cf, struct store *st,
	  struct tgs *tgs)
{
	struct kcm *kc = calloc(1, sizeof(*kc));

	if (kc == NULL)
		return NULL;
	kc->lo = lo;
	kc->cf = cf;
	kc->st = st;
	kc->tgs = tgs;
	kc->scratch = malloc(SCRATCH);
	if (kc->scratch != NULL)
		kc->door = door_open(lo, listen_fd, came, kc);
	if (kc->door == NULL || loop_every(lo, SWEEP_MS, sweep, kc) != 0) {
		kcm_stop(kc);
		return NULL;
	}
	return kc;
}

void
kcm_stop(struct kcm *kc)
{
	if (kc == NULL)
		return;
	for (struct client *cl = kc->first, *next; cl != NULL; cl = next) {
		next = cl->next;
		hang_up(cl);
	}
	(void)loop_every(kc->lo, 0, sweep, kc);
	door_close(kc->door);
	if (kc->scratch != NULL)
		explicit_bzero(kc->scratch, SCRATCH);
	free(kc->scratch);
	reply_wipe(&kc->reply);
	free(kc->reply.at);
	free(kc);
}

const uint32_t *
kcm_clients(const struct kcm *kc)
{
	return &kc->nclients;
}
