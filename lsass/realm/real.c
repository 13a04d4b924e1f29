/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is asked, when, and what counts as an answer. The pauses are those of
 * libkrb5: a second after each address before the next one is asked as well,
 * then again with growing pauses; whoever answers first has answered.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "lsass/realm/real.h"

#include <errno.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/config.h"
#include "lsass/loop.h"
#include "lsass/realm/locate.h"
#include "lsass/realm/spare.h"
#include "lsass/realm/way.h"
#include "lsass/tgs/der_as.h"

#define TICK_MS	  50
#define STEP_MS	  1000	/* for each address, before the next one is asked as well */
#define AFTER_MS  2000u /* once all were asked; twice as long after each further time */
#define TIMES	  3	/* a datagram is sent */
#define DEAD_MS	  5000	/* a realm whose KDCs take so long may not have all */
#define FEW	  16	/* of so few requests at once nothing is held back */
#define BUSY_MS	  100	/* until a socket may be free */
#define GARBAGE	  8	/* datagrams that are not looked at, before the socket is closed */
#define GOOD_MS	  300000u
#define GOOD_MAX  32 /* realms */
#define STEPS_MAX (2 * LOCATE_PLACES_MAX)

/* RFC 4120 7.5.9 */
#define SVC_UNAVAILABLE	 29
#define RESPONSE_TOO_BIG 52

/* Who answered last. */
struct good {
	char realm[LOCATE_REALM_MAX];
	struct sockaddr_storage to;
	uint64_t until; /* ms */
};

struct step {
	uint8_t place;
	bool udp;
};

struct real_ask {
	struct real_ask *next, *prev;
	struct real *re;
	real_done *done;
	void *arg;
	char realm[LOCATE_REALM_MAX];
	uint8_t *framed; /* owned: length, message */
	size_t framed_len;
	uint64_t began, due; /* ms */
	bool named;	     /* found is there */
	struct found found;
	struct step steps[STEPS_MAX];
	size_t nsteps, step; /* the next */
	unsigned int times;  /* all steps were gone through */
	bool no_udp;	     /* the answer is too large for it */
	uint32_t out;	     /* places, as bits, that are not asked again */
	size_t garbage;
	struct way *ways;
	struct rd other; /* owned: SVC_UNAVAILABLE, if nobody says better */
};

struct real {
	struct loop *lo;
	struct locate *locate;
	struct watch *named;
	struct real_ask *first;
	struct spares *spares;
	size_t limit; /* of asks, and of sockets while each ask has one */
	size_t asks, sockets;
	uint64_t ended;
	bool ticking;
	struct good good[GOOD_MAX];
};

static void tick(void *arg);

_Static_assert(sizeof(((struct real_realm *)0)->name) == LOCATE_REALM_MAX &&
		   sizeof(((struct real_realm *)0)->text) == LOCATE_TEXT_MAX,
	       "what status shows is as long as what is known");

/* ---- who answered last */

static struct good *
good_of(struct real *re, const char *realm)
{
	for (size_t i = 0; i < GOOD_MAX; i++) {
		if (re->good[i].until != 0 && strcmp(re->good[i].realm, realm) == 0)
			return &re->good[i];
	}
	return NULL;
}

static void
remember(struct real_ask *ask, size_t place)
{
	struct real *re = ask->re;
	struct good *good = good_of(re, ask->realm);

	if (good == NULL) {
		good = &re->good[0];
		for (size_t i = 1; i < GOOD_MAX; i++) {
			if (re->good[i].until < good->until)
				good = &re->good[i];
		}
	} else if (memcmp(&good->to, &ask->found.at[place].to, sizeof(good->to)) == 0) {
		/* The first choice gets its turn again, however busy the second one is. */
		return;
	}
	memcpy(good->realm, ask->realm, sizeof(good->realm));
	good->to = ask->found.at[place].to;
	good->until = loop_now_ms(re->lo) + GOOD_MS;
}

static bool
same_place(const struct place *a, const struct sockaddr_storage *to)
{
	return memcmp(&a->to, to, sizeof(*to)) == 0;
}

/* ---- the end of one */

static void
close_way(struct real_ask *ask, struct way *way)
{
	struct way **at = &ask->ways;

	while (*at != way)
		at = &(*at)->next;
	*at = way->next;
	way_close(way);
	free(way);
	ask->re->sockets--;
}

static void
release(struct real_ask *ask)
{
	struct real *re = ask->re;

	while (ask->ways != NULL)
		close_way(ask, ask->ways);
	if (ask->prev != NULL)
		ask->prev->next = ask->next;
	else
		re->first = ask->next;
	if (ask->next != NULL)
		ask->next->prev = ask->prev;
	re->asks--;
	re->ended++;
	free((void *)(uintptr_t)ask->other.at);
	free(ask->framed);
	free(ask);
}

