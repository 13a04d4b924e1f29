/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where FAST (RFC 6113) stands between libkrb5 and the KDC. libkrb5 makes
 * and gets plain messages; an exchange with armour hands each of them through
 * here on its way. Implemented by lsass/logon/fast.c, called by
 * lsass/logon/as.c from the hooks of one exchange, in its worker thread.
 *
 * Every function returns 0 or a krb5_error_code, which ends the exchange.
 * What comes out is owned by the exchange (creds_free); views live until the
 * next call.
 */
#ifndef LSASS_LOGON_ARMOR_H
#define LSASS_LOGON_ARMOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lsass/tgs/creds.h"

struct as_armor {
	void *arg; /* first argument of each below */

	/*
	 * A request to a KDC of realm is next; called before every request.
	 *
	 * skew   KDC's clock minus ours, seconds, as far as it is known
	 * etype  out, 0: go without armour (the KDC does not know FAST, there
	 *        is no armour for this realm); nothing below is called then
	 * key    out, armour key of that etype, for ask_krb_as_seal
	 */
	int32_t (*begin)(void *arg, struct rd realm, int32_t skew, int32_t *etype, struct rd *key);

	/*
	 * as_req   plain AS-REQ. In place of PA-ENC-TIMESTAMP (2) it has what
	 *          lsaiso made with the armour key: PA-ENCRYPTED-CHALLENGE (138)
	 * message  out, the AS-REQ for the KDC
	 */
	int32_t (*wrap)(void *arg, struct rd as_req, struct creds_octets *message);

	/*
	 * error  KRB-ERROR as it came
	 * plain  out, the same without FAST: e-data of 24, 25 and 91 is a plain
	 *        METHOD-DATA; the code is the inner KRB-ERROR's
	 */
	int32_t (*error)(void *arg, struct rd error, struct creds_octets *plain);

	/*
	 * reply       AS-REP as it came
	 * plain       out, the same with the padata, crealm and cname that FAST
	 *             has for it (KrbFastResponse, KrbFastFinished; checked);
	 *             ticket and enc-part are as they came
	 * etype, key  out, KrbFastResponse.strengthen-key; etype 0: none came
	 */
	int32_t (*reply)(void *arg, struct rd reply, struct creds_octets *plain, int32_t *etype,
			 struct rd *key);
};

#endif
