/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker threads of the pool. A worker counts against the realm its job
 * is expected to wait for and against the one whose KDC it talks to at the
 * moment, so that a realm whose KDC is slow or dead never holds more than
 * its share of the workers, also when a referral leads there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* pthread_setname_np, explicit_bzero */
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/tgs/pool.h"

#define STACK_CLEARED (128 << 10) /* octets; deeper than libkrb5 was ever seen to go */

/* ---- under the lock */

static unsigned int
busy_with(const struct tgs *t, const struct realm *realm, const struct worker *but)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->nworkers; i++) {
		const struct worker *w = &t->workers[i];

		if (w != but && w->busy && (realm_is(&w->base, realm) || realm_is(&w->now, realm)))
			n++;
	}
	return n;
}

/* Take the first job off the queue whose realm has room; NULL: none. */
static struct job *
pick(struct tgs *t)
{
	const struct realm *full = NULL;

	for (struct job **at = &t->queue; *at != NULL; at = &(*at)->next) {
		struct job *job = *at;

		if (full != NULL && realm_is(full, &job->realm))
			continue;
		if (busy_with(t, &job->realm, NULL) >= t->per_realm) {
			full = &job->realm;
			continue;
		}
		*at = job->next;
		if (*at == NULL)
			t->queue_end = at;
		job->next = NULL;
		t->waiting--;
		return job;
	}
	return NULL;
}

/* Back to the front of the queue. */
static void
put_back(struct tgs *t, struct job *job)
{
	job->next = t->queue;
	t->queue = job;
	if (job->next == NULL)
		t->queue_end = &job->next;
	t->waiting++;
}

static void
finish(struct tgs *t, struct job *job)
{
	job->next = NULL;
	*t->finished_end = job;
	t->finished_end = &job->next;
	t->exchanged++;
}

/* ---- one job */

/* A KDC of this realm comes next: is there room? Otherwise the job waits in its queue. */
static int32_t
enter(void *arg, struct rd name)
{
	struct worker *w = arg;
	struct tgs *t = w->pool;
	struct realm realm;
	int32_t code = 0;

	realm_set(&realm, name);
	pthread_mutex_lock(&t->lock);
	if (t->stopping) {
		code = KRB5_KDC_UNREACH;
	} else if (!realm_is(&w->now, &realm)) {
		if (realm_is(&w->base, &realm) || busy_with(t, &realm, w) < t->per_realm) {
			w->now = realm;
			if (t->queue != NULL)
				pthread_cond_broadcast(&t->work);
		} else if (w->job->moves++ < POOL_MOVES_MAX) {
			w->job->realm = realm;
			code = POOL_MOVED;
		} else {
			code = KRB5KDC_ERR_SVC_UNAVAILABLE;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return code;
}

static void
work(struct worker *w, struct job *job)
{
	struct exchange ex;
	krb5_error_code code;

	memset(&ex, 0, sizeof(ex));
	code = context_get(&w->context, w->pool->krb5_config, job->req.kdc_offset);
	if (code != 0) {
		log_err("tgs: krb5 configuration: code %ld", (long)code);
		job->code = KRB5_CONFIG_CANTOPEN;
		return;
	}
	ex.ctx = w->context.ctx;
	ex.req = &job->req;
	ex.enter = enter;
	ex.arg = w;
	job->code = exchange_run(&ex);
	job->kdc_refused = ex.kdc_refused;
	if (job->code == 0)
		job->code = exchange_take(&ex, &job->tickets, &job->ntickets);
	exchange_free(&ex);
}

/*
 * Under this frame libraries leave what was in their frames and registers,
 * ticket keys among it (the dynamic linker, for one, saves vector registers
 * there when it first binds a function). Called from where work() was.
 */
static void __attribute__((noinline)) clear_stack(void)
{
	uint8_t below[STACK_CLEARED];

	explicit_bzero(below, sizeof(below));
}

static void
ring(int event_fd)
{
	const uint64_t one = 1;

	while (write(event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {}
}

void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct tgs *t = w->pool;
	char name[16];

	(void)snprintf(name, sizeof(name), "tgs-%u", w->index);
	(void)pthread_setname_np(pthread_self(), name);
	/* So that the first request need not wait for it; a failure shows again there. */
	if (context_get(&w->context, t->krb5_config, 0) != 0)
		log_warn("tgs: the krb5 configuration cannot be read yet");
	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		w->job = pick(t);
		if (w->job == NULL) {
			pthread_cond_wait(&t->work, &t->lock);
			continue;
		}
		w->busy = true;
		w->base = w->now = w->job->realm;
		t->running++;
		pthread_mutex_unlock(&t->lock);
		work(w, w->job);
		clear_stack();
		pthread_mutex_lock(&t->lock);
		w->busy = false;
		t->running--;
		if (w->job->code == POOL_MOVED)
			put_back(t, w->job);
		else
			finish(t, w->job);
		w->job = NULL;
		if (t->queue != NULL)
			pthread_cond_broadcast(&t->work);
		ring(t->event_fd);
	}
	t->alive--;
	pthread_cond_broadcast(&t->ended);
	pthread_mutex_unlock(&t->lock);
	context_free(&w->context);
	return NULL;
}
