/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of realms, and the threads that find it out. The lock is held for copies only. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* pthread_setname_np */
#endif
#include "lsass/realm/locate.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config.h"
#include "lsass/realm/resolve.h"

#define REALMS_MAX   64
#define WORKERS	     4
#define STALE_MS     600000u /* how old it may be while it is looked up again */
#define FOUND_MS     60000u
#define NOT_MS	     5000u
#define STOP_SECONDS 1
#define STAMP_MS     1000u /* how often krb5.conf is looked at */

/*
 * Anybody can name realms that are to be looked for in DNS, which may be silent: the first
 * worker only does what krb5.conf has, and leaves the rest in ASKS to the others.
 */
enum state { FREE, WAITS, ASKS, RUNS, KNOWN };

struct entry {
	enum state state;
	bool has;	 /* found is of an earlier time, or of now */
	uint64_t stamp;	 /* of krb5.conf then, or before: it is looked up once more at worst */
	uint64_t wanted; /* that stamp of what waits or runs */
	uint64_t until;	 /* ms: it is good till then */
	uint64_t used;	 /* ms */
	uint64_t queued; /* what waits longest is next */
	char realm[LOCATE_REALM_MAX];
	struct found found;
};

/* Shared by the loop and the workers; the last one out frees it. */
struct locate {
	/* fixed */
	char *files;
	struct own own;
	/* the loop's */
	uint64_t stamp, stamp_ms;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, left;
	bool stopping;
	bool abandoned; /* the process may be about to end: libraries are not called any more */
	bool first_is_there; /* the worker that asks no DNS for servers */
	unsigned int users;  /* workers, and the loop */
	int event_fd;
	uint64_t counter;
	struct entry entries[REALMS_MAX];
};

/* ---- workers */

/* The lock is held; it is gone afterwards. */
static void
leave(struct locate *lc)
{
	bool last = --lc->users == 0;

	(void)pthread_cond_signal(&lc->left);
	(void)pthread_mutex_unlock(&lc->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&lc->work);
	(void)pthread_cond_destroy(&lc->left);
	(void)pthread_mutex_destroy(&lc->lock);
	free(lc->files);
	free(lc);
}

static struct entry *
next_in(struct locate *lc, enum state state)
{
	struct entry *best = NULL;

	for (size_t i = 0; i < REALMS_MAX; i++) {
		struct entry *en = &lc->entries[i];

		if (en->state == state && (best == NULL || en->queued < best->queued))
			best = en;
	}
	return best;
}

static void
keep(struct locate *lc, struct entry *en, const struct found *found)
{
	en->found = *found;
	en->has = true;
	en->stamp = en->wanted;
	en->state = KNOWN;
	en->until = clock_ms() + (found->code == 0 ? FOUND_MS : NOT_MS);
	if (!lc->stopping)
		(void)eventfd_write(lc->event_fd, 1);
}

static struct entry *
next(struct locate *lc, bool dns)
{
	struct entry *en = dns ? next_in(lc, ASKS) : NULL;

	return en != NULL ? en : next_in(lc, WAITS);
}

static void
leave_to_dns(struct locate *lc, struct entry *en)
{
	en->state = ASKS;
	(void)pthread_cond_broadcast(&lc->work);
}

static void *
work(void *arg)
{
	struct locate *lc = arg;
	struct context context = { 0 };
	struct found *found = calloc(1, sizeof(*found));
	char realm[LOCATE_REALM_MAX];
	bool dns, done;

	(void)pthread_mutex_lock(&lc->lock);
	dns = lc->first_is_there;
	lc->first_is_there = true;
	while (!lc->stopping && found != NULL) {
		struct entry *en = next(lc, dns);

		if (en == NULL) {
			(void)pthread_cond_wait(&lc->work, &lc->lock);
			continue;
		}
		en->state = RUNS; /* and stays where it is until it is KNOWN */
		memcpy(realm, en->realm, sizeof(realm));
		(void)pthread_mutex_unlock(&lc->lock);
		done = resolve(&context, lc->files, &lc->own, realm, dns, found);
		(void)pthread_mutex_lock(&lc->lock);
		if (done)
			keep(lc, en, found);
		else
			leave_to_dns(lc, en);
	}
	free(found);
	if (!lc->abandoned)
		context_free(&context);
	leave(lc);
	return NULL;
}

static bool
start_worker(struct locate *lc)
{
	pthread_attr_t attr;
	pthread_t id;
	int error;

	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	lc->users++;
	error = pthread_create(&id, &attr, work, lc);
	(void)pthread_attr_destroy(&attr);
	if (error != 0) {
		lc->users--;
		errno = error;
		return false;
	}
	(void)pthread_setname_np(id, "realm");
	return true;
}

/* ---- the loop's side */

