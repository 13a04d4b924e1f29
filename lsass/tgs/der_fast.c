/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DER of FAST in an AS exchange. */
#include "lsass/tgs/der_fast.h"

#include <string.h>

#include "lsass/tgs/der_parts.h"

#define PA_SUPPORTED_ENCTYPES 165
#define FAST_SUPPORTED	      1 /* of its third octet: 0x10000, little-endian */

#define ARMOR_AP_REQUEST 1 /* RFC 6113 5.4.1.1 */

#define AS_REQ 10 /* message types, RFC 4120 7.5.7 */
#define AS_REP 11

/* ---- reading */

int
der_read_fast_reply(struct rd value, struct der_sealed *sealed)
{
	struct der el, seq;

	if (der_only(value, DER_CONTEXT(0), &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_sealed(&seq.body, 0, sealed) != 0)
		return -1;
	return seq.body.len == 0 ? 0 : -1;
}

/* [n] of a struct of a number and octets: EncryptionKey, Checksum. */
static int
field_pair(struct rd *in, uint8_t n, int32_t *number, struct rd *octets)
{
	struct der el, value;

	if (der_field(in, n, DER_SEQUENCE, &el) != 0 || der_field_int(&el.body, 0, number) != 0 ||
	    der_field(&el.body, 1, DER_OCTETS, &value) != 0 || el.body.len != 0)
		return -1;
	*octets = value.body;
	return 0;
}

int
der_read_fast_armor(struct rd value, struct rd *ticket)
{
	struct der el, seq;
	struct rd octets;
	int32_t type;

	if (der_only(value, DER_CONTEXT(0), &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    field_pair(&seq.body, 0, &type, &octets) != 0 || type != ARMOR_AP_REQUEST ||
	    der_only(octets, DER_AP_REQ, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return -1;
	for (uint8_t n = 0; n < 3; n++) {
		if (der_skip(&seq.body, n) != 0)
			return -1;
	}
	if (der_field(&seq.body, 3, DER_TICKET, &el) != 0)
		return -1;
	*ticket = el.all;
	return 0;
}

/* KrbFastFinished */
static int
read_finished(struct rd in, struct der_fast_response *response)
{
	struct der el;
	uint32_t time;
	int32_t usec;

	if (der_field_time(&in, 0, &time) != 0 || der_field_int(&in, 1, &usec) != 0 ||
	    der_field(&in, 2, DER_GEN_STRING, &el) != 0)
		return -1;
	response->crealm = el.all;
	if (der_field(&in, 3, DER_SEQUENCE, &el) != 0 ||
	    field_pair(&in, 4, &response->ticket.type, &response->ticket.octets) != 0)
		return -1;
	response->cname = el.all;
	response->finished = true;
	return in.len == 0 ? 0 : -1;
}

int
der_read_fast_response(struct rd octets, struct der_fast_response *response)
{
	struct der seq, el;
	int32_t nonce;

	memset(response, 0, sizeof(*response));
	if (der_only(octets, DER_SEQUENCE, &seq) != 0 ||
	    der_field(&seq.body, 0, DER_SEQUENCE, &el) != 0)
		return -1;
	response->padata = el.body;
	if (der_next_is(&seq.body, 1) &&
	    (field_pair(&seq.body, 1, &response->etype, &response->key) != 0 ||
	     response->etype == 0))
		return -1;
	if (der_next_is(&seq.body, 2) && (der_field(&seq.body, 2, DER_SEQUENCE, &el) != 0 ||
					  read_finished(el.body, response) != 0))
		return -1;
	if (der_field_int(&seq.body, 3, &nonce) != 0)
		return -1;
	response->nonce = (uint32_t)nonce;
	return seq.body.len == 0 ? 0 : -1;
}

bool
der_fast_known(struct rd part)
{
	struct der el, seq, list;
	struct rd value;

	if (der_next(&part, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return false;
	for (uint8_t n = 0; n < 12; n++) {
		if (der_skip(&seq.body, n) != 0)
			return false;
	}
	if (seq.body.len == 0 || der_field(&seq.body, 12, DER_SEQUENCE, &list) != 0)
		return false;
	if (der_find_padata(list.body, DER_PA_FX_FAST, &value))
		return true;
	return der_find_padata(list.body, PA_SUPPORTED_ENCTYPES, &value) && value.len == 4 &&
	       (value.at[2] & FAST_SUPPORTED) != 0;
}

/* ---- writing */

/* [n] of what is DER already. */
static void
put_whole(struct back *b, uint8_t n, struct rd element)
{
	size_t mark = b->at;

	back_put(b, element.at, element.len);
	back_wrap(b, mark, DER_CONTEXT(n));
}

/* [n] OCTET STRING */
static void
put_octets(struct back *b, uint8_t n, struct rd octets)
{
	size_t mark = b->at;

	back_put(b, octets.at, octets.len);
	back_wrap(b, mark, DER_OCTETS);
	back_wrap(b, mark, DER_CONTEXT(n));
}

int
der_make_fast_req(const struct der_as_req *req, struct wr *out)
{
	static const uint8_t no_options[] = { DER_BIT_STRING, 5, 0, 0, 0, 0, 0 };
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at, mark;

	put_whole(&b, 2, req->body);
	mark = b.at;
	back_put(&b, req->padata.at, req->padata.len);
	back_wrap(&b, mark, DER_SEQUENCE);
	back_wrap(&b, mark, DER_CONTEXT(1));
	put_whole(&b, 0, (struct rd){ no_options, sizeof(no_options) });
	back_wrap(&b, end, DER_SEQUENCE);
	return back_done(&b, out);
}

/* PA-DATA of a PA-FX-FAST-REQUEST */
static void
put_pa_fast(struct back *b, struct rd ap_req, const struct der_checksum *sum,
	    const struct der_sealed *sealed)
{
	size_t end = b->at, mark;

	back_sealed(b, 2, sealed);
	mark = b->at;
	put_octets(b, 1, sum->octets);
	back_int(b, 0, sum->type);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(1));
	mark = b->at;
	put_octets(b, 1, ap_req);
	back_int(b, 0, ARMOR_AP_REQUEST);
	back_wrap(b, mark, DER_SEQUENCE);
	back_wrap(b, mark, DER_CONTEXT(0));
	back_wrap(b, end, DER_SEQUENCE);
	back_wrap(b, end, DER_CONTEXT(0)); /* armored-data */
	back_wrap(b, end, DER_OCTETS);
	back_wrap(b, end, DER_CONTEXT(2));
	back_int(b, 1, DER_PA_FX_FAST);
	back_wrap(b, end, DER_SEQUENCE);
}

int
der_make_fast_as_req(struct rd body, struct rd ap_req, const struct der_checksum *sum,
		     const struct der_sealed *sealed, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	size_t end = b.at, mark;

	put_whole(&b, 4, body);
	mark = b.at;
	put_pa_fast(&b, ap_req, sum, sealed);
	back_wrap(&b, mark, DER_SEQUENCE);
	back_wrap(&b, mark, DER_CONTEXT(3));
	back_int(&b, 2, AS_REQ);
	back_int(&b, 1, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_AS_REQ);
	return back_done(&b, out);
}

/* The list without what is FAST's own. -1: malformed, too many. */
static int
list_plain(struct rd list, struct rd all[DER_PADATA_MAX])
{
	struct rd value;
	int32_t type;
	int n = 0;

	while (list.len != 0) {
		if (n == DER_PADATA_MAX || der_take_padata(&list, &type, &value, &all[n]) != 0)
			return -1;
		if (type != DER_PA_FX_FAST && type != DER_PA_FX_ERROR)
			n++;
	}
	return n;
}

int
der_make_fast_as_rep(const struct der_as_rep *rep, const struct der_fast_response *response,
		     struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct rd pa[DER_PADATA_MAX];
	int n = list_plain(response->padata, pa);
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	back_sealed(&b, 6, &rep->enc_part);
	put_whole(&b, 5, rep->ticket);
	put_whole(&b, 4, response->cname);
	put_whole(&b, 3, response->crealm);
	if (n > 0) {
		mark = b.at;
		while (n-- > 0)
			back_put(&b, pa[n].at, pa[n].len);
		back_wrap(&b, mark, DER_SEQUENCE);
		back_wrap(&b, mark, DER_CONTEXT(2));
	}
	back_int(&b, 1, AS_REP);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_AS_REP);
	return back_done(&b, out);
}

int
der_make_fast_error(const struct der_error *inner, const struct der_fast_response *response,
		    struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct rd pa[DER_PADATA_MAX];
	int n = list_plain(response->padata, pa);
	size_t end = b.at;

	if (n < 0)
		return -1;
	if (n > 0) {
		while (n-- > 0)
			back_put(&b, pa[n].at, pa[n].len);
		back_wrap(&b, end, DER_SEQUENCE);
		back_wrap(&b, end, DER_OCTETS);
		back_wrap(&b, end, DER_CONTEXT(12));
	}
	back_put(&b, inner->front.at, inner->front.len);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_KRB_ERROR);
	return back_done(&b, out);
}

int
der_make_ap_req(uint8_t options, struct rd ticket, const struct der_sealed *authenticator,
		struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };

	back_ap_req(&b, options, ticket, authenticator);
	return back_done(&b, out);
}
