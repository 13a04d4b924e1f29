/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of the endpoint. Streams have a length of four octets before each message
 * (RFC 4120 7.2.2) and any number of requests, one after the other; datagrams
 * one message each.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/control.h"
#include "lib/kdc.h"
#include "lib/log.h"
#include "lsass/front/door.h"
#include "lsass/front/kdc/private.h"
#include "lsass/front/kdc/turns.h"
#include "lsass/front/output.h"
#include "lsass/loop.h"

#define HEAD	     4u	   /* octets of a length */
#define FIRST_INPUT  4096u /* room for a message of which nothing is known yet */
#define DATAGRAMS    64	   /* per wake-up */
#define SWEEP_MS     1000
#define DATAGRAM_OUT 4096u /* octets of an answer that every client has room for */

/* One socket of lsainit's. */
struct mouth {
	struct mouths *ms;
	int fd;
	struct sockaddr_storage ours;
	struct door *door;   /* of a stream */
	struct watch *watch; /* of datagrams */
};

struct mouths {
	struct kdc *kd;
	struct client *first;
	struct turns *turns;
	bool turning; /* those that waited are being begun, or no more are to be */
	struct mouth mouth[CONTROL_KDC_MAX];
	size_t n;
	uint8_t *datagram; /* KDC_DATAGRAM_MAX */
};

/* Somebody connected, or (fd -1) a datagram that waits for its answer. */
struct client {
	struct client *next, *prev; /* of those that are connected */
	struct mouth *mouth;
	struct watch *watch;
	int fd;
	struct sockaddr_storage theirs;
	socklen_t theirs_len;
	struct peer peer;
	bool known;
	struct call *call; /* that is being worked on; nothing is read meanwhile */
	struct turn turn;  /* of that, or of the message in "in" that waits for its turn */
	uint64_t since;	   /* ms: the last octet that came or went */
	uint8_t head[HEAD];
	size_t head_len;
	uint8_t *in; /* the message */
	size_t in_len, in_size, in_want;
	struct output out; /* the reply, with its length */
};

static uint32_t
get_length(const uint8_t at[HEAD])
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
wipe(uint8_t **at, size_t n)
{
	if (*at != NULL)
		explicit_bzero(*at, n);
	free(*at);
	*at = NULL;
}

static void
input_done(struct client *cl)
{
	wipe(&cl->in, cl->in_size);
	cl->head_len = cl->in_len = cl->in_size = cl->in_want = 0;
}

static bool
waits(const struct client *cl)
{
	return cl->turn.user != NULL && !cl->turn.goes;
}

static void begin_next(struct mouths *ms);

static void
hang_up(struct client *cl)
{
	struct mouths *ms = cl->mouth->ms;
	struct call *ca = cl->call;

	cl->call = NULL;
	if (ca != NULL) {
		ca->sender = NULL;
		call_drop(ca);
	}
	turns_leave(ms->turns, &cl->turn);
	loop_unwatch(cl->watch);
	close(cl->fd);
	*(cl->prev != NULL ? &cl->prev->next : &ms->first) = cl->next;
	if (cl->next != NULL)
		cl->next->prev = cl->prev;
	ms->kd->counts.clients--;
	input_done(cl);
	output_wipe(&cl->out);
	free(cl);
	begin_next(ms);
}

/* ---- streams: output */

/* Go on with what is left. 0, also if more is left; -1: hang up. */
static int
flush(struct client *cl)
{
	return output_flush(&cl->out, cl->fd, &cl->since, loop_now_ms(cl->mouth->ms->kd->lo));
}

static int
settle(struct client *cl)
{
	bool busy = cl->call != NULL || waits(cl);

	return loop_change(cl->watch, cl->out.at != NULL ? EPOLLOUT : busy ? 0 : EPOLLIN);
}

