/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do jobs run in threads, end in the loop's, in turn, and fairly among users? */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lsass/logon/pool.h"

#define WORKERS 4
#define LONG	10 /* seconds: something is wrong */

struct test_job {
	struct pool_job job; /* first */
	sem_t *begun, *go;
	pthread_t thread;
	unsigned int order; /* in which it ended */
	int done;
	bool ran, saw_cancelled;
};

static struct pool *pool;
static int event_fd;
static unsigned int ended;

static void
wait_for(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG;
	assert_int_equal(sem_timedwait(sem, &until), 0);
}

static void
run(struct pool_job *job, struct context *co)
{
	struct test_job *tj = (struct test_job *)job;

	tj->thread = pthread_self();
	if (tj->begun != NULL)
		sem_post(tj->begun);
	if (tj->go != NULL) {
		while (sem_trywait(tj->go) != 0 && !atomic_load(&job->cancelled))
			usleep(1000);
	}
	tj->saw_cancelled = atomic_load(&job->cancelled);
}

static void
done(struct pool_job *job, bool ran)
{
	struct test_job *tj = (struct test_job *)job;

	tj->done++;
	tj->ran = ran;
	tj->order = ++ended;
}

static void
prepare(struct test_job *tj, uid_t uid, sem_t *begun, sem_t *go)
{
	memset(tj, 0, sizeof(*tj));
	tj->job.uid = uid;
	tj->job.run = run;
	tj->job.done = done;
	tj->begun = begun;
	tj->go = go;
}

static void
collect_until(const int *counter)
{
	struct pollfd p = { .fd = event_fd, .events = POLLIN };

	for (int i = 0; i < LONG * 10 && *counter == 0; i++) {
		if (poll(&p, 1, 100) > 0)
			pool_collect(pool);
	}
	assert_int_equal(*counter, 1);
}

static int
start(void **state)
{
	struct config cf = { .logon_workers = WORKERS };

	ended = 0;
	pool = pool_start(&cf, &event_fd);
	return pool == NULL ? -1 : 0;
}

static int
stop(void **state)
{
	pool_stop(pool);
	return 0;
}

static void
test_runs_elsewhere(void **state)
{
	struct test_job tj[20];
	struct pool_stats stats;

	for (unsigned int i = 0; i < 20; i++) {
		prepare(&tj[i], i, NULL, NULL);
		assert_int_equal(pool_submit(pool, &tj[i].job), 0);
	}
	for (unsigned int i = 0; i < 20; i++) {
		collect_until(&tj[i].done);
		assert_true(tj[i].ran);
		assert_false(pthread_equal(tj[i].thread, pthread_self()));
		assert_false(tj[i].saw_cancelled);
	}
	pool_stats(pool, &stats);
	assert_int_equal(stats.ended, 20);
	assert_int_equal(stats.waiting + stats.running, 0);
	assert_int_equal(stats.workers, WORKERS);
}

/* One user with many slow jobs has half of the workers; another is served at once. */
static void
test_fair(void **state)
{
	struct test_job slow[6], fast;
	struct pool_stats stats;
	sem_t begun, go;

	sem_init(&begun, 0, 0);
	sem_init(&go, 0, 0);
	for (size_t i = 0; i < 6; i++) {
		prepare(&slow[i], 1, &begun, &go);
		assert_int_equal(pool_submit(pool, &slow[i].job), 0);
	}
	wait_for(&begun);
	wait_for(&begun);
	prepare(&fast, 2, NULL, NULL);
	assert_int_equal(pool_submit(pool, &fast.job), 0);
	collect_until(&fast.done);
	pool_stats(pool, &stats);
	assert_int_equal(stats.running, 2);
	assert_int_equal(stats.waiting, 4);
	for (size_t i = 0; i < 6; i++)
		sem_post(&go);
	for (size_t i = 0; i < 6; i++)
		collect_until(&slow[i].done);
	sem_destroy(&begun);
	sem_destroy(&go);
}