static void
end(struct real_ask *ask, int32_t code, struct rd reply, const char *why)
{
	real_done *done = ask->done;
	void *arg = ask->arg;

	release(ask);
	done(arg, code, reply, why);
}

static void
end_failed(struct real_ask *ask)
{
	struct rd other = ask->other;
	char why[LOCATE_TEXT_MAX + LOCATE_REALM_MAX + 128];

	ask->other = (struct rd){ NULL, 0 };
	if (other.at != NULL) {
		end(ask, 0, other, "");
		free((void *)(uintptr_t)other.at);
		return;
	}
	(void)snprintf(why, sizeof(why), "no KDC of %s answers%s: %s", ask->realm,
		       ask->no_udp	  ? " by TCP, and the answer is too large for UDP"
		       : ask->garbage > 0 ? ", but with what is no answer"
					  : "",
		       ask->found.text);
	end(ask, KRB5_KDC_UNREACH, (struct rd){ NULL, 0 }, why);
}

/* ---- asking */

static void told(void *arg, struct way *way, enum way_news news, struct rd reply);

static bool
skipped(const struct real_ask *ask, const struct step *step)
{
	return (ask->out >> step->place & 1) != 0 || (step->udp && ask->no_udp);
}

/* One less, the oldest: for another. */
static void
spare_one(struct real_ask *ask)
{
	struct way *way = ask->ways;

	while (way != NULL && way->next != NULL)
		way = way->next;
	if (way != NULL)
		close_way(ask, way);
}

/* 1: begun, 0: not now, -1: no way there. */
static int
begin(struct real_ask *ask, const struct step *step)
{
	struct real *re = ask->re;
	struct way *way = calloc(1, sizeof(*way));

	if (re->sockets >= re->limit)
		spare_one(ask);
	if (way == NULL)
		return 0;
	way->place = step->place;
	way->udp = step->udp;
	if (way_open(way, re->lo, re->spares, &ask->found.at[step->place],
		     (struct rd){ ask->framed, ask->framed_len }, told, ask) != 0) {
		bool later = errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			     errno == ENOBUFS || errno == ENOSPC;

		free(way);
		if (later)
			spare_one(ask);
		return later ? 0 : -1;
	}
	way->next = ask->ways;
	ask->ways = way;
	re->sockets++;
	return 1;
}

static void
again(struct real_ask *ask)
{
	ask->times++;
	ask->due = loop_now_ms(ask->re->lo) + (AFTER_MS << ask->times);
	for (struct way *way = ask->ways; way != NULL; way = way->next)
		way_again(way);
}

/* The next address, or the same ones again. False: nothing is left to wait for. */
static bool
go_on(struct real_ask *ask)
{
	uint64_t now = loop_now_ms(ask->re->lo);
	int begun;

	for (; ask->step < ask->nsteps; ask->step++) {
		if (skipped(ask, &ask->steps[ask->step]))
			continue;
		begun = begin(ask, &ask->steps[ask->step]);
		if (begun < 0)
			continue;
		ask->step += begun > 0;
		ask->due = now + (begun > 0 ? STEP_MS : BUSY_MS);
		if (begun > 0 && ask->step == ask->nsteps)
			ask->due += AFTER_MS;
		return true;
	}
	if (ask->ways == NULL)
		return false;
	if (ask->due <= now) {
		if (ask->times + 1 >= TIMES)
			return false;
		again(ask);
	}
	return true;
}

/* ask may be gone afterwards. */
static void
go_on_or_end(struct real_ask *ask)
{
	if (!go_on(ask))
		end_failed(ask);
}

static void
add_steps(struct real_ask *ask, bool udp, size_t first)
{
	for (size_t i = 0; i < ask->found.n; i++) {
		size_t place = (first + i) % ask->found.n;

		/* The good one, then the others in their order. */
		if (i > 0 && first > 0)
			place = i <= first ? i - 1 : i;
		if (ask->found.at[place].by != (udp ? SERVER_TCP : SERVER_UDP))
			ask->steps[ask->nsteps++] = (struct step){ (uint8_t)place, udp };
	}
}

/* Addresses are there: in which order, and by what. */
static void
plan(struct real_ask *ask)
{
	const struct good *good = good_of(ask->re, ask->realm);
	bool udp = ask->framed_len - WAY_HEAD <= ask->found.udp_limit;
	size_t first = 0;

	if (good != NULL && good->until > loop_now_ms(ask->re->lo)) {
		for (size_t i = 0; i < ask->found.n; i++) {
			if (same_place(&ask->found.at[i], &good->to)) {
				first = i;
				break;
			}
		}
	}
	ask->nsteps = ask->step = 0;
	add_steps(ask, udp, first);
	add_steps(ask, !udp, first);
}

