/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs of the pool: copies of requests. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/tgs/job.h"

#include <stdlib.h>
#include <string.h>

#define JOB_OCTETS_MAX (16u << 20) /* of one request: far more than any cache's TGTs */

void
realm_set(struct realm *realm, struct rd name)
{
	realm->len = (uint8_t)(name.len < REALM_MAX ? name.len : REALM_MAX);
	if (realm->len != 0)
		memcpy(realm->at, name.at, realm->len);
}

bool
realm_is(const struct realm *a, const struct realm *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* FNV-1a, seeded per process so that nobody can aim at a collision. */
static uint64_t
mix(uint64_t hash, const void *octets, size_t n)
{
	const uint8_t *at = octets;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 0x100000001b3u;
	return hash;
}

uint64_t
job_hash(const struct tgs_request *req, uint64_t seed)
{
	uint64_t hash = mix(seed, &req->uid, sizeof(req->uid));

	hash = mix(hash, &req->cache_id, sizeof(req->cache_id));
	hash = mix(hash, &req->etype, sizeof(req->etype));
	return mix(hash, req->server.at, req->server.len);
}

static bool
same(struct rd a, struct rd b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool
job_is(const struct job *job, const struct tgs_request *req, uint64_t hash)
{
	const struct tgs_request *has = &job->req;

	return job->hash == hash && has->uid == req->uid && has->cache_id == req->cache_id &&
	       has->etype == req->etype && has->endtime == req->endtime &&
	       has->user_to_user == req->user_to_user && has->renew == req->renew &&
	       same(has->server, req->server) && same(has->client, req->client) &&
	       same(has->second_ticket, req->second_ticket);
}

static size_t
octets_of(const struct tgs_request *req)
{
	size_t n = req->client.len + req->server.len + req->second_ticket.len;

	for (size_t i = 0; i < req->ntgts; i++)
		n += req->tgts[i].cred.len + req->tgts[i].blob.len;
	return n;
}

static struct rd
copy(uint8_t **at, struct rd from)
{
	struct rd view = { *at, from.len };

	if (from.len != 0)
		memcpy(*at, from.at, from.len);
	*at += from.len;
	return view;
}

/* Where the answer's delay will come from: the server's realm, or ours when it has none. */
static void
guess_realm(struct job *job)
{
	struct rd server = job->req.server, client = job->req.client;
	struct wire_princ princ;

	if (wire_princ(&server, &princ) != 0)
		return; /* malformed: will not get as far as a KDC */
	if (princ.realm.len == 0 && wire_princ(&client, &princ) != 0)
		return;
	realm_set(&job->realm, princ.realm);
}

struct job *
job_new(const struct tgs_request *req, uint64_t hash)
{
	size_t len = octets_of(req);
	struct job *job;
	uint8_t *at;

	if (len > JOB_OCTETS_MAX || req->ntgts > JOB_OCTETS_MAX)
		return NULL;
	job = calloc(1, sizeof(*job) + len);
	if (job == NULL)
		return NULL;
	job->len = len;
	job->tgts = calloc(req->ntgts + 1, sizeof(*job->tgts));
	if (job->tgts == NULL) {
		free(job);
		return NULL;
	}
	at = job->octets;
	job->hash = hash;
	job->req = *req;
	job->req.client = copy(&at, req->client);
	job->req.server = copy(&at, req->server);
	job->req.second_ticket = copy(&at, req->second_ticket);
	for (size_t i = 0; i < req->ntgts; i++) {
		job->tgts[i] = req->tgts[i];
		job->tgts[i].cred = copy(&at, req->tgts[i].cred);
		job->tgts[i].blob = copy(&at, req->tgts[i].blob);
	}
	job->req.tgts = job->tgts;
	guess_realm(job);
	return job;
}

void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	for (size_t i = 0; i < job->ntickets; i++)
		creds_free(&job->tickets[i].cred);
	free(job->tickets);
	free(job->tgts);
	explicit_bzero(job->octets, job->len);
	free(job);
}

int
job_wait(struct job *job, uint64_t number, tgs_done *done, void *arg)
{
	struct waiter *waiter = malloc(sizeof(*waiter));
	struct waiter **end = &job->waiters;

	if (waiter == NULL)
		return -1;
	waiter->next = NULL;
	waiter->number = number;
	waiter->done = done;
	waiter->arg = arg;
	while (*end != NULL)
		end = &(*end)->next;
	*end = waiter;
	return 0;
}
