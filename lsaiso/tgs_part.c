/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tgs.h"

#include "host.h"
#include "wipe.h"

/* PA-DATA types that carry no secret (RFC 6806; MS-KILE 2.2.8, 2.2.10). */
#define PA_REQ_ENC_PA_REP     149
#define PA_SUPPORTED_ENCTYPES 165
#define PA_PAC_OPTIONS	      167

/* One PA-DATA: padata-type [1], padata-value [2] */
static struct rd
read_padata(struct der *list, int64_t *type)
{
	struct der body = der_take(list, DER_SEQUENCE), value = { 0 };

	*type = der_field_int(&body, 1);
	value = der_field(&body, 2, DER_OCTETS);
	der_end(&body);
	return value.rest;
}

enum iso_status
tgs_part_read(struct rd der, struct tgs_part *part)
{
	bool bad = false;
	struct der all = { der, &bad };
	struct der outer = der_take(&all, der_next(&all, DER_APP(25)) ? DER_APP(25) : DER_APP(26));
	struct der in = der_take(&outer, DER_SEQUENCE);
	struct der key = der_field(&in, 0, DER_SEQUENCE), list = { 0 };
	struct rd value = { 0 };
	int64_t type = 0;

	der_end(&all);
	der_end(&outer);
	part->etype = der_field_int(&key, 0);
	part->key = der_field(&key, 1, DER_OCTETS).rest;
	der_end(&key);
	der_field(&in, 1, DER_SEQUENCE); /* last-req */
	part->nonce = (uint32_t)der_field_int(&in, 2);
	der_maybe_time(&in, 3); /* key-expiration */
	part->flags = der_field_flags(&in, 4);
	der_field_time(&in, 5); /* authtime */
	der_maybe_time(&in, 6); /* starttime */
	part->endtime = der_field_time(&in, 7);
	der_maybe_time(&in, 8); /* renew-till */
	part->srealm = der_field(&in, 9, DER_STRING).rest;
	part->sname = der_field_name(&in, 10);
	der_skip(&in, 11); /* caddr */
	list.bad = &bad;
	if (der_next(&in, DER_CONTEXT(12)))
		list = der_field(&in, 12, DER_SEQUENCE);
	part->padata = list.rest;
	part->req_enc_pa_rep = (struct rd){ 0 };
	while (list.rest.len > 0) {
		value = read_padata(&list, &type);
		if (type == PA_REQ_ENC_PA_REP)
			part->req_enc_pa_rep = value;
	}
	der_end(&in);
	return bad ? ISO_E_DER : ISO_OK;
}

enum iso_status
tgs_part_clean(const struct iso *iso, const struct tgs_part *part, struct wr der)
{
	const struct krb_type *of_key = policy_type(iso, part->etype);
	bool bad = false;
	struct der list = { part->padata, &bad };
	int64_t type = 0;

	if (of_key == NULL || part->key.len != of_key->key_len)
		return ISO_E_ETYPE;
	while (list.rest.len > 0) {
		struct rd value = read_padata(&list, &type);

		if (!bad && type != PA_REQ_ENC_PA_REP && type != PA_SUPPORTED_ENCTYPES &&
		    type != PA_PAC_OPTIONS)
			wipe(der.at + (value.at - der.at), value.len);
	}
	return ISO_OK;
}

enum iso_status
tgs_part_withhold(struct iso *iso, const struct session *s, const struct tgs_part *part,
		  struct wr der, int32_t skew, struct blob *b, struct wr out, uint32_t *len)
{
	uint8_t *place = der.at + (part->key.at - der.at);
	enum iso_status st = blob_deadline(iso, part->endtime, skew, &b->expires_ms);

	b->kind = ISO_KIND_TGT;
	b->etype = (int32_t)part->etype;
	st = st ?: blob_seal(iso, s, b, part->key, out, len);
	st = st ?: iso_host_entropy((struct wr){ place, part->key.len });
	if (st == ISO_OK)
		iso->count.withheld++;
	return st;
}