/* Its end is seen at the next wake-up: nobody is freed who is being looked at. */
static void
cut_off(struct client *cl)
{
	(void)shutdown(cl->fd, SHUT_RDWR);
}

static void
send_stream(struct client *cl, struct rd reply)
{
	if (output_room(&cl->out, HEAD + reply.len) != NULL) {
		for (size_t i = 0; i < HEAD; i++)
			cl->out.at[i] = (uint8_t)(reply.len >> (24 - 8 * i));
		memcpy(cl->out.at + HEAD, reply.at, reply.len);
	}
	if (cl->out.at == NULL || flush(cl) != 0 || settle(cl) != 0)
		cut_off(cl);
}

/* ---- datagrams: output */

static void
send_datagram(const struct client *cl, struct rd reply)
{
	ssize_t sent;

	do
		sent = sendto(cl->mouth->fd, reply.at, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT,
			      (const struct sockaddr *)&cl->theirs, cl->theirs_len);
	while (sent < 0 && errno == EINTR);
}

static int
find_peer(const struct client *cl, struct peer *peer)
{
	const struct mouth *mo = cl->mouth;

	return peer_find(mo->ms->kd->view.diag_fd, cl->fd, (const struct sockaddr *)&mo->ours,
			 (const struct sockaddr *)&cl->theirs, peer);
}

static void
say_by_tcp(const struct client *cl, struct rd request, const char *why)
{
	uint8_t buf[2 * KDC_REFUSAL_MAX];
	struct wr out = { buf, sizeof(buf) };

	if (error_make(KRB_ERR_RESPONSE_TOO_BIG, call_realm(request), why, &out) == 0)
		send_datagram(cl, (struct rd){ out.at, out.left });
}

static void
answer_datagram(const struct client *cl, const struct call *ca, struct rd reply)
{
	struct peer now;

	/* Whoever has the port by now is not told what another asked for. */
	if (!ca->relayed && !ca->senders_alone && ca->known &&
	    (find_peer(cl, &now) != 0 || now.cookie != cl->peer.cookie))
		return;
	if (reply.len <= DATAGRAM_OUT)
		send_datagram(cl, reply);
	else
		say_by_tcp(cl, ca->message, "the answer is too long for UDP: ask by TCP");
}

/* The call of that client is over. */
static void
over(struct client *cl)
{
	struct mouths *ms = cl->mouth->ms;

	cl->call = NULL;
	turns_leave(ms->turns, &cl->turn);
	if (cl->fd < 0)
		free(cl);
	begin_next(ms);
}

void
listen_answer(struct call *ca, struct rd reply)
{
	struct client *cl = ca->sender;

	ca->sender = NULL;
	if (cl == NULL)
		return;
	cl->call = NULL;
	if (cl->fd >= 0)
		send_stream(cl, reply);
	else
		answer_datagram(cl, ca, reply);
	over(cl);
}

void
listen_forget(struct call *ca)
{
	struct client *cl = ca->sender;

	ca->sender = NULL;
	if (cl == NULL)
		return;
	if (cl->fd >= 0)
		cut_off(cl);
	over(cl);
}

uint32_t
listen_waiting(const struct mouths *ms)
{
	return turns_waiting(ms->turns);
}

bool
listen_name(const struct mouths *ms, size_t i, char *text, size_t n)
{
	const struct mouth *mo = &ms->mouth[i];
	const struct sockaddr_un *un = (const void *)&mo->ours;
	char at[56];

	if (i >= ms->n)
		return false;
	kdc_address_text((const struct sockaddr *)&mo->ours, at, sizeof(at));
	if (mo->ours.ss_family == AF_UNIX)
		(void)snprintf(text, n, "%.*s UNIX", (int)sizeof(un->sun_path), un->sun_path);
	else
		(void)snprintf(text, n, "%s %s", at, mo->door != NULL ? "TCP" : "UDP");
	return true;
}

/* ---- a request is here */

