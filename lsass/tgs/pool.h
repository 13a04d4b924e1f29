/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two halves of the pool share: pool.c runs in the loop thread and
 * implements tgs.h, worker.c runs in the worker threads. Included by these
 * two only.
 *
 * Every member says whose it is. The lock is held for list work only, never
 * across an exchange or a callback.
 */
#ifndef LSASS_TGS_POOL_H
#define LSASS_TGS_POOL_H

#include <pthread.h>

#include "lsass/tgs/context.h"
#include "lsass/tgs/job.h"
#include "lsass/tgs/negative.h"

#define POOL_BUCKETS   256
#define POOL_MOVES_MAX 3 /* times a job is put back before it is refused */

/* Not a krb5 code: the job waits for another realm than was thought. */
#define POOL_MOVED INT32_MIN

struct worker {
	struct tgs *pool;
	unsigned int index;
	pthread_t thread;
	struct context context; /* the thread's own */
	/* under the lock */
	bool busy;
	struct realm base; /* counted against this realm all the time, */
	struct realm now;  /* and against the one whose KDC it talks to */
	struct job *job;
};

struct tgs {
	/* fixed */
	unsigned int nworkers, per_realm;
	size_t queue_max;
	uint64_t negative_ms;
	int event_fd;
	char *krb5_config; /* empty: the system's */
	struct worker *workers;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* the queue or a realm's count changed */
	pthread_cond_t ended; /* a worker returned */
	bool stopping;
	unsigned int alive, running;
	size_t waiting;
	struct job *queue, **queue_end;
	struct job *finished, **finished_end;
	uint64_t exchanged;
	/* the loop thread's */
	struct job *all[POOL_BUCKETS];
	struct negative *negative;
	uint64_t seed, last_number;
	struct tgs_stats stats;
};

/* Thread body; arg is a struct worker. */
void *worker_main(void *arg);

#endif
