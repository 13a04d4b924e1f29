/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways to the realms' real KDCs: found by libkrb5's rules (krb5.conf, then
 * DNS SRV), asked by UDP, by TCP when a message is too large for that, one
 * after the other when they are slow or gone. In the loop; only names are
 * looked up elsewhere. An address of our own endpoint is never a KDC.
 */
#ifndef LSASS_REALM_REAL_H
#define LSASS_REALM_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

#define REAL_MESSAGE_MAX (1u << 20) /* octets of a message */
#define REAL_TOTAL_MS	 20000	    /* until it is given up */

struct config;
struct loop;
struct real;
struct real_ask;

/*
 * NULL with errno. cf stays the caller's: [kdc] requests is how many may be asked for at
 * once, and at how many sockets each has one only. A realm that has kept three quarters of
 * them waiting for five seconds gets no more: its KDCs are dead, others go on.
 */
struct real *real_start(struct loop *lo, const struct config *cf);
void real_stop(struct real *re); /* nobody may be waiting any more */

/*
 * code   0: reply is a KDC's, octets as they came (a view, for the call only);
 *        KRB5_KDC_UNREACH: none answered; KRB5_REALM_UNKNOWN: none is known;
 *        KRB5_REALM_CANT_RESOLVE; KRB5_CONFIG_BADFORMAT: krb5.conf has no KDC of it but our own
 *        endpoint, or such as are not spoken to (HTTPS): somebody has to do something;
 *        or that of a krb5.conf that cannot be read
 * why    for people, "" when code is 0
 */
typedef void real_done(void *arg, int32_t code, struct rd reply, const char *why);

/*
 * Ask a KDC of realm. message, an AS-REQ or a TGS-REQ, is copied. done is called once, never
 * before this returns. NULL with errno: done is not called; EAGAIN: too many at once; EINVAL: realm
 * or message has a length that none has; ENOMEM.
 */
struct real_ask *real_send(struct real *re, struct rd realm, struct rd message, real_done *done,
			   void *arg);
/* Nobody waits any more: done is not called. */
void real_cancel(struct real_ask *ask);

/* For status: a realm that krb5.conf names, or that has KDCs, as it was found last. */
struct real_realm {
	char name[256];
	char text[1024]; /* good: "HOST:PORT (krb5.conf), ..."; else why there is no KDC */
	bool good;
};
/* The i-th of them; false: there are no more. */
bool real_realm(const struct real *re, size_t i, struct real_realm *to);

#endif
