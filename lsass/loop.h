/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop of lsass: one thread, epoll, level-triggered, timers.
 * Callbacks run in the loop thread and may add or delete any watch,
 * their own included.
 */
#ifndef LSASS_LOOP_H
#define LSASS_LOOP_H

#include <stdint.h>

struct loop;
struct watch;

typedef void loop_ready(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, ... */
typedef void loop_timer(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *lo);
/* NULL with errno. The descriptor stays the caller's. */
struct watch *loop_watch(struct loop *lo, int fd, uint32_t events, loop_ready *fn, void *arg);
int loop_change(struct watch *wa, uint32_t events);
/* Whom it tells from now on. */
void loop_hand_over(struct watch *wa, loop_ready *fn, void *arg);
void loop_unwatch(struct watch *wa);
/* Call fn every ms milliseconds, first after ms; 0 ms: never again (delete). */
int loop_every(struct loop *lo, uint32_t ms, loop_timer *fn, void *arg);
int loop_run(struct loop *lo); /* until loop_stop; 0 or -1 with errno */
void loop_stop(struct loop *lo);
uint64_t loop_now_ms(const struct loop *lo); /* CLOCK_MONOTONIC at the last wake-up */

#endif
