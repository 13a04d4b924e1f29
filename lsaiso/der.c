/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "der.h"

#define NAME_PARTS 32u /* components of a name; real ones have three */

static struct der
fail(struct der *in)
{
	*in->bad = true;
	in->rest = (struct rd){ 0 };
	return *in;
}

bool
der_next(const struct der *in, uint8_t tag)
{
	return !*in->bad && in->rest.len > 0 && in->rest.at[0] == tag;
}

void
der_end(const struct der *in)
{
	if (in->rest.len != 0)
		*in->bad = true;
}

struct der
der_take(struct der *in, uint8_t tag)
{
	struct rd *rest = &in->rest;
	struct der value = { .bad = in->bad };
	size_t len = 0, head = 2, more = 0;

	if (!der_next(in, tag) || rest->len < head)
		return fail(in);
	len = rest->at[1];
	if (len >= 0x80) {
		more = len & 0x7f;
		if (more < 1 || more > 3 || rest->len < head + more)
			return fail(in);
		len = 0;
		for (size_t i = 0; i < more; i++)
			len = len << 8 | rest->at[head + i];
		/* X.690 10.1: the shortest form only */
		if (len < 0x80 || len >> (8 * (more - 1)) == 0)
			return fail(in);
		head += more;
	}
	if (len > rest->len - head)
		return fail(in);
	value.rest = (struct rd){ rest->at + head, len };
	rest->at += head + len;
	rest->len -= head + len;
	return value;
}

struct der
der_field(struct der *in, unsigned int n, uint8_t tag)
{
	struct der outer = der_take(in, DER_CONTEXT(n));
	struct der value = der_take(&outer, tag);

	der_end(&outer);
	return value;
}

void
der_skip(struct der *in, unsigned int n)
{
	if (der_next(in, DER_CONTEXT(n)) && in->rest.len > 2) {
		struct der outer = der_take(in, DER_CONTEXT(n));

		der_take(&outer, outer.rest.len > 0 ? outer.rest.at[0] : 0);
		der_end(&outer);
	}
}

/* Contents of an INTEGER, X.690 8.3: two's complement, minimal. */
static int64_t
int_value(struct der in)
{
	struct rd o = in.rest;
	int64_t value = 0;

	if (o.len < 1 || o.len > 5 ||
	    (o.len > 1 && (o.at[0] == 0 || o.at[0] == 0xff) && (o.at[0] ^ o.at[1]) < 0x80)) {
		fail(&in);
		return 0;
	}
	value = o.at[0] >= 0x80 ? -1 : 0;
	for (size_t i = 0; i < o.len; i++)
		value = value * 256 + o.at[i];
	if (value < INT32_MIN || value > UINT32_MAX)
		fail(&in);
	return value;
}

int64_t
der_int(struct der *in)
{
	return int_value(der_take(in, DER_INTEGER));
}

int64_t
der_field_int(struct der *in, unsigned int n)
{
	return int_value(der_field(in, n, DER_INTEGER));
}

int64_t
der_field_time(struct der *in, unsigned int n)
{
	struct der text = der_field(in, n, DER_TIME);
	int64_t seconds = krbtime_read(text.rest);

	if (seconds < 0)
		fail(&text);
	return seconds;
}

int64_t
der_maybe_time(struct der *in, unsigned int n)
{
	return der_next(in, DER_CONTEXT(n)) ? der_field_time(in, n) : 0;
}

uint32_t
der_field_flags(struct der *in, unsigned int n)
{
	struct der bits = der_field(in, n, DER_BIT_STRING);
	const uint8_t *o = bits.rest.at;

	/* RFC 4120 5.2.8: at least 32 bits; every implementation sends 32. */
	if (bits.rest.len != 5 || o[0] != 0) {
		fail(&bits);
		return 0;
	}
	return (uint32_t)o[1] << 24 | (uint32_t)o[2] << 16 | (uint32_t)o[3] << 8 | o[4];
}

struct der_name
der_field_name(struct der *in, unsigned int n)
{
	struct der body = der_field(in, n, DER_SEQUENCE);
	struct der_name name = { .type = der_field_int(&body, 0) };
	struct der strings = der_field(&body, 1, DER_SEQUENCE);

	der_end(&body);
	name.strings = strings.rest;
	for (; strings.rest.len > 0; name.count++)
		der_take(&strings, DER_STRING);
	if (name.count > NAME_PARTS)
		fail(in);
	return name;
}

/* ---- writing */

void
derw_octets(struct derw *w, struct rd octets)
{
	if (w->at == NULL || octets.len > w->left) {
		*w = (struct derw){ 0 };
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
derw_field_int(struct derw *w, unsigned int n, int64_t value)
{
	const uint8_t *end = w->at;

	derw_int(w, value);
	derw_head(w, DER_CONTEXT(n), end);
}

static void
field_text(struct derw *w, unsigned int n, uint8_t tag, struct rd octets)
{
	const uint8_t *end = w->at;

	derw_octets(w, octets);
	derw_head(w, tag, end);
	derw_head(w, DER_CONTEXT(n), end);
}

void
derw_field_octets(struct derw *w, unsigned int n, struct rd octets)
{
	field_text(w, n, DER_OCTETS, octets);
}

void
derw_field_time(struct derw *w, unsigned int n, int64_t seconds)
{
	uint8_t text[KRBTIME_LEN] = { 0 };

	krbtime_write(seconds, text);
	field_text(w, n, DER_TIME, (struct rd){ text, sizeof(text) });
}

void
derw_field_typed(struct derw *w, unsigned int n, int64_t type, struct rd octets)
{
	const uint8_t *end = w->at;

	derw_field_octets(w, 1, octets);
	derw_field_int(w, 0, type);
	derw_head(w, DER_SEQUENCE, end);
	derw_head(w, DER_CONTEXT(n), end);
}
