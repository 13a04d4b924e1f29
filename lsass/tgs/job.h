/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request on its way through the pool: a copy of what was asked, who
 * waits for it, what came out. Used by the pool only.
 *
 * A job belongs to the loop thread, which alone touches its waiters and the
 * list of all jobs; only while it runs, the part marked so is a worker's.
 */
#ifndef LSASS_TGS_JOB_H
#define LSASS_TGS_JOB_H

#include "lsass/tgs/exchange.h"
#include "lsass/tgs/tgs.h"

#define REALM_MAX 255 /* octets that count when realms are told apart */

/* A realm's name, cut to what fits. */
struct realm {
	uint8_t len;
	uint8_t at[REALM_MAX];
};

struct waiter {
	struct waiter *next;
	uint64_t number;
	tgs_done *done;
	void *arg;
};

struct job {
	struct job *all_next;	/* list of all: the loop thread's */
	struct job *next;	/* queue or list of finished: under the pool's lock */
	struct waiter *waiters; /* in order of arrival */
	bool delivering;	/* takes no more waiters */
	uint64_t hash;		/* of what makes two requests the same */
	struct tgs_request req; /* views into octets */
	uint64_t started_ms;
	/* the worker's while it runs */
	struct realm realm; /* whose KDC it is expected to wait for */
	unsigned int moves; /* how often it was put back for another realm */
	int32_t code;
	bool kdc_refused;
	struct exchange_ticket *tickets; /* owned, ntickets of them */
	size_t ntickets;
	/* copies of what was asked */
	size_t len;
	struct tgs_tgt *tgts;
	uint8_t octets[];
};

/* NULL: no memory, or more octets than a job may have. */
struct job *job_new(const struct tgs_request *req, uint64_t hash);
void job_free(struct job *job); /* wipes; waiters must be gone */

int job_wait(struct job *job, uint64_t number, tgs_done *done, void *arg)
    __attribute__((warn_unused_result));

/* Same user, cache, server, etype, end, second ticket? */
bool job_is(const struct job *job, const struct tgs_request *req, uint64_t hash);
uint64_t job_hash(const struct tgs_request *req, uint64_t seed);

void realm_set(struct realm *realm, struct rd name);
bool realm_is(const struct realm *a, const struct realm *b);

#endif
