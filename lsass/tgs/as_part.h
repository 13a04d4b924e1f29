/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An AS exchange whose client has a stand-in for its long-term key: what is
 * sealed under the stand-in is read, and what lsaiso opened is sealed under it. Used
 * by lsass/logon, where the client is our own libkrb5, and by lsass/front/kdc. Any thread.
 */
#ifndef LSASS_TGS_AS_PART_H
#define LSASS_TGS_AS_PART_H

#include <krb5.h>

#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_as.h"

/*
 * PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2, key usage 1) under the stand-in.
 * seconds  out, since 1970
 * Returns 0, or -1: it does not open, or is none.
 */
int as_part_stamp(krb5_context ctx, const krb5_keyblock *key, const struct der_sealed *sealed,
		  uint32_t *seconds) __attribute__((warn_unused_result));

/*
 * The same reply with its part under the stand-in (RFC 4120 7.5.1, key usage 3).
 *
 * request  the client's own: the checksum of RFC 6806 section 11 is made anew over it
 * part     EncASRepPart as lsaiso opened it; the checksum in it is written over
 * reply    out, owned
 *
 * Returns 0, KRB5KRB_AP_ERR_MSG_TYPE, KRB5_KDCREP_MODIFIED, ENOMEM, or of krb5_c_*.
 */
int32_t as_part_reply(krb5_context ctx, const krb5_keyblock *key, struct rd request,
		      const struct der_as_rep *rep, struct rd part, struct creds_octets *reply)
    __attribute__((warn_unused_result));

/* Room for n octets, owned; what was written at the end of that comes to its front. */
int32_t as_part_room(struct creds_octets *to, size_t n, struct wr *out)
    __attribute__((warn_unused_result));
void as_part_fit(struct creds_octets *to, const struct wr *written);

#endif
