/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tickets for armour: which there are. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/tickets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsass/wire.h"

#define FAILED_SECONDS 10  /* then it may be tried again */
#define LEAST_SECONDS  300 /* that a ticket must still be good for */

void
ticket_free(struct ticket *ticket)
{
	creds_free(&ticket->cred);
	explicit_bzero(ticket, sizeof(*ticket));
}

static int32_t
copy_octets(struct creds_octets *to, struct rd from)
{
	uint8_t *at = malloc(from.len + 1);

	*to = (struct creds_octets){ 0 };
	if (at == NULL)
		return ENOMEM;
	memcpy(at, from.at, from.len);
	*to = (struct creds_octets){ at, from.len };
	return 0;
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Is it there, and good for a while? */
static bool
lives(const struct ticket *ticket)
{
	struct rd in = { ticket->cred.at, ticket->cred.len };
	struct wire_cred cred;

	return in.len != 0 && wire_cred(&in, &cred) == 0 &&
	       cred.endtime > time(NULL) + ticket->offset + LEAST_SECONDS;
}

static bool
is_of(const struct tickets_row *row, struct rd realm)
{
	return row->realm.len == realm.len && row->realm.at != NULL &&
	       memcmp(row->realm.at, realm.at, realm.len) == 0;
}

static void
clear(struct tickets_row *row)
{
	creds_free(&row->realm);
	ticket_free(&row->ticket);
	row->code = 0;
}

/* The row of a realm, or one for it; NULL: all are busy, no memory. */
static struct tickets_row *
row_of(struct tickets *ts, struct rd realm)
{
	struct tickets_row *oldest = NULL;
	struct creds_octets name;

	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct tickets_row *row = &ts->rows[i];

		if (is_of(row, realm))
			return row;
		if (!row->busy && (oldest == NULL || row->used < oldest->used))
			oldest = row;
	}
	if (oldest == NULL || copy_octets(&name, realm) != 0)
		return NULL;
	clear(oldest);
	oldest->realm = name;
	return oldest;
}

static int32_t
give(const struct tickets_row *row, struct ticket *copy)
{
	if (row->code != 0)
		return row->code;
	*copy = row->ticket;
	return copy_octets(&copy->cred, (struct rd){ row->ticket.cred.at, row->ticket.cred.len });
}

/* Without the lock while get runs. */
static int32_t
fill(struct tickets *ts, struct tickets_row *row, krb5_context ctx, ticket_getter *get, void *arg,
     struct ticket *copy)
{
	struct rd realm = { row->realm.at, row->realm.len }; /* a busy row keeps it */
	struct ticket ticket = { 0 };
	int32_t code;

	row->busy = true;
	row->forgotten = false;
	(void)pthread_mutex_unlock(&ts->lock);
	code = get(arg, ctx, realm, &ticket);
	(void)pthread_mutex_lock(&ts->lock);
	row->busy = false;
	ticket_free(&row->ticket);
	row->code = code;
	row->until = now() + FAILED_SECONDS;
	row->ticket = ticket;
	code = give(row, copy);
	if (row->forgotten)
		clear(row);
	(void)pthread_cond_broadcast(&ts->changed);
	return code;
}

int32_t
tickets_get(struct tickets *ts, krb5_context ctx, struct rd realm, ticket_getter *get, void *arg,
	    struct ticket *copy)
{
	struct tickets_row *row;
	int32_t code;

	(void)pthread_mutex_lock(&ts->lock);
	row = row_of(ts, realm);
	while (row != NULL && row->busy) {
		(void)pthread_cond_wait(&ts->changed, &ts->lock);
		row = row_of(ts, realm);
	}
	if (row == NULL) {
		code = ENOMEM;
	} else {
		row->used = ++ts->uses;
		if (row->code != 0 ? now() < row->until : lives(&row->ticket))
			code = give(row, copy);
		else
			code = fill(ts, row, ctx, get, arg, copy);
	}
	(void)pthread_mutex_unlock(&ts->lock);
	return code;
}

void
tickets_forget(struct tickets *ts, const struct rd *realm)
{
	(void)pthread_mutex_lock(&ts->lock);
	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct tickets_row *row = &ts->rows[i];

		if (realm != NULL && !is_of(row, *realm))
			continue;
		if (row->busy)
			row->forgotten = true;
		else
			clear(row);
	}
	(void)pthread_mutex_unlock(&ts->lock);
}

void
tickets_start(struct tickets *ts)
{
	memset(ts, 0, sizeof(*ts));
	(void)pthread_mutex_init(&ts->lock, NULL);
	(void)pthread_cond_init(&ts->changed, NULL);
}

void
tickets_end(struct tickets *ts)
{
	tickets_forget(ts, NULL);
	(void)pthread_cond_destroy(&ts->changed);
	(void)pthread_mutex_destroy(&ts->lock);
}