/* ---- answers */

/* A whole message of the kind that answers ours. */
static bool
is_answer(const struct real_ask *ask, struct rd reply)
{
	uint8_t to = ask->framed[WAY_HEAD];
	struct der el;

	if (der_next(&reply, &el) != 0 || reply.len != 0)
		return false;
	return el.tag == DER_KRB_ERROR || (to == DER_AS_REQ && el.tag == DER_AS_REP) ||
	       (to == DER_TGS_REQ && el.tag == DER_TGS_REP);
}

static int32_t
error_in(struct rd reply)
{
	struct der_error error;

	return reply.at[0] == DER_KRB_ERROR && der_read_error(reply, &error) == 0 ? error.code : 0;
}

/* Nobody is to answer by UDP; who said so is asked by TCP next. */
static void
to_tcp(struct real_ask *ask, size_t place)
{
	struct way *next;

	ask->no_udp = true;
	for (struct way *way = ask->ways; way != NULL; way = next) {
		next = way->next;
		if (way->udp)
			close_way(ask, way);
	}
	for (size_t i = ask->step; i < ask->nsteps; i++) {
		struct step one = ask->steps[i];

		if (one.udp || !same_place(&ask->found.at[one.place], &ask->found.at[place].to))
			continue;
		memmove(&ask->steps[ask->step + 1], &ask->steps[ask->step],
			(i - ask->step) * sizeof(one));
		ask->steps[ask->step] = one;
		break;
	}
}

static void
take_other(struct real_ask *ask, struct way *way, struct rd reply)
{
	const struct place *place = &ask->found.at[way->place];

	for (size_t i = 0; i < ask->found.n; i++) {
		if (same_place(&ask->found.at[i], &place->to))
			ask->out |= 1u << i;
	}
	if (ask->other.at == NULL) {
		ask->other = reply;
		way->reply = NULL;
	}
}

static void
answered(struct real_ask *ask, struct way *way, struct rd reply)
{
	int32_t code = error_in(reply);

	if (code == SVC_UNAVAILABLE) {
		take_other(ask, way, reply);
		close_way(ask, way);
		go_on_or_end(ask);
	} else if (code == RESPONSE_TOO_BIG && way->udp) {
		to_tcp(ask, way->place);
		go_on_or_end(ask);
	} else {
		remember(ask, way->place);
		if (ask->garbage == 0)
			way_done(way);
		way->reply = NULL;
		end(ask, 0, reply, "");
		free((void *)(uintptr_t)reply.at);
	}
}

static void
told(void *arg, struct way *way, enum way_news news, struct rd reply)
{
	struct real_ask *ask = arg;

	if (news == WAY_REPLY && is_answer(ask, reply)) {
		answered(ask, way, reply);
		return;
	}
	if (news != WAY_GONE)
		ask->garbage++;
	/* Anybody can send a datagram in another's name: the true one may come yet. */
	if (news != WAY_REPLY || !way->udp || ask->garbage > GARBAGE)
		close_way(ask, way);
	go_on_or_end(ask);
}

/* ---- names, and time */

/* ask may be gone afterwards. */
static void
names(struct real_ask *ask)
{
	enum locate_answer answer = locate_get(ask->re->locate, ask->realm, &ask->found);
	struct found found;

	if (answer == LOCATE_LATER)
		return;
	if (answer == LOCATE_FOUND && ask->found.code == 0) {
		ask->named = true;
		plan(ask);
		go_on_or_end(ask);
		return;
	}
	if (answer == LOCATE_FULL) {
		end(ask, KRB5_REALM_CANT_RESOLVE, (struct rd){ NULL, 0 },
		    "too many realms are being looked up at once");
		return;
	}
	found = ask->found;
	end(ask, found.code, (struct rd){ NULL, 0 }, found.text);
}

/* True: something may have ended, and with it, by its done, any other. */
static bool
turn(struct real_ask *ask, uint64_t now)
{
	uint64_t before = ask->re->ended;
	char why[LOCATE_REALM_MAX + 64];
	struct real *re = ask->re;

	if (ask->due > now && now - ask->began < REAL_TOTAL_MS)
		return false;
	if (now - ask->began >= REAL_TOTAL_MS && ask->named) {
		end_failed(ask);
	} else if (now - ask->began >= REAL_TOTAL_MS) {
		(void)snprintf(why, sizeof(why), "DNS is silent about the KDCs of %s", ask->realm);
		end(ask, KRB5_REALM_CANT_RESOLVE, (struct rd){ NULL, 0 }, why);
	} else if (ask->named) {
		go_on_or_end(ask);
	} else {
		ask->due = now + STEP_MS;
		names(ask);
	}
	return re->ended != before;
}

