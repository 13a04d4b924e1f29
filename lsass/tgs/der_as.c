/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DER of the messages of an AS exchange. */
#include "lsass/tgs/der_as.h"

#include <string.h>

#include "lsass/tgs/der_parts.h"

#define APP_AS_PART 0x79 /* [APPLICATION 25] */
#define APP_PART    0x7a /* [APPLICATION 26]: some KDCs, RFC 4120 5.4.2 */

#define AS_REQ 10 /* message types, RFC 4120 7.5.7 */
#define AS_REP 11
#define ERROR  30

/* ---- reading */

/* KDC-REQ-BODY: only its nonce is wanted; MIT's and ours have 31 bits. */
static int
read_nonce(struct rd body, uint32_t *nonce)
{
	int32_t value;

	for (uint8_t n = 0; n < 7; n++) {
		if (der_skip(&body, n) != 0)
			return -1;
	}
	if (der_field_int(&body, 7, &value) != 0)
		return -1;
	*nonce = (uint32_t)value;
	return 0;
}

int
der_read_as_req(struct rd message, struct der_as_req *req)
{
	struct der el, seq;

	memset(req, 0, sizeof(*req));
	if (der_only(message, DER_AS_REQ, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 1, DER_PVNO) != 0 || der_field_is(&seq.body, 2, AS_REQ) != 0)
		return -1;
	if (der_next_is(&seq.body, 3)) {
		if (der_field(&seq.body, 3, DER_SEQUENCE, &el) != 0)
			return -1;
		req->padata = el.body;
	}
	if (der_field(&seq.body, 4, DER_SEQUENCE, &el) != 0 || seq.body.len != 0)
		return -1;
	req->body = el.all;
	return read_nonce(el.body, &req->nonce);
}

