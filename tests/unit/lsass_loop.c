/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does the loop call who it should, when it should, and nobody who is gone? */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "lsass/loop.h"

struct counter {
	struct loop *lo;
	struct watch *watch, *other;
	int n, stop_at;
	uint32_t ms;
};

static void
count(void *arg)
{
	struct counter *co = arg;

	if (++co->n == co->stop_at)
		loop_stop(co->lo);
}

static void
timers_come_in_their_time(void **state)
{
	struct loop *lo = loop_new();
	struct counter fast = { .lo = lo }, slow = { .lo = lo, .stop_at = 3 };
	uint64_t start;

	assert_int_equal(loop_every(lo, 10, count, &fast), 0);
	assert_int_equal(loop_every(lo, 50, count, &slow), 0);
	start = loop_now_ms(lo);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(slow.n, 3);
	assert_true(fast.n > 3 && fast.n <= 15);
	assert_true(loop_now_ms(lo) - start >= 150);
	loop_free(lo);
}

static void
stop_other(void *arg)
{
	struct counter *co = arg;

	(void)loop_every(co->lo, 0, count, co);
	(void)loop_every(co->lo, 0, stop_other, co);
}

static void
a_timer_that_was_ended_does_not_come(void **state)
{
	struct loop *lo = loop_new();
	struct counter ended = { .lo = lo }, end = { .lo = lo, .stop_at = 1 };

	assert_int_equal(loop_every(lo, 1, stop_other, &ended), 0);
	assert_int_equal(loop_every(lo, 30, count, &ended), 0);
	assert_int_equal(loop_every(lo, 60, count, &end), 0);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(ended.n, 0);
	loop_free(lo);
}

static void
setting_again_changes_the_period(void **state)
{
	struct loop *lo = loop_new();
	struct counter co = { .lo = lo, .stop_at = 1 };

	assert_int_equal(loop_every(lo, 100000, count, &co), 0);
	assert_int_equal(loop_every(lo, 1, count, &co), 0);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(co.n, 1);
	loop_free(lo);
}

static void
timers_run_out(void **state)
{
	struct loop *lo = loop_new();
	struct counter co[64];
	int ret = 0, n;

	for (n = 0; n < 64 && ret == 0; n++)
		ret = loop_every(lo, 1000, count, &co[n]);
	assert_int_equal(ret, -1);
	assert_int_equal(errno, ENOSPC);
	assert_true(n > 16);
	loop_free(lo);
}

/* Whoever comes first takes the other one's watch away, and its own. */
static void
take_away(void *arg, uint32_t events)
{
	struct counter *co = arg;

	co->n++;
	loop_unwatch(co->other);
	loop_unwatch(co->watch);
}

static void
a_watch_taken_away_in_the_batch_is_not_called(void **state)
{
	struct loop *lo = loop_new();
	struct counter a = { .lo = lo }, b = { .lo = lo }, end = { .lo = lo, .stop_at = 1 };
	int one[2], two[2];

	assert_int_equal(pipe(one) | pipe(two), 0);
	assert_int_equal(write(one[1], "x", 1), 1);
	assert_int_equal(write(two[1], "x", 1), 1);
	a.watch = b.other = loop_watch(lo, one[0], EPOLLIN, take_away, &a);
	b.watch = a.other = loop_watch(lo, two[0], EPOLLIN, take_away, &b);
	assert_int_equal(loop_every(lo, 20, count, &end), 0);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(a.n + b.n, 1);
	loop_free(lo);
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
	}
}

static void
ready(void *arg, uint32_t events)
{
	struct counter *co = arg;

	co->ms = events;
	count(arg);
}

/* Level-triggered: what is not read comes again; what is not wanted does not. */
static void
levels(void **state)
{
	struct loop *lo = loop_new();
	struct counter co = { .lo = lo, .stop_at = 3 }, end = { .lo = lo, .stop_at = 1 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	co.watch = loop_watch(lo, ends[0], EPOLLIN, ready, &co);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(co.n, 3);
	assert_int_equal(co.ms, EPOLLIN);
	assert_int_equal(loop_change(co.watch, 0), 0);
	assert_int_equal(loop_every(lo, 20, count, &end), 0);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(co.n, 3);
	close(ends[1]); /* a hang-up comes unasked */
	co.stop_at = 4;
	assert_int_equal(loop_every(lo, 0, count, &end), 0);
	assert_int_equal(loop_run(lo), 0);
	assert_int_equal(co.ms & EPOLLHUP, EPOLLHUP);
	loop_unwatch(co.watch);
	loop_free(lo);
	close(ends[0]);
}

static void
a_bad_descriptor_is_an_error(void **state)
{
	struct loop *lo = loop_new();

	assert_null(loop_watch(lo, -1, EPOLLIN, ready, NULL));
	assert_int_equal(errno, EBADF);
	loop_free(lo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_in_their_time),
		cmocka_unit_test(a_timer_that_was_ended_does_not_come),
		cmocka_unit_test(setting_again_changes_the_period),
		cmocka_unit_test(timers_run_out),
		cmocka_unit_test(a_watch_taken_away_in_the_batch_is_not_called),
		cmocka_unit_test(levels),
		cmocka_unit_test(a_bad_descriptor_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
