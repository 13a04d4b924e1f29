/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#define BATCH	   64
#define TIMERS_MAX 32

struct watch {
	struct loop *lo;
	struct watch *next_dead;
	loop_ready *fn; /* NULL: deleted, freed when the batch is over */
	void *arg;
	int fd;
	uint32_t events;
};

struct timer {
	loop_timer *fn; /* NULL: free place */
	void *arg;
	uint64_t next;
	uint32_t ms;
};

struct loop {
	int epfd;
	bool stop;
	uint64_t now;
	struct watch *dead;
	struct timer timers[TIMERS_MAX];
};

struct loop *
loop_new(void)
{
	struct loop *lo = calloc(1, sizeof(*lo));

	if (lo == NULL)
		return NULL;
	lo->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (lo->epfd < 0) {
		free(lo);
		return NULL;
	}
	lo->now = clock_ms();
	return lo;
}

static void
bury(struct loop *lo)
{
	while (lo->dead != NULL) {
		struct watch *wa = lo->dead;

		lo->dead = wa->next_dead;
		free(wa);
	}
}

void
loop_free(struct loop *lo)
{
	if (lo == NULL)
		return;
	bury(lo);
	close(lo->epfd);
	free(lo);
}

struct watch *
loop_watch(struct loop *lo, int fd, uint32_t events, loop_ready *fn, void *arg)
{
	struct watch *wa = calloc(1, sizeof(*wa));
	struct epoll_event ev = { .events = events, .data.ptr = wa };

	if (wa == NULL)
		return NULL;
	if (epoll_ctl(lo->epfd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		free(wa);
		return NULL;
	}
	wa->lo = lo;
	wa->fn = fn;
	wa->arg = arg;
	wa->fd = fd;
	wa->events = events;
	return wa;
}

int
loop_change(struct watch *wa, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = wa };

	if (wa->events == events)
		return 0;
	if (epoll_ctl(wa->lo->epfd, EPOLL_CTL_MOD, wa->fd, &ev) != 0)
		return -1;
	wa->events = events;
	return 0;
}

void
loop_hand_over(struct watch *wa, loop_ready *fn, void *arg)
{
	wa->fn = fn;
	wa->arg = arg;
}

void
loop_unwatch(struct watch *wa)
{
	if (wa == NULL || wa->fn == NULL)
		return;
	(void)epoll_ctl(wa->lo->epfd, EPOLL_CTL_DEL, wa->fd, NULL);
	wa->fn = NULL;
	wa->next_dead = wa->lo->dead;
	wa->lo->dead = wa;
}

int
loop_every(struct loop *lo, uint32_t ms, loop_timer *fn, void *arg)
{
	struct timer *place = NULL;

	for (size_t i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &lo->timers[i];

		if (t->fn == fn && t->arg == arg) {
			place = t;
			break;
		}
		if (t->fn == NULL && place == NULL)
			place = t;
	}
	if (ms == 0) {
		if (place != NULL && place->fn == fn && place->arg == arg)
			place->fn = NULL;
		return 0;
	}
	if (place == NULL) {
		errno = ENOSPC;
		return -1;
	}
	lo->now = clock_ms();
	*place = (struct timer){ .fn = fn, .arg = arg, .next = lo->now + ms, .ms = ms };
	return 0;
}

/* Milliseconds until the next timer, -1: none. */
static int
sleep_ms(const struct loop *lo)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (lo->timers[i].fn != NULL && lo->timers[i].next < next)
			next = lo->timers[i].next;
	}
	if (next == UINT64_MAX)
		return -1;
	if (next <= lo->now)
		return 0;
	return next - lo->now > INT_MAX ? INT_MAX : (int)(next - lo->now);
}

static void
run_timers(struct loop *lo)
{
	for (size_t i = 0; i < TIMERS_MAX && !lo->stop; i++) {
		struct timer *t = &lo->timers[i];

		if (t->fn == NULL || t->next > lo->now)
			continue;
		t->next = lo->now + t->ms; /* missed turns are not made up */
		t->fn(t->arg);
	}
}

int
loop_run(struct loop *lo)
{
	struct epoll_event events[BATCH];

	lo->stop = false;
	lo->now = clock_ms();
	while (!lo->stop) {
		int n = epoll_wait(lo->epfd, events, BATCH, sleep_ms(lo));

		if (n < 0 && errno != EINTR)
			return -1;
		lo->now = clock_ms();
		for (int i = 0; i < n && !lo->stop; i++) {
			struct watch *wa = events[i].data.ptr;

			if (wa->fn != NULL)
				wa->fn(wa->arg, events[i].events);
		}
		if (!lo->stop)
			run_timers(lo);
		bury(lo);
	}
	return 0;
}

void
loop_stop(struct loop *lo)
{
	lo->stop = true;
}

uint64_t
loop_now_ms(const struct loop *lo)
{
	return lo->now;
}
