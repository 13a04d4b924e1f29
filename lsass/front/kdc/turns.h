/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose turn it is: so many requests are on their way at once, so many of them
 * one user's. The others wait, and go in the order in which they came, the
 * users one after the other. Root's are bound by the first number only.
 */
#ifndef LSASS_FRONT_KDC_TURNS_H
#define LSASS_FRONT_KDC_TURNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct turns;
struct turn_user;

/* Of one request, in whatever it belongs to. All zero: it has none. */
struct turn {
	struct turn *next, *prev; /* those of its user that wait */
	struct turn_user *user;	  /* NULL: neither goes nor waits */
	bool goes;
};

enum turn_fate { TURN_GOES, TURN_WAITS, TURN_NEVER };

struct turns *turns_new(uint64_t most, uint64_t most_per_user); /* NULL: no memory */
void turns_free(struct turns *ts);				/* nobody goes or waits any more */

/*
 * A request has come. Of uid (uid_t)-1, nobody's, are all of whom it is not known.
 * may_wait  false: TURN_NEVER in place of TURN_WAITS
 * TURN_NEVER also when there is no memory.
 */
enum turn_fate turns_ask(struct turns *ts, struct turn *tu, uid_t uid, bool may_wait);
/* It is done, or nobody waits for it any more. Nothing if it has no turn. */
void turns_leave(struct turns *ts, struct turn *tu);
/* One that waited and goes now, or NULL. */
struct turn *turns_next(struct turns *ts);

uint32_t turns_waiting(const struct turns *ts);

#endif
