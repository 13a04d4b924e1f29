/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads of logons. The lock is held for list work only. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero, pthread_setname_np */
#endif
#include "lsass/logon/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"

#define STOP_SECONDS  1
#define STACK_CLEARED (128 << 10) /* octets; deeper than libkrb5 was ever seen to go */

struct list {
	struct pool_job *first, **end;
};

struct thread {
	struct pool *pool;
	unsigned int index;
	pthread_t id;
	struct context context; /* its own */
	struct pool_job *job;	/* under the lock; NULL: it waits */
};

struct pool {
	/* fixed */
	unsigned int nthreads, per_user;
	int event_fd;
	struct thread *threads;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	bool stopping;
	unsigned int alive, running;
	uint32_t waiting;
	uint64_t nended;
	struct list queue;
	struct list finished; /* their run was called */
	struct list dropped;  /* it was not */
};

/* ---- lists */

static void
append(struct list *li, struct pool_job *job)
{
	job->next = NULL;
	*li->end = job;
	li->end = &job->next;
}

static struct pool_job *
take_at(struct list *li, struct pool_job **at)
{
	struct pool_job *job = *at;

	*at = job->next;
	if (*at == NULL)
		li->end = at;
	job->next = NULL;
	return job;
}

static struct pool_job *
take_all(struct list *li)
{
	struct pool_job *first = li->first;

	li->first = NULL;
	li->end = &li->first;
	return first;
}

/* ---- threads */

static unsigned int
busy_for(const struct pool *po, uid_t uid)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < po->nthreads; i++)
		n += po->threads[i].job != NULL && po->threads[i].job->uid == uid;
	return n;
}

/* The first whose user has room; NULL: none. */
static struct pool_job *
pick(struct pool *po)
{
	for (struct pool_job **at = &po->queue.first; *at != NULL; at = &(*at)->next) {
		if (busy_for(po, (*at)->uid) < po->per_user) {
			po->waiting--;
			return take_at(&po->queue, at);
		}
	}
	return NULL;
}

static void
ring(int event_fd)
{
	const uint64_t one = 1;

	while (write(event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {}
}

/* What libraries left below this frame; called from where run was. */
static void __attribute__((noinline)) clear_stack(void)
{
	uint8_t below[STACK_CLEARED];

	explicit_bzero(below, sizeof(below));
}

static void *
thread_main(void *arg)
{
	struct thread *th = arg;
	struct pool *po = th->pool;
	char name[16];

	(void)snprintf(name, sizeof(name), "logon-%u", th->index);
	(void)pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&po->lock);
	while (!po->stopping) {
		th->job = pick(po);
		if (th->job == NULL) {
			pthread_cond_wait(&po->work, &po->lock);
			continue;
		}
		po->running++;
		pthread_mutex_unlock(&po->lock);
		th->job->run(th->job, &th->context);
		clear_stack();
		pthread_mutex_lock(&po->lock);
		po->running--;
		po->nended++;
		append(&po->finished, th->job);
		th->job = NULL;
		/* This user has room again. */
		pthread_cond_broadcast(&po->work);
		ring(po->event_fd);
	}
	po->alive--;
	pthread_cond_broadcast(&po->ended);
	pthread_mutex_unlock(&po->lock);
	context_free(&th->context);
	return NULL;
}

/* ---- start and stop */

static void
pool_free(struct pool *po)
{
	if (po->event_fd >= 0)
		close(po->event_fd);
	pthread_cond_destroy(&po->work);
	pthread_cond_destroy(&po->ended);
	pthread_mutex_destroy(&po->lock);
	free(po->threads);
	free(po);
}

static void
init_locks(struct pool *po)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&po->lock, NULL);
	pthread_cond_init(&po->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&po->ended, &attr);
	pthread_condattr_destroy(&attr);
}