/* First come, first served: one worker's worth of one user. */
static void
test_in_turn(void **state)
{
	struct test_job tj[5];
	struct config cf = { .logon_workers = 1 };
	struct pool *was = pool;
	int was_fd = event_fd;

	pool = pool_start(&cf, &event_fd);
	assert_non_null(pool);
	for (unsigned int i = 0; i < 5; i++) {
		prepare(&tj[i], 1, NULL, NULL);
		assert_int_equal(pool_submit(pool, &tj[i].job), 0);
	}
	for (unsigned int i = 0; i < 5; i++) {
		collect_until(&tj[i].done);
		assert_int_equal(tj[i].order, i + 1);
	}
	pool_stop(pool);
	pool = was;
	event_fd = was_fd;
}

static void
test_cancel(void **state)
{
	struct test_job tj[3];
	sem_t begun, go;

	sem_init(&begun, 0, 0);
	sem_init(&go, 0, 0);
	for (size_t i = 0; i < 3; i++) {
		prepare(&tj[i], 1, &begun, &go);
		assert_int_equal(pool_submit(pool, &tj[i].job), 0);
	}
	wait_for(&begun);
	wait_for(&begun);
	/* One that has not begun, which is told at the next collect; and one that runs. */
	pool_cancel(pool, &tj[2].job);
	assert_int_equal(tj[2].done, 0);
	collect_until(&tj[2].done);
	assert_false(tj[2].ran);
	pool_cancel(pool, &tj[0].job);
	collect_until(&tj[0].done);
	assert_true(tj[0].ran);
	assert_true(tj[0].saw_cancelled);
	sem_post(&go);
	collect_until(&tj[1].done);
	assert_false(tj[1].saw_cancelled);
	sem_destroy(&begun);
	sem_destroy(&go);
}

static void
test_full(void **state)
{
	static struct test_job tj[POOL_WAITING_MAX + 8];
	struct test_job one_more;
	sem_t begun, go;
	size_t n = 0;

	sem_init(&begun, 0, 0);
	sem_init(&go, 0, 0);
	for (; n < 2; n++) {
		prepare(&tj[n], 1, &begun, &go);
		assert_int_equal(pool_submit(pool, &tj[n].job), 0);
	}
	wait_for(&begun);
	wait_for(&begun);
	for (; n < POOL_WAITING_MAX + 2; n++) {
		prepare(&tj[n], 1, NULL, NULL);
		assert_int_equal(pool_submit(pool, &tj[n].job), 0);
	}
	prepare(&one_more, 1, NULL, NULL);
	assert_int_equal(pool_submit(pool, &one_more.job), -1);
	assert_int_equal(one_more.done, 0);
	/* To stop tells every one of them. */
	pool_stop(pool);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tj[i].done, 1);
		assert_int_equal(tj[i].ran, i < 2);
	}
	assert_true(tj[0].saw_cancelled);
	pool = NULL;
	sem_destroy(&begun);
	sem_destroy(&go);
}

/* A done that submits the same job again. */
static void
again(struct pool_job *job, bool ran)
{
	struct test_job *tj = (struct test_job *)job;

	if (ran && ++tj->order < 3)
		assert_int_equal(pool_submit(pool, job), 0);
	else
		tj->done++;
}

static void
test_again(void **state)
{
	struct test_job tj;

	prepare(&tj, 1, NULL, NULL);
	tj.job.done = again;
	assert_int_equal(pool_submit(pool, &tj.job), 0);
	collect_until(&tj.done);
	assert_int_equal(tj.order, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runs_elsewhere, start, stop),
		cmocka_unit_test_setup_teardown(test_fair, start, stop),
		cmocka_unit_test_setup_teardown(test_in_turn, start, stop),
		cmocka_unit_test_setup_teardown(test_cancel, start, stop),
		cmocka_unit_test_setup_teardown(test_full, start, stop),
		cmocka_unit_test_setup_teardown(test_again, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
