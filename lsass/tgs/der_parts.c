/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of DER: a cursor that only moves forward, a writer that only moves
 * backward (so that lengths are known when they are written). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* timegm */
#endif
#include "lsass/tgs/der_parts.h"

#include <string.h>
#include <time.h>

/* ---- reading */

int
der_next(struct rd *in, struct der *el)
{
	size_t len, head = 2, n;

	if (in->len < 2 || (in->at[0] & 0x1f) == 0x1f)
		return -1;
	len = in->at[1];
	if (len >= 0x80) {
		n = len & 0x7f;
		if (n == 0 || n > 4 || in->len < 2 + n || in->at[2] == 0)
			return -1;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | in->at[2 + i];
		if (len < 0x80)
			return -1;
		head += n;
	}
	if (len > in->len - head)
		return -1;
	el->tag = in->at[0];
	el->all.at = in->at;
	el->all.len = head + len;
	el->body.at = in->at + head;
	el->body.len = len;
	in->at += head + len;
	in->len -= head + len;
	return 0;
}

/* Take an element that must have this tag. */
int
der_take(struct rd *in, uint8_t tag, struct der *el)
{
	return der_next(in, el) == 0 && el->tag == tag ? 0 : -1;
}

/* The one element, of this tag, that fills in. */
int
der_only(struct rd in, uint8_t tag, struct der *el)
{
	return der_take(&in, tag, el) == 0 && in.len == 0 ? 0 : -1;
}

/* [n] EXPLICIT, holding one element of this tag. */
int
der_field(struct rd *in, uint8_t n, uint8_t tag, struct der *el)
{
	struct der outer;

	return der_take(in, DER_CONTEXT(n), &outer) == 0 ? der_only(outer.body, tag, el) : -1;
}

/* Is field [n] next? */
bool
der_next_is(const struct rd *in, uint8_t n)
{
	return in->len != 0 && in->at[0] == DER_CONTEXT(n);
}

/* Skip field [n] if it is next. */
int
der_skip(struct rd *in, uint8_t n)
{
	struct der el;

	return der_next_is(in, n) ? der_next(in, &el) : 0;
}

/* INTEGER within Int32, shortest form. */
int
der_field_int(struct rd *in, uint8_t n, int32_t *value)
{
	struct der el;
	int64_t v;

	if (der_field(in, n, DER_INTEGER, &el) != 0 || el.body.len == 0 || el.body.len > 4)
		return -1;
	if (el.body.len > 1 && ((el.body.at[0] == 0 && el.body.at[1] < 0x80) ||
				(el.body.at[0] == 0xff && el.body.at[1] >= 0x80)))
		return -1;
	v = el.body.at[0] < 0x80 ? 0 : -1;
	for (size_t i = 0; i < el.body.len; i++)
		v = v * 256 + el.body.at[i];
	*value = (int32_t)v;
	return 0;
}

int
der_field_is(struct rd *in, uint8_t n, int32_t wanted)
{
	int32_t value;

	return der_field_int(in, n, &value) == 0 && value == wanted ? 0 : -1;
}

/* KerberosTime: YYYYMMDDHHMMSSZ, within the 32 bits that ccaches have. */
int
der_field_time(struct rd *in, uint8_t n, uint32_t *value)
{
	static const uint8_t width[] = { 4, 2, 2, 2, 2, 2 };
	int part[6] = { 0 };
	struct der el;
	struct tm tm = { 0 };
	size_t at = 0;
	time_t t;

	if (der_field(in, n, DER_GEN_TIME, &el) != 0 || el.body.len != 15 || el.body.at[14] != 'Z')
		return -1;
	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < width[i]; j++, at++) {
			if (el.body.at[at] < '0' || el.body.at[at] > '9')
				return -1;
			part[i] = part[i] * 10 + (el.body.at[at] - '0');
		}
	}
	tm.tm_year = part[0] - 1900;
	tm.tm_mon = part[1] - 1;
	tm.tm_mday = part[2];
	tm.tm_hour = part[3];
	tm.tm_min = part[4];
	tm.tm_sec = part[5];
	t = timegm(&tm);
	*value = t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
	return 0;
}

int
der_field_sealed(struct rd *in, uint8_t n, struct der_sealed *sealed)
{
	struct der el, cipher;

	if (der_field(in, n, DER_SEQUENCE, &el) != 0 ||
	    der_field_int(&el.body, 0, &sealed->etype) != 0 || der_skip(&el.body, 1) != 0 ||
	    der_field(&el.body, 2, DER_OCTETS, &cipher) != 0 || el.body.len != 0)
		return -1;
	sealed->cipher = cipher.body;
	return 0;
}