/* Threads with every signal blocked: they belong to the loop. */
static void
spawn(struct pool *po)
{
	sigset_t all, before;
	unsigned int n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&po->lock);
	for (; n < po->nthreads; n++) {
		po->threads[n].pool = po;
		po->threads[n].index = n;
		if (pthread_create(&po->threads[n].id, NULL, thread_main, &po->threads[n]) != 0)
			break;
	}
	if (n < po->nthreads)
		log_warn("logon: %u of %u worker threads", n, po->nthreads);
	po->nthreads = po->alive = n;
	po->per_user = (n + 1) / 2;
	pthread_mutex_unlock(&po->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *
pool_start(const struct config *cf, int *event_fd)
{
	struct pool *po = calloc(1, sizeof(*po));

	if (po == NULL)
		return NULL;
	init_locks(po);
	(void)take_all(&po->queue);
	(void)take_all(&po->finished);
	(void)take_all(&po->dropped);
	po->nthreads = (unsigned int)cf->logon_workers;
	po->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	po->threads = calloc(po->nthreads, sizeof(*po->threads));
	if (po->event_fd < 0 || po->threads == NULL) {
		pool_free(po);
		return NULL;
	}
	spawn(po);
	if (po->nthreads == 0) {
		errno = EAGAIN;
		pool_free(po);
		return NULL;
	}
	*event_fd = po->event_fd;
	return po;
}

/* Call done of every job of a list that nobody else has any more. */
static void
tell(struct pool_job *job, bool ran)
{
	while (job != NULL) {
		struct pool_job *next = job->next;

		job->next = NULL;
		job->done(job, ran);
		job = next;
	}
}

/* Queue, and what was cancelled in it. The lock is held. */
static struct pool_job *
take_unbegun(struct pool *po)
{
	while (po->queue.first != NULL)
		append(&po->dropped, take_at(&po->queue, &po->queue.first));
	po->waiting = 0;
	return take_all(&po->dropped);
}

void
pool_stop(struct pool *po)
{
	struct pool_job *unbegun;
	struct timespec until;
	bool ended;

	if (po == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&po->lock);
	po->stopping = true;
	for (unsigned int i = 0; i < po->nthreads; i++) {
		if (po->threads[i].job != NULL)
			atomic_store(&po->threads[i].job->cancelled, true);
	}
	unbegun = take_unbegun(po);
	pthread_cond_broadcast(&po->work);
	while (po->alive != 0 &&
	       pthread_cond_timedwait(&po->ended, &po->lock, &until) != ETIMEDOUT) {}
	ended = po->alive == 0;
	pthread_mutex_unlock(&po->lock);
	tell(unbegun, false);
	if (!ended) {
		log_warn("logon: a KDC is still being waited for");
		return; /* the threads still use it */
	}
	for (unsigned int i = 0; i < po->nthreads; i++)
		pthread_join(po->threads[i].id, NULL);
	tell(take_all(&po->finished), true);
	pool_free(po);
}

/* ---- the loop thread */

int
pool_submit(struct pool *po, struct pool_job *job)
{
	int result = -1;

	pthread_mutex_lock(&po->lock);
	if (!po->stopping && po->waiting < POOL_WAITING_MAX) {
		atomic_store(&job->cancelled, false);
		append(&po->queue, job);
		po->waiting++;
		pthread_cond_signal(&po->work);
		result = 0;
	}
	pthread_mutex_unlock(&po->lock);
	return result;
}

void
pool_cancel(struct pool *po, struct pool_job *job)
{
	pthread_mutex_lock(&po->lock);
	atomic_store(&job->cancelled, true);
	for (struct pool_job **at = &po->queue.first; *at != NULL; at = &(*at)->next) {
		if (*at == job) {
			append(&po->dropped, take_at(&po->queue, at));
			po->waiting--;
			ring(po->event_fd);
			break;
		}
	}
	pthread_mutex_unlock(&po->lock);
}

void
pool_collect(struct pool *po)
{
	struct pool_job *finished, *dropped;
	uint64_t rung;

	while (read(po->event_fd, &rung, sizeof(rung)) < 0 && errno == EINTR) {}
	pthread_mutex_lock(&po->lock);
	finished = take_all(&po->finished);
	dropped = take_all(&po->dropped);
	pthread_mutex_unlock(&po->lock);
	tell(finished, true);
	tell(dropped, false);
}

void
pool_stats(struct pool *po, struct pool_stats *stats)
{
	pthread_mutex_lock(&po->lock);
	stats->ended = po->nended;
	stats->waiting = po->waiting;
	stats->running = po->running;
	stats->workers = po->nthreads;
	pthread_mutex_unlock(&po->lock);
}