/* Who it is, as far as can be told, once more if it could not. */
static void
look_at_peer(struct client *cl)
{
	if (!cl->known)
		cl->known = find_peer(cl, &cl->peer) == 0;
	if (!cl->known)
		cl->peer.uid = (uid_t)-1;
}

/* The message in "in" becomes a call, whose turn it is. False: no memory. */
static bool
begin(struct client *cl)
{
	struct call *ca = calloc(1, sizeof(*ca));

	if (ca == NULL)
		return false;
	ca->kdc = cl->mouth->ms->kd;
	ca->uid = cl->peer.uid;
	ca->known = cl->known;
	ca->stream = cl->fd >= 0;
	ca->message = (struct rd){ cl->in, cl->in_len };
	ca->kdc->counts.strangers += !cl->known;
	ca->sender = cl;
	cl->in = NULL;
	input_done(cl);
	cl->call = ca;
	call_begin(ca); /* cl may be gone, if it is a datagram */
	return true;
}

/* Those that waited, as far as there is room by now. */
static void
begin_next(struct mouths *ms)
{
	struct turn *tu;

	if (ms->turning)
		return; /* whoever is at it goes on */
	ms->turning = true;
	while ((tu = turns_next(ms->turns)) != NULL) {
		struct client *cl = (struct client *)(void *)((char *)tu -
							      offsetof(struct client, turn));

		if (!begin(cl))
			cut_off(cl);
	}
	ms->turning = false;
}

/* ---- streams: input */

/* Room for more of the message: what was announced is believed as it comes. */
static bool
make_room(struct client *cl)
{
	size_t size = cl->in_size == 0 ? FIRST_INPUT : 2 * cl->in_size;
	uint8_t *at;

	if (cl->in_len < cl->in_size)
		return true;
	if (size > cl->in_want)
		size = cl->in_want;
	at = malloc(size);
	if (at == NULL)
		return false;
	if (cl->in != NULL)
		memcpy(at, cl->in, cl->in_len);
	wipe(&cl->in, cl->in_size);
	cl->in = at;
	cl->in_size = size;
	return true;
}

/* The length is here. -1: hang up. */
static int
head_read(struct client *cl)
{
	uint32_t len = get_length(cl->head);
	uint8_t buf[2 * KDC_REFUSAL_MAX];
	struct wr out = { buf, sizeof(buf) };

	if (len > 0 && len <= KDC_MESSAGE_MAX) {
		cl->in_want = len;
		return 0;
	}
	/* RFC 4120 7.2.2: the high bit is for an extension that there is none of. */
	if (error_make(KRB_ERR_FIELD_TOOLONG, (struct rd){ 0 }, "no request is that long", &out) ==
	    0)
		send_stream(cl, (struct rd){ out.at, out.left });
	cut_off(cl);
	return 0;
}

/* One recv, and everything that follows from it. -1: hang up. */
static int
receive(struct client *cl)
{
	bool head = cl->head_len < HEAD;
	ssize_t got;

	if (!head && !make_room(cl))
		return -1;
	got = head ? recv(cl->fd, cl->head + cl->head_len, HEAD - cl->head_len, MSG_DONTWAIT)
		   : recv(cl->fd, cl->in + cl->in_len, cl->in_size - cl->in_len, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1;
	cl->since = loop_now_ms(cl->mouth->ms->kd->lo);
	if (head) {
		cl->head_len += (size_t)got;
		return cl->head_len == HEAD ? head_read(cl) : 0;
	}
	cl->in_len += (size_t)got;
	if (cl->in_len < cl->in_want)
		return 0;
	look_at_peer(cl);
	switch (turns_ask(cl->mouth->ms->turns, &cl->turn, cl->peer.uid, true)) {
	case TURN_GOES:
		return begin(cl) ? settle(cl) : -1;
	case TURN_WAITS:
		return settle(cl);
	case TURN_NEVER:
		break;
	}
	return -1;
}

static void
ready(void *arg, uint32_t events)
{
	struct client *cl = arg;
	int ret = 0;

	if ((events & EPOLLOUT) != 0 && cl->out.at != NULL) {
		ret = flush(cl);
		if (ret == 0)
			ret = settle(cl);
	} else if ((events & EPOLLIN) != 0 && cl->call == NULL) {
		ret = receive(cl);
	} else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		ret = -1; /* nobody is there to read an answer */
	}
	if (ret != 0)
		hang_up(cl);
}

