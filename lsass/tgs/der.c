/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DER of KDC messages: a cursor that only moves forward, a writer that only
 * moves backward (so that lengths are known when they are written). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* timegm */
#endif
#include "lsass/tgs/der.h"

#include <string.h>
#include <time.h>

/* X.690 8.1.2 */
#define INTEGER	    0x02
#define BIT_STRING  0x03
#define OCTETS	    0x04
#define GEN_TIME    0x18
#define GEN_STRING  0x1b
#define SEQUENCE    0x30
#define CONTEXT(n)  ((uint8_t)(0xa0 | (n)))
#define APP_TICKET  0x61 /* [APPLICATION 1] */
#define APP_AP_REQ  0x6e /* [APPLICATION 14] */
#define APP_AS_PART 0x79 /* [APPLICATION 25]: some KDCs, RFC 4120 5.4.2 */
#define APP_PART    0x7a /* [APPLICATION 26] */

#define PVNO	5  /* RFC 4120 5.4.1: version of every message */
#define TGS_REQ 12 /* message types, RFC 4120 7.5.7 */
#define TGS_REP 13
#define AP_REQ	14

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
static int
take(struct rd *in, uint8_t tag, struct der *el)
{
	return der_next(in, el) == 0 && el->tag == tag ? 0 : -1;
}

/* The one element, of this tag, that fills in. */
static int
only(struct rd in, uint8_t tag, struct der *el)
{
	return take(&in, tag, el) == 0 && in.len == 0 ? 0 : -1;
}

/* [n] EXPLICIT, holding one element of this tag. */
static int
field(struct rd *in, uint8_t n, uint8_t tag, struct der *el)
{
	struct der outer;

	return take(in, CONTEXT(n), &outer) == 0 ? only(outer.body, tag, el) : -1;
}

/* Is field [n] next? */
static bool
next_is(const struct rd *in, uint8_t n)
{
	return in->len != 0 && in->at[0] == CONTEXT(n);
}

/* Skip field [n] if it is next. */
static int
skip(struct rd *in, uint8_t n)
{
	struct der el;

	return next_is(in, n) ? der_next(in, &el) : 0;
}

