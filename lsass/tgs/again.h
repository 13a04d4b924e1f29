/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a TGS request is worth making anew. Used by everything that sends one
 * for a client: lsass/tgs/exchange.c (KCM, renewal) and lsass/front/kdc (the endpoint).
 */
#ifndef LSASS_TGS_AGAIN_H
#define LSASS_TGS_AGAIN_H

#include <stdbool.h>

#include "rpc/rpc.h"

#define AGAIN_MAX 3 /* times that a request is made anew, having been forgotten */

/*
 * status  lsaiso's word on the answer (krb_tgs_open)
 * before  so often was it made anew already
 *
 * lsaiso has forgotten the request, for too many newer ones came meanwhile, which a crowd before
 * a KDC that loses datagrams can do more than once; or, once, the answer is not to it, for
 * a socket can get the port, and with it a late second answer, of one that was closed.
 */
static inline bool
again_worth(enum iso_status status, unsigned int before)
{
	if (status == ISO_E_PENDING)
		return before < AGAIN_MAX;
	return before < 1 && (status == ISO_E_INTEGRITY || status == ISO_E_MISMATCH);
}

#endif