/* PA-DATA ::= SEQUENCE { padata-type [1] Int32, padata-value [2] OCTET STRING } */
int
der_take_padata(struct rd *list, int32_t *type, struct rd *value, struct rd *all)
{
	struct der el, octets;

	if (der_take(list, DER_SEQUENCE, &el) != 0 || der_field_int(&el.body, 1, type) != 0 ||
	    der_field(&el.body, 2, DER_OCTETS, &octets) != 0 || el.body.len != 0)
		return -1;
	*value = octets.body;
	*all = el.all;
	return 0;
}

/* PrincipalName, RFC 4120 5.2.2 */
int
der_field_name(struct rd *in, uint8_t n, struct wire_princ *name)
{
	struct der el, list, comp;

	if (der_field(in, n, DER_SEQUENCE, &el) != 0 ||
	    der_field_int(&el.body, 0, &name->type) != 0 ||
	    der_field(&el.body, 1, DER_SEQUENCE, &list) != 0 || el.body.len != 0)
		return -1;
	for (name->ncomp = 0; list.body.len != 0; name->ncomp++) {
		if (name->ncomp == WIRE_COMPONENTS_MAX ||
		    der_take(&list.body, DER_GEN_STRING, &comp) != 0)
			return -1;
		name->comp[name->ncomp] = comp.body;
	}
	return 0;
}

/* A time that may be absent. */
int
der_field_time_if(struct rd *in, uint8_t n, uint32_t *value)
{
	*value = 0;
	return der_next_is(in, n) ? der_field_time(in, n, value) : 0;
}

/* ---- writing, from the end of a buffer to its front */

void
back_put(struct back *b, const void *octets, size_t n)
{
	if (b->full || n > b->at) {
		b->full = true;
		return;
	}
	b->at -= n;
	if (n != 0)
		memcpy(b->buf + b->at, octets, n);
}

void
back_octet(struct back *b, size_t octet)
{
	uint8_t o = (uint8_t)octet;

	back_put(b, &o, 1);
}

/* Close an element whose contents are what was written since mark. */
void
back_wrap(struct back *b, size_t mark, uint8_t tag)
{
	size_t len = mark - b->at, n = 0;

	if (len < 0x80) {
		back_octet(b, len);
	} else {
		for (size_t l = len; l != 0; l >>= 8, n++)
			back_octet(b, l);
		back_octet(b, 0x80 | n);
	}
	back_octet(b, tag);
}

/* [n] EXPLICIT INTEGER */
void
back_int(struct back *b, uint8_t n, int32_t value)
{
	size_t mark = b->at;
	int64_t v = value;

	do {
		back_octet(b, (size_t)(v & 0xff));
		v >>= 8;
	} while (!(v == 0 && (b->full || b->buf[b->at] < 0x80)) &&
		 !(v == -1 && (b->full || b->buf[b->at] >= 0x80)));
	back_wrap(b, mark, DER_INTEGER);
	back_wrap(b, mark, DER_CONTEXT(n));
}

void
back_sealed(struct back *b, uint8_t n, const struct der_sealed *sealed)
{
	size_t mark = b->at;

	back_put(b, sealed->cipher.at, sealed->cipher.len);
	back_wrap(b, mark, DER_OCTETS);
	back_wrap(b, mark, DER_CONTEXT(2));
	back_int(b, 0, sealed->etype);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(n));
}

void
back_ap_req(struct back *b, uint8_t options, struct rd ticket,
	    const struct der_sealed *authenticator)
{
	const uint8_t bits[] = { DER_BIT_STRING, 5, 0, options, 0, 0, 0 };
	size_t end = b->at, mark;

	back_sealed(b, 4, authenticator);
	mark = b->at;
	back_put(b, ticket.at, ticket.len);
	back_wrap(b, mark, DER_CONTEXT(3));
	mark = b->at;
	back_put(b, bits, sizeof(bits));
	back_wrap(b, mark, DER_CONTEXT(2));
	back_int(b, 1, DER_AP_REQ_TYPE);
	back_int(b, 0, DER_PVNO);
	back_wrap(b, end, DER_SEQUENCE);
	back_wrap(b, end, DER_AP_REQ);
}

int
back_done(struct back *b, struct wr *out)
{
	if (b->full)
		return -1;
	out->at = b->buf + b->at;
	out->left = b->end - b->at;
	return 0;
}