int
der_read_as_rep(struct rd message, struct der_as_rep *rep)
{
	struct der el, seq, part;

	memset(rep, 0, sizeof(*rep));
	if (der_only(message, DER_AS_REP, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 || der_field_is(&seq.body, 1, AS_REP) != 0)
		return -1;
	if (der_next_is(&seq.body, 2)) {
		if (der_field(&seq.body, 2, DER_SEQUENCE, &part) != 0)
			return -1;
		rep->padata = part.body;
	}
	rep->names.at = seq.body.at;
	if (der_field(&seq.body, 3, DER_GEN_STRING, &part) != 0 ||
	    der_field_name(&seq.body, 4, &rep->client) != 0)
		return -1;
	rep->client.realm = part.body;
	if (der_field(&seq.body, 5, DER_TICKET, &part) != 0)
		return -1;
	rep->ticket = part.all;
	rep->names.len = (size_t)(seq.body.at - rep->names.at);
	return der_field_sealed(&seq.body, 6, &rep->enc_part) == 0 && seq.body.len == 0 ? 0 : -1;
}

/* [n] of one element of this tag, which may be absent. */
static int
field_if(struct rd *in, uint8_t n, uint8_t tag, struct rd *value)
{
	struct der el;

	if (!der_next_is(in, n))
		return 0;
	if (der_field(in, n, tag, &el) != 0)
		return -1;
	*value = el.body;
	return 0;
}

int
der_read_error(struct rd message, struct der_error *error)
{
	struct der el, seq;
	struct rd *in = &seq.body;

	memset(error, 0, sizeof(*error));
	if (der_only(message, DER_KRB_ERROR, &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return -1;
	error->front.at = in->at;
	if (der_field_is(in, 0, DER_PVNO) != 0 || der_field_is(in, 1, ERROR) != 0 ||
	    der_skip(in, 2) != 0 || der_skip(in, 3) != 0 ||
	    der_field_time(in, 4, &error->stime) != 0 || der_skip(in, 5) != 0 ||
	    der_field_int(in, 6, &error->code) != 0)
		return -1;
	if (field_if(in, 7, DER_GEN_STRING, &error->crealm) != 0 || der_skip(in, 8) != 0 ||
	    der_skip(in, 9) != 0 || der_skip(in, 10) != 0 ||
	    field_if(in, 11, DER_GEN_STRING, &error->text) != 0)
		return -1;
	error->front.len = (size_t)(in->at - error->front.at);
	return field_if(in, 12, DER_OCTETS, &error->data) == 0 && in->len == 0 ? 0 : -1;
}

int
der_read_sealed(struct rd octets, struct der_sealed *sealed)
{
	struct der el, cipher;

	if (der_only(octets, DER_SEQUENCE, &el) != 0 ||
	    der_field_int(&el.body, 0, &sealed->etype) != 0 || der_skip(&el.body, 1) != 0 ||
	    der_field(&el.body, 2, DER_OCTETS, &cipher) != 0 || el.body.len != 0)
		return -1;
	sealed->cipher = cipher.body;
	return 0;
}

int
der_read_method_data(struct rd octets, struct rd *list)
{
	struct der el;

	if (der_only(octets, DER_SEQUENCE, &el) != 0)
		return -1;
	*list = el.body;
	return 0;
}

int
der_read_timestamp(struct rd octets, uint32_t *time)
{
	struct der el;

	if (der_only(octets, DER_SEQUENCE, &el) != 0 || der_field_time(&el.body, 0, time) != 0 ||
	    der_skip(&el.body, 1) != 0)
		return -1;
	return el.body.len == 0 ? 0 : -1;
}

bool
der_find_padata(struct rd list, int32_t type, struct rd *value)
{
	struct rd all;
	int32_t got;

	while (list.len != 0) {
		if (der_take_padata(&list, &got, value, &all) != 0)
			return false;
		if (got == type)
			return true;
	}
	return false;
}

bool
der_find_info(struct rd info2, int32_t etype, struct der_info *info)
{
	struct der list, el, part;

	if (der_only(info2, DER_SEQUENCE, &list) != 0)
		return false;
	while (list.body.len != 0) {
		memset(info, 0, sizeof(*info));
		if (der_take(&list.body, DER_SEQUENCE, &el) != 0 ||
		    der_field_int(&el.body, 0, &info->etype) != 0)
			return false;
		info->has_salt = der_next_is(&el.body, 1);
		if (info->has_salt) {
			if (der_field(&el.body, 1, DER_GEN_STRING, &part) != 0)
				return false;
			info->salt = part.body;
		}
		if (field_if(&el.body, 2, DER_OCTETS, &info->params) != 0 || el.body.len != 0)
			return false;
		if (info->etype == etype)
			return true;
	}
	return false;
}

int
der_find_checksum(struct rd part, int32_t *type, struct rd *checksum)
{
	struct der el, seq, list;
	struct rd value;

	if (der_next(&part, &el) != 0 || part.len != 0 ||
	    (el.tag != APP_PART && el.tag != APP_AS_PART) ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return -1;
	for (uint8_t n = 0; n < 12; n++) {
		if (der_skip(&seq.body, n) != 0)
			return -1;
	}
	if (seq.body.len == 0)
		return 0;
	if (der_field(&seq.body, 12, DER_SEQUENCE, &list) != 0 || seq.body.len != 0)
		return -1;
	if (!der_find_padata(list.body, DER_PA_REQ_ENC_PA_REP, &value))
		return 0;
	if (der_only(value, DER_SEQUENCE, &seq) != 0 || der_field_int(&seq.body, 0, type) != 0 ||
	    der_field(&seq.body, 1, DER_OCTETS, &el) != 0 || seq.body.len != 0)
		return -1;
	*checksum = el.body;
	return 1;
}

/* ---- writing */

static void
put_pa(struct back *b, const struct der_pa *pa)
{
	size_t mark = b->at;

	back_put(b, pa->value.at, pa->value.len);
	back_wrap(b, mark, DER_OCTETS);
	back_wrap(b, mark, DER_CONTEXT(2));
	back_int(b, 1, pa->type);
	back_wrap(b, mark, DER_SEQUENCE);
}

/* The list as an array; new in place of drop. Returns how many, -1: malformed, too many. */
static int
list_padata(struct rd list, int32_t drop, const struct der_pa *new, struct der_pa *pa)
{
	struct rd all;
	int n = 0;

	for (; list.len != 0; n++) {
		if (n == DER_PADATA_MAX ||
		    der_take_padata(&list, &pa[n].type, &pa[n].value, &all) != 0)
			return -1;
		if (pa[n].type == drop)
			pa[n] = *new;
	}
	return n;
}

static int
put_as_req(const struct der_as_req *req, const struct der_pa *pa, int n, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	back_put(&b, req->body.at, req->body.len);
	back_wrap(&b, end, DER_CONTEXT(4));
	mark = b.at;
	if (n > 0) {
		while (n-- > 0)
			put_pa(&b, &pa[n]);
		back_wrap(&b, mark, DER_SEQUENCE);
		back_wrap(&b, mark, DER_CONTEXT(3));
	}
	back_int(&b, 2, AS_REQ);
	back_int(&b, 1, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_AS_REQ);
	return back_done(&b, out);
}

int
der_make_as_req(const struct der_as_req *req, int32_t drop, const struct der_pa *new,
		struct wr *out)
{
	struct der_pa pa[DER_PADATA_MAX];

	return put_as_req(req, pa, list_padata(req->padata, drop, new, pa), out);
}

int
der_add_as_req(const struct der_as_req *req, const struct der_pa *more, struct wr *out)
{
	struct der_pa pa[DER_PADATA_MAX];
	int n = list_padata(req->padata, more->type, more, pa);

	if (n < 0 || n == DER_PADATA_MAX)
		return -1;
	pa[n++] = *more;
	return put_as_req(req, pa, n, out);
}

int
der_make_as_rep(const struct der_as_rep *rep, const struct der_sealed *enc_part, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at;

	back_sealed(&b, 6, enc_part);
	back_put(&b, rep->names.at, rep->names.len);
	back_int(&b, 1, AS_REP);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_AS_REP);
	return back_done(&b, out);
}

int
der_make_error(const struct der_error *error, const struct der_pa *pa, size_t n, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at;

	if (n != 0) {
		while (n-- > 0)
			put_pa(&b, &pa[n]);
		back_wrap(&b, end, DER_SEQUENCE);
		back_wrap(&b, end, DER_OCTETS);
		back_wrap(&b, end, DER_CONTEXT(12));
	}
	back_put(&b, error->front.at, error->front.len);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_KRB_ERROR);
	return back_done(&b, out);
}

int
der_make_part_without(struct rd part, int32_t type, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct rd kept[DER_PADATA_MAX], value, front;
	struct der el, seq, list;
	size_t end = b.at, n = 0;
	int32_t got;

	if (der_next(&part, &el) != 0 || part.len != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return -1;
	front.at = seq.body.at;
	for (uint8_t i = 0; i < 12; i++) {
		if (der_skip(&seq.body, i) != 0)
			return -1;
	}
	front.len = (size_t)(seq.body.at - front.at);
	list.body = (struct rd){ NULL, 0 };
	if (seq.body.len != 0 &&
	    (der_field(&seq.body, 12, DER_SEQUENCE, &list) != 0 || seq.body.len != 0))
		return -1;
	while (list.body.len != 0) {
		if (n == DER_PADATA_MAX || der_take_padata(&list.body, &got, &value, &kept[n]) != 0)
			return -1;
		n += got != type;
	}
	if (n > 0) {
		while (n-- > 0)
			back_put(&b, kept[n].at, kept[n].len);
		back_wrap(&b, end, DER_SEQUENCE);
		back_wrap(&b, end, DER_CONTEXT(12));
	}
	back_put(&b, front.at, front.len);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, el.tag);
	return back_done(&b, out);
}

int
der_make_sealed(const struct der_sealed *sealed, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at;

	back_put(&b, sealed->cipher.at, sealed->cipher.len);
	back_wrap(&b, end, DER_OCTETS);
	back_wrap(&b, end, DER_CONTEXT(2));
	back_int(&b, 0, sealed->etype);
	back_wrap(&b, end, DER_SEQUENCE);
	return back_done(&b, out);
}

int
der_make_info(const struct der_info *info, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at, mark;

	if (info->params.len != 0) {
		back_put(&b, info->params.at, info->params.len);
		back_wrap(&b, end, DER_OCTETS);
		back_wrap(&b, end, DER_CONTEXT(2));
	}
	if (info->has_salt) {
		mark = b.at;
		back_put(&b, info->salt.at, info->salt.len);
		back_wrap(&b, mark, DER_GEN_STRING);
		back_wrap(&b, mark, DER_CONTEXT(1));
	}
	back_int(&b, 0, info->etype);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_SEQUENCE);
	return back_done(&b, out);
}
