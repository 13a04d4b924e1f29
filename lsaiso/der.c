/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "der.h"

#include "krbtime.h"

#define NAME_MAX_PARTS 32u /* components of a name; real ones have three */

bool
der_next(struct rd in, uint8_t tag)
{
	return in.len > 0 && in.at[0] == tag;
}

enum iso_status
der_end(struct rd in)
{
	return in.len == 0 ? ISO_OK : ISO_E_DER;
}

enum iso_status
der_take(struct rd *in, uint8_t tag, struct rd *value)
{
	size_t len = 0, head = 2, more = 0;

	if (in->len < 2 || in->at[0] != tag)
		return ISO_E_DER;
	len = in->at[1];
	if (len >= 0x80) {
		more = len & 0x7f;
		if (more < 1 || more > 3 || in->len < head + more)
			return ISO_E_DER;
		len = 0;
		for (size_t i = 0; i < more; i++)
			len = len << 8 | in->at[head + i];
		/* X.690 10.1: the shortest form only */
		if (len < 0x80 || len >> (8 * (more - 1)) == 0)
			return ISO_E_DER;
		head += more;
	}
	if (len > in->len - head)
		return ISO_E_DER;
	value->at = in->at + head;
	value->len = len;
	in->at += head + len;
	in->len -= head + len;
	return ISO_OK;
}

enum iso_status
der_field(struct rd *in, unsigned int n, uint8_t tag, struct rd *value)
{
	struct rd outer = { 0 };
	enum iso_status st = der_take(in, DER_CONTEXT(n), &outer);

	if (st == ISO_OK)
		st = der_take(&outer, tag, value);
	return st == ISO_OK ? der_end(outer) : st;
}

/* Contents of an INTEGER, X.690 8.3: two's complement, minimal. */
static enum iso_status
int_value(struct rd in, int64_t *value)
{
	uint64_t v = 0;

	if (in.len < 1 || in.len > 5)
		return ISO_E_DER;
	if (in.len > 1 &&
	    ((in.at[0] == 0 && in.at[1] < 0x80) || (in.at[0] == 0xff && in.at[1] >= 0x80)))
		return ISO_E_DER;
	v = in.at[0] >= 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < in.len; i++)
		v = v << 8 | in.at[i];
	*value = (int64_t)v;
	return *value >= INT32_MIN && *value <= UINT32_MAX ? ISO_OK : ISO_E_DER;
}

enum iso_status
der_int(struct rd *in, int64_t *value)
{
	struct rd octets = { 0 };
	enum iso_status st = der_take(in, DER_INTEGER, &octets);

	return st == ISO_OK ? int_value(octets, value) : st;
}

enum iso_status
der_field_int(struct rd *in, unsigned int n, int64_t *value)
{
	struct rd octets = { 0 };
	enum iso_status st = der_field(in, n, DER_INTEGER, &octets);

	return st == ISO_OK ? int_value(octets, value) : st;
}

enum iso_status
der_field_time(struct rd *in, unsigned int n, int64_t *value)
{
	struct rd text = { 0 };
	enum iso_status st = der_field(in, n, DER_TIME, &text);

	if (st == ISO_OK && !krbtime_read(text, value))
		st = ISO_E_DER;
	return st;
}

enum iso_status
der_field_flags(struct rd *in, unsigned int n, uint32_t *flags)
{
	struct rd bits = { 0 };
	enum iso_status st = der_field(in, n, DER_BIT_STRING, &bits);

	/* RFC 4120 5.2.8: at least 32 bits; every implementation sends 32. */
	if (st != ISO_OK || bits.len != 5 || bits.at[0] != 0)
		return ISO_E_DER;
	*flags = (uint32_t)bits.at[1] << 24 | (uint32_t)bits.at[2] << 16 |
		 (uint32_t)bits.at[3] << 8 | bits.at[4];
	return ISO_OK;
}

enum iso_status
der_skip(struct rd *in, unsigned int n)
{
	struct rd outer = { 0 }, value = { 0 };
	enum iso_status st = ISO_OK;

	if (!der_next(*in, DER_CONTEXT(n)))
		return ISO_OK;
	st = der_take(in, DER_CONTEXT(n), &outer);
	if (st == ISO_OK && outer.len > 0)
		st = der_take(&outer, outer.at[0], &value);
	else
		st = ISO_E_DER;
	return st == ISO_OK ? der_end(outer) : st;
}

enum iso_status
der_field_name(struct rd *in, unsigned int n, struct der_name *name)
{
	struct rd body = { 0 }, rest = { 0 }, one = { 0 };
	enum iso_status st = der_field(in, n, DER_SEQUENCE, &body);

	name->count = 0;
	if (st == ISO_OK)
		st = der_field_int(&body, 0, &name->type);
	if (st == ISO_OK)
		st = der_field(&body, 1, DER_SEQUENCE, &name->strings);
	if (st == ISO_OK)
		st = der_end(body);
	rest = name->strings;
	while (st == ISO_OK && rest.len > 0) {
		st = der_take(&rest, DER_STRING, &one);
		if (st == ISO_OK && ++name->count > NAME_MAX_PARTS)
			st = ISO_E_DER;
	}
	return st;
}

/* ---- writing */

struct derw
derw_start(struct wr out)
{
	return (struct derw){ out.at + out.left, out.left };
}

void
derw_octets(struct derw *w, struct rd octets)
{
	if (w->at == NULL || octets.len > w->left) {
		w->at = NULL;
		w->left = 0;
		return;
	}
	w->at -= octets.len;
	w->left -= octets.len;
	for (size_t i = 0; i < octets.len; i++)
		w->at[i] = octets.at[i];
}

static void
octet(struct derw *w, uint8_t value)
{
	derw_octets(w, (struct rd){ &value, 1 });
}

void
derw_head(struct derw *w, uint8_t tag, const uint8_t *end)
{
	size_t len = w->at != NULL ? (size_t)(end - w->at) : 0;
	uint8_t more = 0;

	if (len < 0x80) {
		octet(w, (uint8_t)len);
	} else {
		for (; len > 0; len >>= 8, more++)
			octet(w, (uint8_t)len);
		octet(w, 0x80 | more);
	}
	octet(w, tag);
}

void
derw_int(struct derw *w, int64_t value)
{
	const uint8_t *end = w->at;
	bool more = true;

	while (more) {
		octet(w, (uint8_t)value);
		more = value < -128 || value > 127;
		value >>= 8;
	}
	derw_head(w, DER_INTEGER, end);
}

void
derw_time(struct derw *w, int64_t seconds)
{
	const uint8_t *end = w->at;
	uint8_t text[KRBTIME_LEN] = { 0 };

	krbtime_write(seconds, text);
	derw_octets(w, (struct rd){ text, sizeof(text) });
	derw_head(w, DER_TIME, end);
}
