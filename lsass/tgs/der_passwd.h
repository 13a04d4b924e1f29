/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DER of what a change of password is made of (RFC 3244, RFC 4120 5.5, 5.7).
 * Used by lsass/logon. Strict, views into the input, as der.h says; writing
 * as der_as.h says.
 */
#ifndef LSASS_TGS_DER_PASSWD_H
#define LSASS_TGS_DER_PASSWD_H

#include "lsass/tgs/der_as.h"
#include "lsass/tgs/der_fast.h" /* der_make_ap_req */

/* AP-REP: EncAPRepPart */
int der_read_ap_rep(struct rd message, struct der_sealed *sealed)
    __attribute__((warn_unused_result));

/* KRB-PRIV: EncKrbPrivPart */
int der_read_priv(struct rd message, struct der_sealed *sealed) __attribute__((warn_unused_result));
int der_make_priv(const struct der_sealed *sealed, struct wr *out)
    __attribute__((warn_unused_result));

#endif
