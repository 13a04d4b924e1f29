/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets that are renewed before they end, of logons inside and of those
 * that kinit brought: by the TGS exchange while the KDC renews, then, for a
 * logon that keeps its key, by a new AS exchange. Notice is given in the log
 * when neither will help. Only the loop thread calls.
 */
#ifndef LSASS_LOGON_RENEW_H
#define LSASS_LOGON_RENEW_H

#include "lsass/logon/logons.h"

#define RENEW_TICK_MS 5000

/* Every RENEW_TICK_MS: renew what is due, give notice. */
void renew_tick(struct logons *lg);

/* code: 0, or a krb5_error_code; KRB5KDC_ERR_BADOPTION: nothing can renew it */
typedef void renew_done(void *arg, int32_t code);

/* Renew the ticket of a cache now. done, which may be NULL, runs once, also before it returns. */
void renew_now(struct logons *lg, struct cache *ca, renew_done *done, void *arg);

struct work;
/* An unlocked session whose ticket has ended: a new one, with the key that wo has. */
void renew_after_unlock(struct logons *lg, struct cache *ca, const struct work *wo);

/*
 * When the logon that filled ca ends for good, seconds since 1970 by our
 * clock, and whether a renewal can put off the end of the present ticket.
 */
uint32_t renew_ends(const struct logons *lg, struct cache *ca, bool *more);

#endif
