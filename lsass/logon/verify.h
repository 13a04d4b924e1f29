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
	VERIFY_GOOD, /* it was */
	/* It did not show that it was: another key, no such principal, no answer. All of this
	 * can be said by one that is false, so none of it is an excuse. */
	VERIFY_FALSE,
	VERIFY_UNKNOWN, /* this machine has no keys */
};

/*
 * as    after as_run returned 0, for a TGT; its ctx is used again
 * code  out, why not VERIFY_GOOD: a krb5_error_code; may be NULL.
 *       KRB5KRB_AP_ERR_BAD_INTEGRITY  the ticket is not under this machine's key
 *       KRB5_KT_KVNONOTFOUND          there is no key of the ticket's etype
 *       KRB5_KT_NOTFOUND              VERIFY_UNKNOWN
 *       others                        as tgs.h has them: no ticket could be got
 */
enum verify_verdict verify_kdc(const struct as_exchange *as, const struct machine_keys *machine,
			       int32_t *code) __attribute__((warn_unused_result));

#endif
