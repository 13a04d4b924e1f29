/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads for what would make the loop wait: logons, renewals, changes of
 * password. A job runs in a worker thread, its end is told in the loop
 * thread. First come, first served, but one user has at most half of the
 * workers (rounded up), so that the others need not wait for a KDC that only
 * this user is sent to.
 *
 * Used by lsass/front/admin and lsass/logon, from the loop thread.
 */
#ifndef LSASS_LOGON_POOL_H
#define LSASS_LOGON_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lsass/tgs/context.h"

struct config;
struct pool;

/*
 * A job, part of a struct of the caller's. It is the pool's from pool_submit
 * until done is called, and must not move meanwhile.
 *
 * run   in a worker thread. co: that thread's kept krb5 context, for
 *       context_get. May look at cancelled now and then, and end early
 * done  in the loop thread, exactly once. ran: false if run was never called
 *       (cancelled before its turn, or the pool stops). May free the job,
 *       submit it again, and submit others
 */
struct pool_job {
	/* given */
	uid_t uid;
	void (*run)(struct pool_job *job, struct context *co);
	void (*done)(struct pool_job *job, bool ran);
	/* set by pool_cancel, to be read by run */
	atomic_bool cancelled;
	/* the pool's own */
	struct pool_job *next;
};

/*
 * Start the threads ([logon] workers). event_fd: out, becomes readable when
 * jobs ended; the loop then calls pool_collect, which runs their done. The
 * descriptor is the pool's.
 *
 * Returns NULL with errno.
 */
struct pool *pool_start(const struct config *cf, int *event_fd);
void pool_collect(struct pool *po);

/*
 * Stop. done of every job that has not begun runs before this returns; a
 * running one is told to end (cancelled) and waited for, a second at most:
 * then the pool and that job are left as they are, to end with the process.
 */
void pool_stop(struct pool *po);

/* Put a job in. 0, or -1: POOL_WAITING_MAX of them wait already (its done will not run). */
#define POOL_WAITING_MAX 1024u
int pool_submit(struct pool *po, struct pool_job *job) __attribute__((warn_unused_result));

/*
 * Nobody waits for it any more. One that has not begun never does: its done
 * runs at the next pool_collect with ran false. A running one sees cancelled;
 * its done runs as ever. The job must be the pool's.
 */
void pool_cancel(struct pool *po, struct pool_job *job);

/* Counters for lsactl status. */
struct pool_stats {
	uint64_t ended;
	uint32_t waiting, running, workers;
};
void pool_stats(struct pool *po, struct pool_stats *stats);

#endif
