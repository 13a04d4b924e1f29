/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DER of what a change of password is made of. */
#include "lsass/tgs/der_passwd.h"

#include "lsass/tgs/der_parts.h"

#define APP_AP_REP   0x6f /* [APPLICATION 15] */
#define APP_KRB_PRIV 0x75 /* [APPLICATION 21] */

#define AP_REP	 15 /* message types, RFC 4120 7.5.7 */
#define KRB_PRIV 21

/* [APPLICATION] SEQUENCE { pvno [0], msg-type [1], [n] EncryptedData } */
static int
read_sealed(struct rd message, uint8_t tag, int32_t type, uint8_t n, struct der_sealed *sealed)
{
	struct der el, seq;

	if (der_only(message, tag, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 || der_field_is(&seq.body, 1, type) != 0 ||
	    der_field_sealed(&seq.body, n, sealed) != 0)
		return -1;
	return seq.body.len == 0 ? 0 : -1;
}

int
der_read_ap_rep(struct rd message, struct der_sealed *sealed)
{
	return read_sealed(message, APP_AP_REP, AP_REP, 2, sealed);
}

int
der_read_priv(struct rd message, struct der_sealed *sealed)
{
	return read_sealed(message, APP_KRB_PRIV, KRB_PRIV, 3, sealed);
}

int
der_make_priv(const struct der_sealed *sealed, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at;

	back_sealed(&b, 3, sealed);
	back_int(&b, 1, KRB_PRIV);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, APP_KRB_PRIV);
	return back_done(&b, out);
}
