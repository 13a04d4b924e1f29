/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"
#include "tgs.h"

static enum iso_status
check_options(const struct iso *iso, uint32_t options)
{
	static const struct {
		uint32_t option, policy;
	} rows[] = {
		{ TGS_OPT_FORWARDED, ISO_POLICY_FORWARDED },
		{ TGS_OPT_PROXY, ISO_POLICY_PROXY },
		{ TGS_OPT_CNAME_IN_ADDL_TKT, ISO_POLICY_S4U },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((options & rows[i].option) != 0 && (iso->policy & rows[i].policy) == 0)
			return ISO_E_POLICY;
	}
	return ISO_OK;
}

/* etype [8] SEQUENCE OF Int32; those that we do not allow are passed over. */
static enum iso_status
read_etypes(const struct iso *iso, struct rd *in, bool *allowed)
{
	struct rd list = { 0 };
	enum iso_status st = der_field(in, 8, DER_SEQUENCE, &list);

	*allowed = false;
	while (st == ISO_OK && list.len > 0) {
		int64_t etype = 0;

		st = der_int(&list, &etype);
		if (st == ISO_OK && policy_type(iso, etype) != NULL)
			*allowed = true;
	}
	return st;
}

/* till [5], rtime [6], nonce [7] */
static enum iso_status
read_times(struct rd *in, uint32_t *nonce)
{
	int64_t number = 0, unused = 0;
	enum iso_status st = ISO_OK;

	if (der_next(*in, DER_CONTEXT(4)))
		st = der_field_time(in, 4, &unused);
	if (st == ISO_OK)
		st = der_field_time(in, 5, &unused);
	if (st == ISO_OK && der_next(*in, DER_CONTEXT(6)))
		st = der_field_time(in, 6, &unused);
	if (st == ISO_OK)
		st = der_field_int(in, 7, &number);
	*nonce = (uint32_t)number;
	return st;
}

/* addresses [9] and additional-tickets [11] are the KDC's business;
 * enc-authorization-data [10] is refused by not being expected. */
static enum iso_status
read_rest(struct rd *in)
{
	enum iso_status st = der_skip(in, 9);

	if (st == ISO_OK)
		st = der_skip(in, 11);
	return st == ISO_OK ? der_end(*in) : st;
}

enum iso_status
tgs_body_read(const struct iso *iso, struct rd der, struct tgs_body *body)
{
	struct rd in = { 0 }, realm = { 0 };
	enum iso_status st = der_take(&der, DER_SEQUENCE, &in);

	if (st == ISO_OK)
		st = der_end(der);
	if (st == ISO_OK)
		st = der_field_flags(&in, 0, &body->options);
	if (st == ISO_OK) /* no cname [1] */
		st = der_field(&in, 2, DER_STRING, &realm);
	if (st == ISO_OK)
		st = der_field_name(&in, 3, &body->sname);
	if (st == ISO_OK)
		st = read_times(&in, &body->nonce);
	if (st == ISO_OK)
		st = read_etypes(iso, &in, &body->etype_allowed);
	if (st == ISO_OK)
		st = read_rest(&in);
	if (st == ISO_OK)
		st = check_options(iso, body->options);
	if (st == ISO_OK && !body->etype_allowed)
		st = ISO_E_ETYPE;
	return st;
}

enum iso_status
tgs_client_check(struct rd client)
{
	struct rd realm = { 0 };
	struct der_name name = { 0 };
	enum iso_status st = der_field(&client, 1, DER_STRING, &realm);

	if (st == ISO_OK)
		st = der_field_name(&client, 2, &name);
	if (st == ISO_OK && (realm.len == 0 || name.count == 0))
		st = ISO_E_DER;
	return st == ISO_OK ? der_end(client) : st;
}