/* INTEGER within Int32, shortest form. */
static int
field_int(struct rd *in, uint8_t n, int32_t *value)
{
	struct der el;
	int64_t v;

	if (field(in, n, INTEGER, &el) != 0 || el.body.len == 0 || el.body.len > 4)
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

static int
field_is(struct rd *in, uint8_t n, int32_t wanted)
{
	int32_t value;

	return field_int(in, n, &value) == 0 && value == wanted ? 0 : -1;
}

/* KerberosTime: YYYYMMDDHHMMSSZ, within the 32 bits that ccaches have. */
static int
field_time(struct rd *in, uint8_t n, uint32_t *value)
{
	static const uint8_t width[] = { 4, 2, 2, 2, 2, 2 };
	int part[6] = { 0 };
	struct der el;
	struct tm tm = { 0 };
	size_t at = 0;
	time_t t;

	if (field(in, n, GEN_TIME, &el) != 0 || el.body.len != 15 || el.body.at[14] != 'Z')
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

static int
field_sealed(struct rd *in, uint8_t n, struct der_sealed *sealed)
{
	struct der el, cipher;

	if (field(in, n, SEQUENCE, &el) != 0 || field_int(&el.body, 0, &sealed->etype) != 0 ||
	    skip(&el.body, 1) != 0 || field(&el.body, 2, OCTETS, &cipher) != 0 || el.body.len != 0)
		return -1;
	sealed->cipher = cipher.body;
	return 0;
}

/* PA-DATA ::= SEQUENCE { padata-type [1] Int32, padata-value [2] OCTET STRING } */
static int
take_padata(struct rd *list, int32_t *type, struct rd *value, struct rd *all)
{
	struct der el, octets;

	if (take(list, SEQUENCE, &el) != 0 || field_int(&el.body, 1, type) != 0 ||
	    field(&el.body, 2, OCTETS, &octets) != 0 || el.body.len != 0)
		return -1;
	*value = octets.body;
	*all = el.all;
	return 0;
}

int
der_read_ticket(struct rd ticket, struct der_sealed *sealed)
{
	struct der el, seq, name;

	if (only(ticket, APP_TICKET, &el) != 0 || only(el.body, SEQUENCE, &seq) != 0 ||
	    field_is(&seq.body, 0, PVNO) != 0 || field(&seq.body, 1, GEN_STRING, &name) != 0 ||
	    field(&seq.body, 2, SEQUENCE, &name) != 0 || field_sealed(&seq.body, 3, sealed) != 0)
		return -1;
	return seq.body.len == 0 ? 0 : -1;
}

/* AP-REQ, RFC 4120 5.5.1: only its ticket is wanted. */
static int
read_ap_req(struct rd octets, struct der_tgs_req *req)
{
	struct der el, seq, part;
	struct der_sealed authenticator;

	if (only(octets, APP_AP_REQ, &el) != 0 || only(el.body, SEQUENCE, &seq) != 0 ||
	    field_is(&seq.body, 0, PVNO) != 0 || field_is(&seq.body, 1, AP_REQ) != 0 ||
	    field(&seq.body, 2, BIT_STRING, &part) != 0 ||
	    field(&seq.body, 3, APP_TICKET, &part) != 0)
		return -1;
	req->ticket = part.all;
	if (field_sealed(&seq.body, 4, &authenticator) != 0 || seq.body.len != 0)
		return -1;
	return der_read_ticket(req->ticket, &req->sealed);
}

int
der_read_tgs_req(struct rd message, struct der_tgs_req *req)
{
	struct der el, seq, list;
	struct rd rest, value, all;
	int32_t type;
	unsigned int found = 0;

	memset(req, 0, sizeof(*req));
	if (only(message, DER_TGS_REQ, &el) != 0 || only(el.body, SEQUENCE, &seq) != 0 ||
	    field_is(&seq.body, 1, PVNO) != 0 || field_is(&seq.body, 2, TGS_REQ) != 0 ||
	    field(&seq.body, 3, SEQUENCE, &list) != 0 || field(&seq.body, 4, SEQUENCE, &el) != 0 ||
	    seq.body.len != 0)
		return -1;
	req->padata = list.body;
	req->body = el.all;
	for (rest = list.body; rest.len != 0;) {
		if (take_padata(&rest, &type, &value, &all) != 0)
			return -1;
		if (type != DER_PA_TGS_REQ)
			continue;
		if (found++ != 0 || read_ap_req(value, req) != 0)
			return -1;
	}
	return found == 1 ? 0 : -1;
}

int
der_read_tgs_rep(struct rd message, struct der_tgs_rep *rep)
{
	struct der el, seq, part;

	memset(rep, 0, sizeof(*rep));
	if (only(message, DER_TGS_REP, &el) != 0 || only(el.body, SEQUENCE, &seq) != 0 ||
	    field_is(&seq.body, 0, PVNO) != 0 || field_is(&seq.body, 1, TGS_REP) != 0)
		return -1;
	if (next_is(&seq.body, 2)) {
		if (field(&seq.body, 2, SEQUENCE, &part) != 0)
			return -1;
		rep->padata = part.body;
	}
	rep->names.at = seq.body.at;
	if (field(&seq.body, 3, GEN_STRING, &part) != 0 ||
	    field(&seq.body, 4, SEQUENCE, &part) != 0 ||
	    field(&seq.body, 5, APP_TICKET, &part) != 0)
		return -1;
	rep->ticket = part.all;
	rep->names.len = (size_t)(seq.body.at - rep->names.at);
	return field_sealed(&seq.body, 6, &rep->enc_part) == 0 && seq.body.len == 0 ? 0 : -1;
}

/* PrincipalName, RFC 4120 5.2.2 */
static int
field_name(struct rd *in, uint8_t n, struct wire_princ *name)
{
	struct der el, list, comp;

	if (field(in, n, SEQUENCE, &el) != 0 || field_int(&el.body, 0, &name->type) != 0 ||
	    field(&el.body, 1, SEQUENCE, &list) != 0 || el.body.len != 0)
		return -1;
	for (name->ncomp = 0; list.body.len != 0; name->ncomp++) {
		if (name->ncomp == WIRE_COMPONENTS_MAX || take(&list.body, GEN_STRING, &comp) != 0)
			return -1;
		name->comp[name->ncomp] = comp.body;
	}
	return 0;
}

static int
field_flags(struct rd *in, uint8_t n, uint32_t *flags)
{
	struct der el;

	if (field(in, n, BIT_STRING, &el) != 0 || el.body.len < 5)
		return -1;
	*flags = (uint32_t)el.body.at[1] << 24 | (uint32_t)el.body.at[2] << 16 |
		 (uint32_t)el.body.at[3] << 8 | el.body.at[4];
	return 0;
}

/* A time that may be absent. */
static int
field_time_if(struct rd *in, uint8_t n, uint32_t *value)
{
	*value = 0;
	return next_is(in, n) ? field_time(in, n, value) : 0;
}

/* EncKDCRepPart, RFC 4120 5.4.2; enc-pa-rep [12] of RFC 6806 may follow. */
int
der_read_part(struct rd octets, struct der_part *part)
{
	struct der el, seq, key, value, realm;

	memset(part, 0, sizeof(*part));
	if (der_next(&octets, &el) != 0 || octets.len != 0 ||
	    (el.tag != APP_PART && el.tag != APP_AS_PART) || only(el.body, SEQUENCE, &seq) != 0)
		return -1;
	if (field(&seq.body, 0, SEQUENCE, &key) != 0 ||
	    field_int(&key.body, 0, &part->etype) != 0 ||
	    field(&key.body, 1, OCTETS, &value) != 0 || key.body.len != 0)
		return -1;
	part->key = value.body;
	if (field(&seq.body, 1, SEQUENCE, &el) != 0 || field(&seq.body, 2, INTEGER, &el) != 0 ||
	    skip(&seq.body, 3) != 0 || field_flags(&seq.body, 4, &part->flags) != 0)
		return -1;
	if (field_time(&seq.body, 5, &part->authtime) != 0 ||
	    field_time_if(&seq.body, 6, &part->starttime) != 0 ||
	    field_time(&seq.body, 7, &part->endtime) != 0 ||
	    field_time_if(&seq.body, 8, &part->renew_till) != 0)
		return -1;
	if (field(&seq.body, 9, GEN_STRING, &realm) != 0 ||
	    field_name(&seq.body, 10, &part->server) != 0)
		return -1;
	part->server.realm = realm.body;
	return skip(&seq.body, 11) == 0 && skip(&seq.body, 12) == 0 && seq.body.len == 0 ? 0 : -1;
}

/* ---- writing, from the end of a buffer to its front */

struct back {
	uint8_t *buf;
	size_t at;  /* what is written begins here */
	size_t end; /* and ends here */
	bool full;
};

static void
put(struct back *b, const void *octets, size_t n)
{
	if (b->full || n > b->at) {
		b->full = true;
		return;
	}
	b->at -= n;
	if (n != 0)
		memcpy(b->buf + b->at, octets, n);
}

static void
put_octet(struct back *b, size_t octet)
{
	uint8_t o = (uint8_t)octet;

	put(b, &o, 1);
}

/* Close an element whose contents are what was written since mark. */
static void
wrap(struct back *b, size_t mark, uint8_t tag)
{
	size_t len = mark - b->at, n = 0;

	if (len < 0x80) {
		put_octet(b, len);
	} else {
		for (size_t l = len; l != 0; l >>= 8, n++)
			put_octet(b, l);
		put_octet(b, 0x80 | n);
	}
	put_octet(b, tag);
}

/* [n] EXPLICIT INTEGER */
static void
put_int(struct back *b, uint8_t n, int32_t value)
{
	size_t mark = b->at;
	int64_t v = value;

	do {
		put_octet(b, (size_t)(v & 0xff));
		v >>= 8;
	} while (!(v == 0 && (b->full || b->buf[b->at] < 0x80)) &&
		 !(v == -1 && (b->full || b->buf[b->at] >= 0x80)));
	wrap(b, mark, INTEGER);
	wrap(b, mark, CONTEXT(n));
}

static void
put_sealed(struct back *b, uint8_t n, const struct der_sealed *sealed)
{
	size_t mark = b->at;

	put(b, sealed->cipher.at, sealed->cipher.len);
	wrap(b, mark, OCTETS);
	wrap(b, mark, CONTEXT(2));
	put_int(b, 0, sealed->etype);
	wrap(b, mark, SEQUENCE);
	wrap(b, mark, CONTEXT(n));
}

static void
put_pa_tgs_req(struct back *b, const struct der_tgs_req *req, const struct der_sealed *auth)
{
	static const uint8_t no_options[] = { BIT_STRING, 5, 0, 0, 0, 0, 0 };
	size_t start = b->at, mark;

	put_sealed(b, 4, auth);
	mark = b->at;
	put(b, req->ticket.at, req->ticket.len);
	wrap(b, mark, CONTEXT(3));
	mark = b->at;
	put(b, no_options, sizeof(no_options));
	wrap(b, mark, CONTEXT(2));
	put_int(b, 1, AP_REQ);
	put_int(b, 0, PVNO);
	wrap(b, start, SEQUENCE);
	wrap(b, start, APP_AP_REQ);
	wrap(b, start, OCTETS);
	wrap(b, start, CONTEXT(2));
	put_int(b, 1, DER_PA_TGS_REQ);
	wrap(b, start, SEQUENCE);
}

/* Made with a key that only libkrb5 knows: the KDC must not see them. */
static bool
is_dropped(int32_t type)
{
	return type == DER_PA_FX_FAST || type == DER_PA_S4U_X509_USER || type == DER_PA_FOR_USER;
}

struct pa {
	int32_t type;
	struct rd all;
};

/* The list as an array, without what is dropped. Returns how many, -1: too many. */
static int
list_padata(struct rd list, struct pa pa[DER_PADATA_MAX])
{
	struct rd value;
	int n = 0;

	while (list.len != 0) {
		if (n == DER_PADATA_MAX || take_padata(&list, &pa[n].type, &value, &pa[n].all) != 0)
			return -1;
		if (!is_dropped(pa[n].type))
			n++;
	}
	return n;
}

static int
done(struct back *b, struct wr *out)
{
	if (b->full)
		return -1;
	out->at = b->buf + b->at;
	out->left = b->end - b->at;
	return 0;
}

int
der_make_tgs_req(const struct der_tgs_req *req, const struct der_sealed *auth, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct pa pa[DER_PADATA_MAX];
	int n = list_padata(req->padata, pa);
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	put(&b, req->body.at, req->body.len);
	wrap(&b, end, CONTEXT(4));
	mark = b.at;
	while (n-- > 0) {
		if (pa[n].type == DER_PA_TGS_REQ)
			put_pa_tgs_req(&b, req, auth);
		else
			put(&b, pa[n].all.at, pa[n].all.len);
	}
	wrap(&b, mark, SEQUENCE);
	wrap(&b, mark, CONTEXT(3));
	put_int(&b, 2, TGS_REQ);
	put_int(&b, 1, PVNO);
	wrap(&b, end, SEQUENCE);
	wrap(&b, end, DER_TGS_REQ);
	return done(&b, out);
}

int
der_make_tgs_rep(const struct der_tgs_rep *rep, const struct der_sealed *enc_part, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct pa pa[DER_PADATA_MAX];
	int n = list_padata(rep->padata, pa);
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	put_sealed(&b, 6, enc_part);
	put(&b, rep->names.at, rep->names.len);
	if (n > 0) {
		mark = b.at;
		while (n-- > 0)
			put(&b, pa[n].all.at, pa[n].all.len);
		wrap(&b, mark, SEQUENCE);
		wrap(&b, mark, CONTEXT(2));
	}
	put_int(&b, 1, TGS_REP);
	put_int(&b, 0, PVNO);
	wrap(&b, end, SEQUENCE);
	wrap(&b, end, DER_TGS_REP);
	return done(&b, out);
}
