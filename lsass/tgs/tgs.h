/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets that are not in the cache: the TGS exchange through genuine
 * libkrb5 in worker threads, with a stand-in key, and lsaiso doing what
 * needs the real one (krb5_set_kdc_send_hook / recv_hook).
 *
 * The loop thread submits a request and gets its answer back in the loop
 * thread. Identical requests in flight are merged; a KDC's refusal is
 * remembered for [tgs] negative_seconds; one realm cannot take all workers.
 */
#ifndef LSASS_TGS_TGS_H
#define LSASS_TGS_TGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpc/rpc.h"

struct config;

/* A TGT as the broker has it: octets (wire.h cred) hold the stand-in. */
struct tgs_tgt {
	struct rd cred;
	uint32_t session, generation;
	struct rd blob;
};

/* What is asked. All views are copied by tgs_submit. */
struct tgs_request {
	uid_t uid;
	uint64_t cache_id;	    /* requests merge only within one cache */
	const struct tgs_tgt *tgts; /* the cache's TGTs: its own realm's first */
	size_t ntgts;
	struct rd client;  /* wire.h principal: the cache's */
	struct rd server;  /* wire.h principal, as the client asked */
	int32_t etype;	   /* session key type wanted; 0: any */
	bool renew;	   /* the first TGT itself, with a later end (KDC option RENEW) */
	bool user_to_user; /* second_ticket is a TGT, ENC-TKT-IN-SKEY */
	struct rd second_ticket;
	uint32_t endtime;   /* wanted; 0: as long as possible */
	int32_t kdc_offset; /* seconds, as the cache has it */
};

/* One ticket that came out of an exchange: the one asked for comes last. */
struct tgs_ticket {
	struct rd cred;		      /* wire.h cred; TGT-class: with its stand-in */
	struct rd blob;		      /* TGT-class: sealed key, same session; else empty */
	uint32_t session, generation; /* valid when blob is not empty */
};

/*
 * The answer, in the loop thread. code is 0 or a krb5_error_code: the KDC's
 * own, or KRB5KRB_AP_ERR_TKT_EXPIRED when the session is dead or lsaiso is
 * gone, KRB5KDC_ERR_POLICY when lsaiso's policy refused, KRB5_KDC_UNREACH,
 * KRB5KDC_ERR_SVC_UNAVAILABLE when the queue is full or rate limited.
 * tgs_stop drops what is unanswered: those done do not run.
 * Views live until it returns.
 */
typedef void tgs_done(void *arg, int32_t code, const struct tgs_ticket *tickets, size_t n);

struct tgs;

/*
 * Start the pool. event_fd: out, becomes readable when answers wait; the
 * loop then calls tgs_collect, which runs their tgs_done.
 */
struct tgs *tgs_start(const struct config *cf, int *event_fd);
void tgs_collect(struct tgs *t);
void tgs_stop(struct tgs *t); /* waits for running exchanges at most 1 s */

/*
 * Ask. done(arg, ...) runs exactly once, from tgs_collect or, when the
 * answer is known at once (negative cache, full queue), before this returns.
 * Returns a ticket number for tgs_cancel, 0 if done has already run.
 */
uint64_t tgs_submit(struct tgs *t, const struct tgs_request *req, tgs_done *done, void *arg);

/* The asker is gone: done will not run. An exchange that has begun goes on. */
void tgs_cancel(struct tgs *t, uint64_t number);

/* Counters for lsactl status. */
struct tgs_stats {
	uint64_t asked, merged, from_negative, exchanged, failed, refused;
	uint32_t waiting, running;
};
void tgs_stats(struct tgs *t, struct tgs_stats *stats);

#endif
