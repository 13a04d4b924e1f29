/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tgs.h"
#include "wipe.h"

/* PA-DATA types that carry no secret (RFC 6806; MS-KILE 2.2.8, 2.2.10). */
#define PA_REQ_ENC_PA_REP     149
#define PA_SUPPORTED_ENCTYPES 165
#define PA_PAC_OPTIONS	      167

/* key [0] EncryptionKey */
static enum iso_status
read_key(struct rd *in, struct tgs_part *part)
{
	struct rd body = { 0 };
	enum iso_status st = der_field(in, 0, DER_SEQUENCE, &body);

	if (st == ISO_OK)
		st = der_field_int(&body, 0, &part->etype);
	if (st == ISO_OK)
		st = der_field(&body, 1, DER_OCTETS, &part->key);
	return st == ISO_OK ? der_end(body) : st;
}

/* last-req [1], nonce [2], key-expiration [3], flags [4] */
static enum iso_status
read_middle(struct rd *in, struct tgs_part *part)
{
	struct rd last_req = { 0 };
	int64_t nonce = 0, unused = 0;
	uint32_t flags = 0;
	enum iso_status st = der_field(in, 1, DER_SEQUENCE, &last_req);

	if (st == ISO_OK)
		st = der_field_int(in, 2, &nonce);
	if (st == ISO_OK && der_next(*in, DER_CONTEXT(3)))
		st = der_field_time(in, 3, &unused);
	if (st == ISO_OK)
		st = der_field_flags(in, 4, &flags);
	part->nonce = (uint32_t)nonce;
	return st;
}

/* authtime [5], starttime [6], endtime [7], renew-till [8] */
static enum iso_status
read_times(struct rd *in, struct tgs_part *part)
{
	int64_t unused = 0;
	enum iso_status st = der_field_time(in, 5, &unused);

	if (st == ISO_OK && der_next(*in, DER_CONTEXT(6)))
		st = der_field_time(in, 6, &unused);
	if (st == ISO_OK)
		st = der_field_time(in, 7, &part->endtime);
	if (st == ISO_OK && der_next(*in, DER_CONTEXT(8)))
		st = der_field_time(in, 8, &unused);
	return st;
}

/* One PA-DATA: padata-type [1], padata-value [2] */
static enum iso_status
read_padata(struct rd *list, int64_t *type, struct rd *value)
{
	struct rd body = { 0 };
	enum iso_status st = der_take(list, DER_SEQUENCE, &body);

	if (st == ISO_OK)
		st = der_field_int(&body, 1, type);
	if (st == ISO_OK)
		st = der_field(&body, 2, DER_OCTETS, value);
	return st == ISO_OK ? der_end(body) : st;
}

/* srealm [9], sname [10], caddr [11], encrypted-pa-data [12] */
static enum iso_status
read_end(struct rd *in, struct tgs_part *part)
{
	struct rd realm = { 0 }, list = { 0 }, value = { 0 };
	int64_t type = 0;
	enum iso_status st = der_field(in, 9, DER_STRING, &realm);

	if (st == ISO_OK)
		st = der_field_name(in, 10, &part->sname);
	if (st == ISO_OK)
		st = der_skip(in, 11);
	if (st == ISO_OK && der_next(*in, DER_CONTEXT(12)))
		st = der_field(in, 12, DER_SEQUENCE, &part->padata);
	list = part->padata;
	while (st == ISO_OK && list.len > 0)
		st = read_padata(&list, &type, &value);
	return st == ISO_OK ? der_end(*in) : st;
}

enum iso_status
tgs_part_read(struct rd der, struct tgs_part *part)
{
	struct rd outer = { 0 }, in = { 0 };
	uint8_t tag = der_next(der, DER_APP(25)) ? DER_APP(25) : DER_APP(26);
	enum iso_status st = der_take(&der, tag, &outer);

	*part = (struct tgs_part){ 0 };
	if (st == ISO_OK)
		st = der_end(der);
	if (st == ISO_OK)
		st = der_take(&outer, DER_SEQUENCE, &in);
	if (st == ISO_OK)
		st = der_end(outer);
	if (st == ISO_OK)
		st = read_key(&in, part);
	if (st == ISO_OK)
		st = read_middle(&in, part);
	if (st == ISO_OK)
		st = read_times(&in, part);
	if (st == ISO_OK)
		st = read_end(&in, part);
	return st;
}

void
tgs_part_clean(const struct tgs_part *part, struct wr der)
{
	struct rd list = part->padata, value = { 0 };
	int64_t type = 0;

	while (list.len > 0 && read_padata(&list, &type, &value) == ISO_OK) {
		size_t at = (size_t)(value.at - der.at);

		if (type != PA_REQ_ENC_PA_REP && type != PA_SUPPORTED_ENCTYPES &&
		    type != PA_PAC_OPTIONS && at <= der.left && value.len <= der.left - at)
			wipe(der.at + at, value.len);
	}
}
