/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the administrator's policy bits mean to the Kerberos operations. */
#ifndef LSAISO_POLICY_H
#define LSAISO_POLICY_H

#include "iso.h"
#include "krb.h"

/*
 * The type of a key that may be used here, or NULL: etypes 17 to 20, and 23
 * when configured. etype comes off the wire.
 */
static inline const struct krb_type *
policy_type(const struct iso *iso, int64_t etype)
{
	if (etype < INT32_MIN || etype > INT32_MAX)
		return NULL;
	if (etype == KRB_ETYPE_RC4 && (iso->policy & ISO_POLICY_RC4) == 0)
		return NULL;
	return krb_type((int32_t)etype);
}

#endif
