/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DER of the messages of a TGS exchange. */
#include "lsass/tgs/der.h"

#include <string.h>

#include "lsass/tgs/der_parts.h"

#define APP_AS_PART 0x79 /* [APPLICATION 25]: some KDCs, RFC 4120 5.4.2 */
#define APP_PART    0x7a /* [APPLICATION 26] */

#define TGS_REQ 12 /* message types, RFC 4120 7.5.7 */
#define TGS_REP 13

int
der_read_ticket(struct rd ticket, struct der_sealed *sealed)
{
	struct der el, seq, name;

	if (der_only(ticket, DER_TICKET, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 ||
	    der_field(&seq.body, 1, DER_GEN_STRING, &name) != 0 ||
	    der_field(&seq.body, 2, DER_SEQUENCE, &name) != 0 ||
	    der_field_sealed(&seq.body, 3, sealed) != 0)
		return -1;
	return seq.body.len == 0 ? 0 : -1;
}

/* AP-REQ, RFC 4120 5.5.1 */
static int
read_ap_req(struct rd octets, struct der_tgs_req *req)
{
	struct der el, seq, part;

	if (der_only(octets, DER_AP_REQ, &el) != 0 || der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 ||
	    der_field_is(&seq.body, 1, DER_AP_REQ_TYPE) != 0 ||
	    der_field(&seq.body, 2, DER_BIT_STRING, &part) != 0 ||
	    der_field(&seq.body, 3, DER_TICKET, &part) != 0)
		return -1;
	req->ticket = part.all;
	if (der_field_sealed(&seq.body, 4, &req->authenticator) != 0 || seq.body.len != 0)
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
	if (der_only(message, DER_TGS_REQ, &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 1, DER_PVNO) != 0 || der_field_is(&seq.body, 2, TGS_REQ) != 0 ||
	    der_field(&seq.body, 3, DER_SEQUENCE, &list) != 0 ||
	    der_field(&seq.body, 4, DER_SEQUENCE, &el) != 0 || seq.body.len != 0)
		return -1;
	req->padata = list.body;
	req->body = el.all;
	for (rest = list.body; rest.len != 0;) {
		if (der_take_padata(&rest, &type, &value, &all) != 0)
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
	if (der_only(message, DER_TGS_REP, &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 || der_field_is(&seq.body, 1, TGS_REP) != 0)
		return -1;
	if (der_next_is(&seq.body, 2)) {
		if (der_field(&seq.body, 2, DER_SEQUENCE, &part) != 0)
			return -1;
		rep->padata = part.body;
	}
	rep->names.at = seq.body.at;
	if (der_field(&seq.body, 3, DER_GEN_STRING, &part) != 0 ||
	    der_field(&seq.body, 4, DER_SEQUENCE, &part) != 0 ||
	    der_field(&seq.body, 5, DER_TICKET, &part) != 0)
		return -1;
	rep->ticket = part.all;
	rep->names.len = (size_t)(seq.body.at - rep->names.at);
	return der_field_sealed(&seq.body, 6, &rep->enc_part) == 0 && seq.body.len == 0 ? 0 : -1;
}

static int
field_flags(struct rd *in, uint8_t n, uint32_t *flags)
{
	struct der el;

	if (der_field(in, n, DER_BIT_STRING, &el) != 0 || el.body.len < 5)
		return -1;
	*flags = (uint32_t)el.body.at[1] << 24 | (uint32_t)el.body.at[2] << 16 |
		 (uint32_t)el.body.at[3] << 8 | el.body.at[4];
	return 0;
}

/* Times, nonce and etypes are between client and KDC. */
int
der_read_body(struct rd octets, struct der_body *body)
{
	struct der seq, realm;

	memset(body, 0, sizeof(*body));
	if (der_only(octets, DER_SEQUENCE, &seq) != 0 ||
	    field_flags(&seq.body, 0, &body->options) != 0)
		return -1;
	body->has_cname = der_next_is(&seq.body, 1);
	if (body->has_cname && der_field_name(&seq.body, 1, &body->cname) != 0)
		return -1;
	if (der_field(&seq.body, 2, DER_GEN_STRING, &realm) != 0)
		return -1;
	body->realm = body->cname.realm = body->sname.realm = realm.body;
	body->has_sname = der_next_is(&seq.body, 3);
	if (body->has_sname && der_field_name(&seq.body, 3, &body->sname) != 0)
		return -1;
	for (uint8_t n = 4; n < 12; n++) {
		body->has_authdata |= n == 10 && der_next_is(&seq.body, n);
		if (der_skip(&seq.body, n) != 0)
			return -1;
	}
	return seq.body.len == 0 ? 0 : -1;
}

/* EncKDCRepPart, RFC 4120 5.4.2; enc-pa-rep [12] of RFC 6806 may follow. */
int
der_read_part(struct rd octets, struct der_part *part)
{
	struct der el, seq, key, value, realm;

	memset(part, 0, sizeof(*part));
	if (der_next(&octets, &el) != 0 || octets.len != 0 ||
	    (el.tag != APP_PART && el.tag != APP_AS_PART) ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return -1;
	if (der_field(&seq.body, 0, DER_SEQUENCE, &key) != 0 ||
	    der_field_int(&key.body, 0, &part->etype) != 0 ||
	    der_field(&key.body, 1, DER_OCTETS, &value) != 0 || key.body.len != 0)
		return -1;
	part->key = value.body;
	if (der_field(&seq.body, 1, DER_SEQUENCE, &el) != 0 ||
	    der_field(&seq.body, 2, DER_INTEGER, &el) != 0 || der_skip(&seq.body, 3) != 0 ||
	    field_flags(&seq.body, 4, &part->flags) != 0)
		return -1;
	if (der_field_time(&seq.body, 5, &part->authtime) != 0 ||
	    der_field_time_if(&seq.body, 6, &part->starttime) != 0 ||
	    der_field_time(&seq.body, 7, &part->endtime) != 0 ||
	    der_field_time_if(&seq.body, 8, &part->renew_till) != 0)
		return -1;
	if (der_field(&seq.body, 9, DER_GEN_STRING, &realm) != 0 ||
	    der_field_name(&seq.body, 10, &part->server) != 0)
		return -1;
	part->server.realm = realm.body;
	return der_skip(&seq.body, 11) == 0 && der_skip(&seq.body, 12) == 0 && seq.body.len == 0
		   ? 0
		   : -1;
}

static void
put_pa_tgs_req(struct back *b, const struct der_tgs_req *req, const struct der_sealed *auth)
{
	size_t start = b->at;

	back_ap_req(b, 0, req->ticket, auth);
	back_wrap(b, start, DER_OCTETS);
	back_wrap(b, start, DER_CONTEXT(2));
	back_int(b, 1, DER_PA_TGS_REQ);
	back_wrap(b, start, DER_SEQUENCE);
}

/* Made with a key that only libkrb5 knows: the KDC must not see them. */
static bool
is_dropped(int32_t type, bool for_user)
{
	return type == DER_PA_FX_FAST || type == DER_PA_S4U_X509_USER ||
	       (type == DER_PA_FOR_USER && !for_user);
}

struct pa {
	int32_t type;
	struct rd all;
};

/* The list as an array, without what is dropped. Returns how many, -1: too many. */
static int
list_padata(struct rd list, bool for_user, struct pa pa[DER_PADATA_MAX])
{
	struct rd value;
	int n = 0;

	while (list.len != 0) {
		if (n == DER_PADATA_MAX ||
		    der_take_padata(&list, &pa[n].type, &value, &pa[n].all) != 0)
			return -1;
		if (!is_dropped(pa[n].type, for_user))
			n++;
	}
	return n;
}

int
der_make_tgs_req(const struct der_tgs_req *req, const struct der_sealed *auth, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct pa pa[DER_PADATA_MAX];
	int n = list_padata(req->padata, req->for_user, pa);
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	back_put(&b, req->body.at, req->body.len);
	back_wrap(&b, end, DER_CONTEXT(4));
	mark = b.at;
	while (n-- > 0) {
		if (pa[n].type == DER_PA_TGS_REQ)
			put_pa_tgs_req(&b, req, auth);
		else
			back_put(&b, pa[n].all.at, pa[n].all.len);
	}
	back_wrap(&b, mark, DER_SEQUENCE);
	back_wrap(&b, mark, DER_CONTEXT(3));
	back_int(&b, 2, TGS_REQ);
	back_int(&b, 1, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_TGS_REQ);
	return back_done(&b, out);
}

int
der_make_tgs_rep(const struct der_tgs_rep *rep, const struct der_sealed *enc_part, struct wr *out)
{
	struct back b = { out->at, out->left, out->left, false };
	struct pa pa[DER_PADATA_MAX];
	int n = list_padata(rep->padata, false, pa);
	size_t end = b.at, mark;

	if (n < 0)
		return -1;
	back_sealed(&b, 6, enc_part);
	back_put(&b, rep->names.at, rep->names.len);
	if (n > 0) {
		mark = b.at;
		while (n-- > 0)
			back_put(&b, pa[n].all.at, pa[n].all.len);
		back_wrap(&b, mark, DER_SEQUENCE);
		back_wrap(&b, mark, DER_CONTEXT(2));
	}
	back_int(&b, 1, TGS_REP);
	back_int(&b, 0, DER_PVNO);
	back_wrap(&b, end, DER_SEQUENCE);
	back_wrap(&b, end, DER_TGS_REP);
	return back_done(&b, out);
}