/* ---- who comes */

static const char *
over_limit(const struct mouths *ms, bool known, uid_t uid)
{
	const struct config *cf = ms->kd->view.cf;
	uint64_t of_user = 0;

	if (ms->kd->counts.clients >= cf->limits_connections)
		return "limits connections (kdc)";
	if (known && uid == 0)
		return NULL;
	for (const struct client *cl = ms->first; cl != NULL; cl = cl->next)
		of_user += cl->peer.uid == uid; /* of strangers all have -1 */
	return of_user < cf->limits_connections_per_user ? NULL
							 : "limits connections_per_user (kdc)";
}

static void
came(void *arg, int fd, uid_t uid, pid_t pid)
{
	struct mouth *mo = arg;
	struct mouths *ms = mo->ms;
	struct client *cl = calloc(1, sizeof(*cl));
	const char *what = "no memory";

	(void)uid; /* of a socket of IP it is nobody's */
	(void)pid;
	if (cl != NULL) {
		cl->mouth = mo;
		cl->fd = fd;
		cl->since = loop_now_ms(ms->kd->lo);
		cl->theirs_len = sizeof(cl->theirs);
		if (getpeername(fd, (struct sockaddr *)&cl->theirs, &cl->theirs_len) != 0) {
			close(fd); /* gone again */
			free(cl);
			return;
		}
		cl->known = find_peer(cl, &cl->peer) == 0;
		what = over_limit(ms, cl->known, cl->peer.uid);
		if (what == NULL) {
			what = "no memory";
			cl->watch = loop_watch(ms->kd->lo, fd, EPOLLIN, ready, cl);
		}
	}
	if (cl == NULL || cl->watch == NULL) {
		door_complain(mo->door, what, cl != NULL ? cl->peer.uid : (uid_t)-1);
		free(cl);
		close(fd);
		return;
	}
	cl->next = ms->first;
	if (ms->first != NULL)
		ms->first->prev = cl;
	ms->first = cl;
	ms->kd->counts.clients++;
}

/*
 * A datagram is a client that says one thing and waits for one answer. Its turn is now, or
 * it is to come by TCP, where it can wait.
 */
static void
take_request(struct mouth *mo, const struct client *from, size_t n)
{
	struct mouths *ms = mo->ms;
	struct client *cl = malloc(sizeof(*cl));

	if (cl == NULL)
		return;
	*cl = *from;
	cl->in = malloc(n);
	if (cl->in == NULL) {
		free(cl);
		return;
	}
	memcpy(cl->in, ms->datagram, n);
	cl->in_len = cl->in_size = n;
	look_at_peer(cl);
	if (turns_ask(ms->turns, &cl->turn, cl->peer.uid, false) == TURN_GOES) {
		if (begin(cl))
			return;
		turns_leave(ms->turns, &cl->turn);
	} else {
		ms->kd->counts.requests++;
		ms->kd->counts.refused++;
		say_by_tcp(cl, (struct rd){ cl->in, n }, "too many requests at once: ask by TCP");
	}
	input_done(cl);
	free(cl);
}

