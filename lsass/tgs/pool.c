/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool as the loop thread sees it (tgs.h). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* pthread_condattr_setclock */
#endif
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lsass/tgs/pool.h"

/* Not the KDC's word: it may be well again at once, so this is all. */
#define TRANSIENT_MS 2000u

/* ---- start and stop */

static void
pool_free(struct tgs *t)
{
	for (size_t i = 0; i < POOL_BUCKETS; i++) {
		while (t->all[i] != NULL) {
			struct job *job = t->all[i];

			t->all[i] = job->all_next;
			while (job->waiters != NULL) {
				struct waiter *waiter = job->waiters;

				job->waiters = waiter->next;
				free(waiter);
			}
			job_free(job);
		}
	}
	if (t->event_fd >= 0)
		close(t->event_fd);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->ended);
	pthread_mutex_destroy(&t->lock);
	negative_free(t->negative);
	free(t->workers);
	free(t->krb5_config);
	free(t);
}

static void
init_locks(struct tgs *t)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->ended, &attr);
	pthread_condattr_destroy(&attr);
}

/* Threads with every signal blocked: they belong to the loop. */
static void
spawn(struct tgs *t)
{
	sigset_t all, before;
	unsigned int n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&t->lock);
	for (; n < t->nworkers; n++) {
		t->workers[n].pool = t;
		t->workers[n].index = n;
		if (pthread_create(&t->workers[n].thread, NULL, worker_main, &t->workers[n]) != 0)
			break;
	}
	if (n < t->nworkers)
		log_warn("tgs: %u of %u worker threads", n, t->nworkers);
	t->nworkers = t->alive = n;
	pthread_mutex_unlock(&t->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct tgs *
tgs_start(const struct config *cf, int *event_fd)
{
	struct tgs *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	init_locks(t);
	t->queue_end = &t->queue;
	t->finished_end = &t->finished;
	t->nworkers = (unsigned int)cf->tgs_workers;
	t->per_realm = (unsigned int)cf->tgs_workers_per_realm;
	t->queue_max = (size_t)cf->tgs_queue;
	t->negative_ms = cf->tgs_negative_seconds * 1000u;
	t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->krb5_config = strdup(cf->krb5_config != NULL ? cf->krb5_config : "");
	t->workers = calloc(t->nworkers, sizeof(*t->workers));
	t->negative = negative_new();
	if (t->event_fd < 0 || t->krb5_config == NULL || t->workers == NULL ||
	    t->negative == NULL || getrandom(&t->seed, sizeof(t->seed), 0) < 0) {
		pool_free(t);
		return NULL;
	}
	spawn(t);
	if (t->nworkers == 0) {
		pool_free(t);
		return NULL;
	}
	*event_fd = t->event_fd;
	return t;
}

void
tgs_stop(struct tgs *t)
{
	struct timespec until;
	bool ended;

	if (t == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_broadcast(&t->work);
	while (t->alive != 0 && pthread_cond_timedwait(&t->ended, &t->lock, &until) == 0) {}
	ended = t->alive == 0;
	pthread_mutex_unlock(&t->lock);
	if (!ended) {
		/* Inside libkrb5, which cannot be interrupted: the pool stays for them. */
		log_notice("tgs: a KDC does not answer; leaving its worker behind");
		for (unsigned int i = 0; i < t->nworkers; i++)
			pthread_detach(t->workers[i].thread);
		return;
	}
	for (unsigned int i = 0; i < t->nworkers; i++)
		pthread_join(t->workers[i].thread, NULL);
	pool_free(t);
}

/* ---- asking */

static struct job *
find_job(struct tgs *t, const struct tgs_request *req, uint64_t hash)
{
	struct job *job = t->all[hash % POOL_BUCKETS];

	while (job != NULL && (job->delivering || !job_is(job, req, hash)))
		job = job->all_next;
	return job;
}

static void
forget_job(struct tgs *t, struct job *job)
{
	struct job **at = &t->all[job->hash % POOL_BUCKETS];

	while (*at != NULL && *at != job)
		at = &(*at)->all_next;
	if (*at != NULL)
		*at = job->all_next;
}

/*
 * Room in the queue for one more? Nobody may fill it alone: past half of
 * it, no user may have more than half and no realm more than three quarters.
 * The lock is held.
 */
static bool
has_room(const struct tgs *t, const struct job *job)
{
	size_t same_user = 0, same_realm = 0;

	if (t->waiting >= t->queue_max)
		return false;
	if (t->waiting < t->queue_max / 2)
		return true;
	for (const struct job *other = t->queue; other != NULL; other = other->next) {
		same_user += other->req.uid == job->req.uid;
		same_realm += realm_is(&other->realm, &job->realm);
	}
	return same_user < t->queue_max - t->queue_max / 2 &&
	       same_realm < t->queue_max - t->queue_max / 4;
}

static bool
enqueue(struct tgs *t, struct job *job)
{
	bool room;

	pthread_mutex_lock(&t->lock);
	room = has_room(t, job);
	if (room) {
		*t->queue_end = job;
		t->queue_end = &job->next;
		t->waiting++;
		pthread_cond_signal(&t->work);
	}
	pthread_mutex_unlock(&t->lock);
	return room;
}

static uint64_t
answer_now(tgs_done *done, void *arg, int32_t code)
{
	done(arg, code, NULL, 0);
	return 0;
}

uint64_t
tgs_submit(struct tgs *t, const struct tgs_request *req, tgs_done *done, void *arg)
{
	uint64_t hash = job_hash(req, t->seed);
	int32_t code = req->renew ? 0 : negative_find(t->negative, req, hash, clock_ms());
	struct job *job;

	t->stats.asked++;
	if (code != 0) {
		t->stats.from_negative++;
		return answer_now(done, arg, code);
	}
	job = find_job(t, req, hash);
	if (job != NULL) {
		if (job_wait(job, t->last_number + 1, done, arg) != 0)
			return answer_now(done, arg, ENOMEM);
		t->stats.merged++;
		return ++t->last_number;
	}
	job = job_new(req, hash);
	if (job == NULL || job_wait(job, t->last_number + 1, done, arg) != 0) {
		job_free(job);
		return answer_now(done, arg, ENOMEM);
	}
	if (!enqueue(t, job)) {
		free(job->waiters);
		job_free(job);
		t->stats.refused++;
		return answer_now(done, arg, KRB5KDC_ERR_SVC_UNAVAILABLE);
	}
	job->all_next = t->all[hash % POOL_BUCKETS];
	t->all[hash % POOL_BUCKETS] = job;
	return ++t->last_number;
}

/* Nobody waits for it any more: if it has not begun, it need not. */
static void
abandon(struct tgs *t, struct job *job)
{
	struct job **at;
	bool queued;

	pthread_mutex_lock(&t->lock);
	for (at = &t->queue; *at != NULL && *at != job; at = &(*at)->next) {}
	queued = *at == job;
	if (queued) {
		*at = job->next;
		if (*at == NULL)
			t->queue_end = at;
		t->waiting--;
	}
	pthread_mutex_unlock(&t->lock);
	if (!queued)
		return;
	forget_job(t, job);
	job_free(job);
}

static bool
cancel_in(struct job *job, uint64_t number)
{
	for (struct waiter **at = &job->waiters; *at != NULL; at = &(*at)->next) {
		struct waiter *waiter = *at;

		if (waiter->number != number)
			continue;
		*at = waiter->next;
		free(waiter);
		return true;
	}
	return false;
}

void
tgs_cancel(struct tgs *t, uint64_t number)
{
	for (size_t i = 0; i < POOL_BUCKETS; i++) {
		for (struct job *job = t->all[i]; job != NULL; job = job->all_next) {
			if (!cancel_in(job, number))
				continue;
			if (job->waiters == NULL && !job->delivering)
				abandon(t, job);
			return;
		}
	}
}

/* ---- answering */

/*
 * Is it about the service (RFC 4120 7.5.9: KDC_ERR_*, 0 to 30 and 62 on)?
 * Between them are KRB_AP_ERR_*, about our own ticket or clock, which the
 * next kinit puts right.
 */
static bool
is_about_service(int32_t code)
{
	int32_t number = code - KRB5KDC_ERR_NONE;

	return number < 31 || number > 61;
}

/* How long a code is worth remembering. */
static uint64_t
remember_ms(const struct tgs *t, const struct job *job)
{
	uint64_t transient = t->negative_ms < TRANSIENT_MS ? t->negative_ms : TRANSIENT_MS;

	if (job->code == KRB5_KDC_UNREACH || job->code == KRB5_REALM_CANT_RESOLVE ||
	    job->code == KRB5KDC_ERR_SVC_UNAVAILABLE)
		return job->kdc_refused || job->code != KRB5KDC_ERR_SVC_UNAVAILABLE ? transient : 0;
	return job->kdc_refused && is_about_service(job->code) ? t->negative_ms : 0;
}

static void
deliver(struct tgs *t, struct job *job)
{
	struct tgs_ticket tickets[EXCHANGE_GAINED_MAX + 1];
	size_t n = job->ntickets;

	memset(tickets, 0, sizeof(tickets));
	for (size_t i = 0; i < n; i++) {
		const struct exchange_ticket *from = &job->tickets[i];

		tickets[i].cred = (struct rd){ from->cred.at, from->cred.len };
		tickets[i].blob = (struct rd){ from->blob, from->blob_len };
		tickets[i].session = from->session;
		tickets[i].generation = from->generation;
	}
	t->stats.failed += job->code != 0;
	if (job->code != 0 && !job->req.renew) {
		negative_add(t->negative, &job->req, job->hash, job->code, clock_ms(),
			     remember_ms(t, job));
	}
	job->delivering = true;
	while (job->waiters != NULL) {
		struct waiter *waiter = job->waiters;

		job->waiters = waiter->next;
		waiter->done(waiter->arg, job->code, n != 0 ? tickets : NULL, n);
		free(waiter);
	}
	forget_job(t, job);
	job_free(job);
}

void
tgs_collect(struct tgs *t)
{
	struct job *job, *next;
	uint64_t count;

	while (read(t->event_fd, &count, sizeof(count)) < 0 && errno == EINTR) {}
	pthread_mutex_lock(&t->lock);
	job = t->finished;
	t->finished = NULL;
	t->finished_end = &t->finished;
	pthread_mutex_unlock(&t->lock);
	for (; job != NULL; job = next) {
		next = job->next;
		deliver(t, job);
	}
}

void
tgs_stats(struct tgs *t, struct tgs_stats *stats)
{
	pthread_mutex_lock(&t->lock);
	t->stats.waiting = (uint32_t)t->waiting;
	t->stats.running = t->running;
	t->stats.exchanged = t->exchanged;
	pthread_mutex_unlock(&t->lock);
	*stats = t->stats;
}