struct locate *
locate_start(const struct config *cf, int *ready)
{
	struct locate *lc = calloc(1, sizeof(*lc));
	sigset_t all, before;
	bool ok = true;
	int error;

	if (lc == NULL)
		return NULL;
	(void)pthread_mutex_init(&lc->lock, NULL);
	(void)pthread_cond_init(&lc->work, NULL);
	(void)pthread_cond_init(&lc->left, NULL);
	own_read(&lc->own, cf);
	lc->users = 1;
	lc->files = strdup(cf->krb5_config != NULL ? cf->krb5_config : "");
	lc->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (lc->files == NULL || lc->event_fd < 0) {
		error = errno;
		locate_stop(lc);
		errno = error;
		return NULL;
	}
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_mutex_lock(&lc->lock);
	for (unsigned int i = 0; i < WORKERS && ok; i++)
		ok = start_worker(lc);
	error = errno;
	ok = lc->users > 2; /* two can do it */
	(void)pthread_mutex_unlock(&lc->lock);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	*ready = lc->event_fd;
	if (ok)
		return lc;
	locate_stop(lc);
	errno = error;
	return NULL;
}

void
locate_stop(struct locate *lc)
{
	struct timespec until;
	int error = 0;

	if (lc == NULL)
		return;
	(void)pthread_mutex_lock(&lc->lock);
	lc->stopping = true;
	if (lc->event_fd >= 0)
		(void)close(lc->event_fd);
	(void)pthread_cond_broadcast(&lc->work);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	while (lc->users > 1 && error == 0)
		error = pthread_cond_timedwait(&lc->left, &lc->lock, &until);
	lc->abandoned = lc->users > 1;
	leave(lc);
}

void
locate_seen(struct locate *lc)
{
	eventfd_t n;

	(void)eventfd_read(lc->event_fd, &n);
}

static uint64_t
current_stamp(struct locate *lc, uint64_t now)
{
	if (lc->stamp_ms == 0 || now - lc->stamp_ms >= STAMP_MS) {
		lc->stamp = context_stamp(lc->files);
		lc->stamp_ms = now;
	}
	return lc->stamp;
}

static struct entry *
find(struct locate *lc, const char *realm)
{
	for (size_t i = 0; i < REALMS_MAX; i++) {
		if (lc->entries[i].state != FREE && strcmp(lc->entries[i].realm, realm) == 0)
			return &lc->entries[i];
	}
	return NULL;
}

/*
 * A place for a new realm: free, else of a realm that has no KDC, else of the one longest
 * unused; but those that have are not all driven out by names that somebody makes up.
 */
static struct entry *
make_room(struct locate *lc)
{
	struct entry *good = NULL, *bad = NULL;
	size_t goods = 0;

	for (size_t i = 0; i < REALMS_MAX; i++) {
		struct entry *en = &lc->entries[i];
		bool is_good = en->has && en->found.code == 0;
		struct entry **best = is_good ? &good : &bad;

		if (en->state == FREE)
			return en;
		goods += is_good;
		if (en->state == KNOWN && (*best == NULL || en->used < (*best)->used))
			*best = en;
	}
	return bad != NULL ? bad : goods > REALMS_MAX / 2 ? good : NULL;
}

static void
look_up(struct locate *lc, struct entry *en, uint64_t stamp)
{
	en->wanted = stamp;
	en->state = WAITS;
	en->queued = lc->counter++;
	(void)pthread_cond_broadcast(&lc->work);
}

static enum locate_answer
get(struct locate *lc, const char *realm, uint64_t stamp, struct found *found)
{
	struct entry *en = find(lc, realm);
	uint64_t now = clock_ms();
	bool fresh;

	if (en == NULL) {
		en = make_room(lc);
		if (en == NULL)
			return LOCATE_FULL;
		memset(en, 0, sizeof(*en));
		(void)snprintf(en->realm, sizeof(en->realm), "%s", realm);
		en->used = now;
		look_up(lc, en, stamp);
		return LOCATE_LATER;
	}
	en->used = now;
	fresh = en->has && en->stamp == stamp;
	if (en->state == KNOWN && (!fresh || now >= en->until))
		look_up(lc, en, stamp);
	/* Who is known of is asked on while it is looked up again. */
	if (!fresh || (en->state != KNOWN && (en->found.code != 0 || now - en->until >= STALE_MS)))
		return LOCATE_LATER;
	*found = en->found;
	return LOCATE_FOUND;
}

enum locate_answer
locate_get(struct locate *lc, const char *realm, struct found *found)
{
	uint64_t stamp = current_stamp(lc, clock_ms());
	enum locate_answer answer;

	(void)pthread_mutex_lock(&lc->lock);
	answer = get(lc, realm, stamp, found);
	(void)pthread_mutex_unlock(&lc->lock);
	return answer;
}

bool
locate_at(struct locate *lc, size_t i, char *realm, size_t n, struct found *found)
{
	const struct entry *en = NULL;

	(void)pthread_mutex_lock(&lc->lock);
	for (size_t at = 0; at < REALMS_MAX && en == NULL; at++) {
		const struct entry *one = &lc->entries[at];

		/* Names that clients make up are not shown. */
		if (one->state != FREE && one->has && (one->found.named || one->found.code == 0) &&
		    i-- == 0)
			en = one;
	}
	if (en != NULL) {
		(void)snprintf(realm, n, "%s", en->realm);
		*found = en->found;
	}
	(void)pthread_mutex_unlock(&lc->lock);
	return en != NULL;
}