static bool
take_datagram(struct mouth *mo)
{
	struct mouths *ms = mo->ms;
	struct client from = { .mouth = mo, .fd = -1, .theirs_len = sizeof(from.theirs) };
	ssize_t got = recvfrom(mo->fd, ms->datagram, KDC_DATAGRAM_MAX, MSG_DONTWAIT,
			       (struct sockaddr *)&from.theirs, &from.theirs_len);

	if (got < 0)
		return errno == EINTR;
	if (got == 0)
		return true;
	take_request(mo, &from, (size_t)got);
	explicit_bzero(ms->datagram, (size_t)got);
	return true;
}

static void
datagrams(void *arg, uint32_t events)
{
	struct mouth *mo = arg;

	(void)events;
	for (int i = 0; i < DATAGRAMS && take_datagram(mo); i++)
		;
}

/* Cut off who stays in the middle of a message, or does not read, or says nothing more. */
static void
sweep(void *arg)
{
	struct mouths *ms = arg;
	uint64_t now = loop_now_ms(ms->kd->lo);
	uint64_t most = ms->kd->view.cf->limits_idle_seconds * 1000;

	for (struct client *cl = ms->first, *next; cl != NULL; cl = next) {
		next = cl->next;
		if (cl->call == NULL && !waits(cl) && now - cl->since > most)
			hang_up(cl);
	}
}

/* ---- begin and end */

static bool
open_mouth(struct mouths *ms, int fd)
{
	struct mouth *mo = &ms->mouth[ms->n];
	int type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(type), ours_len = sizeof(mo->ours);

	mo->ms = ms;
	mo->fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || flags < 0 ||
	    getsockname(fd, (struct sockaddr *)&mo->ours, &ours_len) != 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return false;
	if (type == SOCK_STREAM)
		mo->door = door_open(ms->kd->lo, fd, came, mo);
	else
		mo->watch = loop_watch(ms->kd->lo, fd, EPOLLIN, datagrams, mo);
	ms->n++;
	return mo->door != NULL || mo->watch != NULL;
}

/* What an administrator should know at the start. */
static void
look_at_mouth(const struct mouths *ms, size_t i)
{
	const struct mouth *mo = &ms->mouth[i];
	char name[128] = "";

	if (mo->ours.ss_family != AF_UNIX && listen_name(ms, i, name, sizeof(name)) &&
	    !peer_told(ms->kd->view.diag_fd, mo->door != NULL, (const struct sockaddr *)&mo->ours))
		log_warn("KDC at %s: the kernel does not tell whose a client is, so stand-ins are "
			 "of no use there; load tcp_diag and udp_diag",
			 name);
}

struct mouths *
listen_start(struct kdc *kd, int first_fd, size_t n)
{
	struct mouths *ms = calloc(1, sizeof(*ms));
	bool good;

	if (ms == NULL)
		return NULL;
	ms->kd = kd;
	ms->datagram = malloc(KDC_DATAGRAM_MAX);
	ms->turns = turns_new(kd->view.cf->kdc_requests, kd->view.cf->kdc_requests_per_user);
	good = ms->datagram != NULL && ms->turns != NULL && n <= CONTROL_KDC_MAX;
	for (size_t i = 0; good && i < n; i++)
		good = open_mouth(ms, first_fd + (int)i);
	for (size_t i = 0; good && i < n; i++)
		look_at_mouth(ms, i);
	if (good && (n == 0 || loop_every(kd->lo, SWEEP_MS, sweep, ms) == 0))
		return ms;
	listen_stop(ms);
	return NULL;
}

void
listen_no_more(struct mouths *ms)
{
	if (ms != NULL)
		ms->turning = true;
}

void
listen_stop(struct mouths *ms)
{
	if (ms == NULL)
		return;
	listen_no_more(ms);
	while (ms->first != NULL)
		hang_up(ms->first);
	(void)loop_every(ms->kd->lo, 0, sweep, ms);
	for (size_t i = 0; i < ms->n; i++) {
		door_close(ms->mouth[i].door);
		loop_unwatch(ms->mouth[i].watch);
	}
	turns_free(ms->turns);
	free(ms->datagram);
	free(ms);
}
