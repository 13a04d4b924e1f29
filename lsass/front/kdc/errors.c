/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KRB-ERROR of our own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lsass/front/kdc/private.h"
#include "lsass/tgs/der_parts.h"

#define ERROR	    30 /* message type, RFC 4120 7.5.7 */
#define NT_SRV_INST 2
#define GEN_TIME    15

/* [n] EXPLICIT of what was written since mark. */
static void
field(struct back *b, size_t mark, uint8_t tag, uint8_t n)
{
	back_wrap(b, mark, tag);
	back_wrap(b, mark, DER_CONTEXT(n));
}

/* sname [10]: krbtgt/REALM */
static void
put_sname(struct back *b, struct rd realm)
{
	size_t outer = b->at, inner = b->at;

	back_put(b, realm.at, realm.len);
	back_wrap(b, inner, DER_GEN_STRING);
	inner = b->at;
	back_put(b, "krbtgt", 6);
	back_wrap(b, inner, DER_GEN_STRING);
	back_wrap(b, outer, DER_SEQUENCE);
	back_wrap(b, outer, DER_CONTEXT(1));
	back_int(b, 0, NT_SRV_INST);
	back_wrap(b, outer, DER_SEQUENCE);
	back_wrap(b, outer, DER_CONTEXT(10));
}

int
error_make(int32_t code, struct rd realm, const char *text, struct wr *out)
{
	struct back b = { .buf = out->at, .at = out->left, .end = out->left };
	char now[GEN_TIME + 1] = "";
	size_t all = b.at, mark;
	time_t seconds = time(NULL);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(now, sizeof(now), "%Y%m%d%H%M%SZ", &tm) != GEN_TIME)
		return -1;
	mark = b.at;
	back_put(&b, text, strnlen(text, KDC_REFUSAL_MAX));
	field(&b, mark, DER_GEN_STRING, 11);
	put_sname(&b, realm);
	mark = b.at;
	back_put(&b, realm.at, realm.len);
	field(&b, mark, DER_GEN_STRING, 9);
	back_int(&b, 6, code);
	back_int(&b, 5, 0);
	mark = b.at;
	back_put(&b, now, GEN_TIME);
	field(&b, mark, DER_GEN_TIME, 4);
	back_int(&b, 1, ERROR);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, all, DER_SEQUENCE);
	back_wrap(&b, all, DER_KRB_ERROR);
	return back_done(&b, out);
}
