/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/front/kdc/turns.h"

#include <stdlib.h>
#include <string.h>

/* Somebody of whom a request goes or waits. In a ring, so that each has a turn. */
struct turn_user {
	struct turn_user *next, *prev;
	struct turn *first, *last; /* that wait */
	uint64_t going;
	uid_t uid;
};

struct turns {
	struct turn_user *at; /* whose turn is looked for first; NULL: nobody is there */
	uint64_t going, most, most_per_user;
	uint32_t waiting;
};

struct turns *
turns_new(uint64_t most, uint64_t most_per_user)
{
	struct turns *ts = calloc(1, sizeof(*ts));

	if (ts != NULL) {
		ts->most = most;
		ts->most_per_user = most_per_user;
	}
	return ts;
}

void
turns_free(struct turns *ts)
{
	free(ts);
}

uint32_t
turns_waiting(const struct turns *ts)
{
	return ts->waiting;
}

static struct turn_user *
user_of(struct turns *ts, uid_t uid)
{
	struct turn_user *us = ts->at;

	if (us != NULL) {
		do {
			if (us->uid == uid)
				return us;
			us = us->next;
		} while (us != ts->at);
	}
	us = calloc(1, sizeof(*us));
	if (us == NULL)
		return NULL;
	us->uid = uid;
	us->next = us->prev = us;
	if (ts->at == NULL) {
		ts->at = us;
		return us;
	}
	/* The last to have a turn. */
	us->next = ts->at;
	us->prev = ts->at->prev;
	us->prev->next = us->next->prev = us;
	return us;
}

static void
forget_if_idle(struct turns *ts, struct turn_user *us)
{
	if (us->going > 0 || us->first != NULL)
		return;
	if (ts->at == us)
		ts->at = us->next != us ? us->next : NULL;
	us->prev->next = us->next;
	us->next->prev = us->prev;
	free(us);
}

static bool
may_go(const struct turns *ts, const struct turn_user *us)
{
	return ts->going < ts->most && (us->uid == 0 || us->going < ts->most_per_user);
}

static void
start(struct turns *ts, struct turn *tu)
{
	tu->goes = true;
	tu->user->going++;
	ts->going++;
}

enum turn_fate
turns_ask(struct turns *ts, struct turn *tu, uid_t uid, bool may_wait)
{
	struct turn_user *us = user_of(ts, uid);

	*tu = (struct turn){ .user = us };
	if (us == NULL)
		return TURN_NEVER;
	if (us->first == NULL && may_go(ts, us)) {
		start(ts, tu);
		return TURN_GOES;
	}
	if (!may_wait) {
		tu->user = NULL;
		forget_if_idle(ts, us);
		return TURN_NEVER;
	}
	tu->prev = us->last;
	*(us->last != NULL ? &us->last->next : &us->first) = tu;
	us->last = tu;
	ts->waiting++;
	return TURN_WAITS;
}

/* Out of the queue of its user. */
static void
take_out(struct turns *ts, struct turn *tu)
{
	struct turn_user *us = tu->user;

	*(tu->prev != NULL ? &tu->prev->next : &us->first) = tu->next;
	*(tu->next != NULL ? &tu->next->prev : &us->last) = tu->prev;
	tu->next = tu->prev = NULL;
	ts->waiting--;
}

void
turns_leave(struct turns *ts, struct turn *tu)
{
	struct turn_user *us = tu->user;

	if (us == NULL)
		return;
	if (tu->goes) {
		us->going--;
		ts->going--;
	} else {
		take_out(ts, tu);
	}
	*tu = (struct turn){ 0 };
	forget_if_idle(ts, us);
}

struct turn *
turns_next(struct turns *ts)
{
	struct turn_user *us = ts->at;
	struct turn *tu;

	if (ts->waiting == 0 || ts->going >= ts->most)
		return NULL;
	do {
		if (us->first != NULL && may_go(ts, us)) {
			tu = us->first;
			take_out(ts, tu);
			start(ts, tu);
			ts->at = us->next;
			return tu;
		}
		us = us->next;
	} while (us != ts->at);
	return NULL;
}
