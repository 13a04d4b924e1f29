/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Was it the real KDC that let this user in? Whoever can answer for the KDC
 * and knows a password of their own choice can make a logon succeed; but
 * only the real KDC has this machine's key. So a ticket for this machine is
 * got with the fresh TGT, and lsaiso looks whether it is under that key
 * (krb_ticket_check). In a worker thread, after as_run.
 */
#ifndef LSASS_LOGON_VERIFY_H
#define LSASS_LOGON_VERIFY_H

#include "lsass/logon/as.h"
#include "lsass/logon/machine.h"

enum verify_verdict {
	VERIFY_GOOD,	/* it was */
	VERIFY_FALSE,	/* it was not, or the keytab is not this machine's any more */
	VERIFY_UNKNOWN, /* cannot be told: no keys, no such principal, no answer */
};

/*
 * as   after as_run returned 0, for a TGT; its ctx is used again
 * code out, why it is VERIFY_UNKNOWN or VERIFY_FALSE: a krb5_error_code; may be NULL
 */
enum verify_verdict verify_kdc(const struct as_exchange *as, const struct machine_keys *machine,
			       int32_t *code) __attribute__((warn_unused_result));

#endif