static void
tick(void *arg)
{
	struct real *re = arg;
	struct real_ask *ask = re->first;

	while (ask != NULL)
		ask = turn(ask, loop_now_ms(re->lo)) ? re->first : ask->next;
	if (spares_sweep(re->spares) == 0 && re->asks == 0 && re->ticking)
		re->ticking = loop_every(re->lo, 0, tick, re) != 0;
}

static void
named(void *arg, uint32_t events)
{
	struct real *re = arg;

	locate_seen(re->locate);
	for (struct real_ask *ask = re->first; ask != NULL; ask = ask->next) {
		if (!ask->named)
			ask->due = 0;
	}
	tick(re);
}

/* ---- for others */

struct real *
real_start(struct loop *lo, const struct config *cf)
{
	struct real *re = calloc(1, sizeof(*re));
	int fd = -1, error;

	if (re == NULL)
		return NULL;
	re->lo = lo;
	re->limit = (size_t)cf->kdc_requests;
	re->spares = spares_new(lo);
	re->locate = locate_start(cf, &fd);
	if (re->locate != NULL && re->spares != NULL)
		re->named = loop_watch(lo, fd, EPOLLIN, named, re);
	if (re->named != NULL)
		return re;
	error = errno;
	real_stop(re);
	errno = error;
	return NULL;
}

void
real_stop(struct real *re)
{
	if (re == NULL)
		return;
	while (re->first != NULL)
		release(re->first);
	if (re->ticking)
		(void)loop_every(re->lo, 0, tick, re);
	loop_unwatch(re->named);
	locate_stop(re->locate);
	spares_free(re->spares);
	free(re);
}

/* Those of a realm that its KDCs leave waiting; newer ones are nobody's fault. */
static size_t
slow_of(const struct real *re, struct rd realm)
{
	uint64_t now = loop_now_ms(re->lo);
	size_t n = 0;

	for (const struct real_ask *ask = re->first; ask != NULL; ask = ask->next) {
		if (now - ask->began < DEAD_MS)
			continue;
		n += strlen(ask->realm) == realm.len &&
		     memcmp(ask->realm, realm.at, realm.len) == 0;
	}
	return n;
}

static struct real_ask *
make(struct real *re, struct rd realm, struct rd message)
{
	struct real_ask *ask = calloc(1, sizeof(*ask));

	if (ask == NULL)
		return NULL;
	ask->framed_len = WAY_HEAD + message.len;
	ask->framed = malloc(ask->framed_len);
	if (ask->framed == NULL) {
		free(ask);
		return NULL;
	}
	for (size_t i = 0; i < WAY_HEAD; i++)
		ask->framed[i] = (uint8_t)(message.len >> (24 - 8 * i));
	memcpy(ask->framed + WAY_HEAD, message.at, message.len);
	memcpy(ask->realm, realm.at, realm.len);
	ask->re = re;
	return ask;
}

struct real_ask *
real_send(struct real *re, struct rd realm, struct rd message, real_done *done, void *arg)
{
	struct real_ask *ask;

	if (realm.len == 0 || realm.len >= LOCATE_REALM_MAX ||
	    memchr(realm.at, '\0', realm.len) != NULL || message.len == 0 ||
	    message.len > REAL_MESSAGE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (re->asks >= re->limit ||
	    (re->limit >= FEW && slow_of(re, realm) >= re->limit - re->limit / 4)) {
		errno = EAGAIN;
		return NULL;
	}
	if (!re->ticking && loop_every(re->lo, TICK_MS, tick, re) != 0)
		return NULL;
	re->ticking = true;
	ask = make(re, realm, message);
	if (ask == NULL)
		return NULL;
	ask->done = done;
	ask->arg = arg;
	ask->began = loop_now_ms(re->lo);
	ask->next = re->first;
	if (re->first != NULL)
		re->first->prev = ask;
	re->first = ask;
	re->asks++;
	/* What fails at once ends with the next tick. */
	if (locate_get(re->locate, ask->realm, &ask->found) == LOCATE_FOUND &&
	    ask->found.code == 0) {
		ask->named = true;
		plan(ask);
		(void)go_on(ask);
	}
	return ask;
}

void
real_cancel(struct real_ask *ask)
{
	if (ask != NULL)
		release(ask);
}

bool
real_realm(const struct real *re, size_t i, struct real_realm *to)
{
	struct found found;

	if (!locate_at(re->locate, i, to->name, sizeof(to->name), &found))
		return false;
	memcpy(to->text, found.text, sizeof(to->text));
	to->good = found.code == 0;
	return true;
}
