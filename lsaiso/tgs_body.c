/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tgs.h"
#include "wipe.h"

const struct krb_type *
policy_type(const struct iso *iso, int64_t etype)
{
	if (etype < INT32_MIN || etype > INT32_MAX)
		return NULL;
	if (etype == KRB_ETYPE_RC4 && (iso->policy & ISO_POLICY_RC4) == 0)
		return NULL;
	return krb_type((int32_t)etype);
}

enum iso_status
policy_key(struct iso *iso, const struct session *s, struct rd blob, uint16_t may, struct rd client,
	   struct krb_key *key)
{
	const uint16_t of_key = ISO_MAY_AS | ISO_MAY_UNLOCK | ISO_MAY_CHECK;
	struct blob want = { .kind = may & of_key ? ISO_KIND_KEY : ISO_KIND_TGT, .may = may },
		    got = { 0 };
	size_t len = 0;
	enum iso_status st = ISO_OK;

	blob_client_hash(client, want.client);
	st = blob_open(iso, s, blob, &want, &got, (struct wr){ key->octets, sizeof(key->octets) },
		       &len);
	if (st != ISO_OK)
		return st;
	key->type = policy_type(iso, got.etype);
	return key->type != NULL && key->type->key_len == len ? ISO_OK : ISO_E_ETYPE;
}

enum iso_status
policy_mix(const struct iso *iso, int32_t etype, struct rd octets, const char *pepper,
	   struct krb_key *key, const char *pepper_key)
{
	struct krb_key other = { .type = policy_type(iso, etype) }, mixed = { 0 };

	if (other.type == NULL || octets.len != other.type->key_len)
		return ISO_E_ETYPE;
	memcpy(other.octets, octets.at, octets.len);
	krb_cf2(&other, pepper, key, pepper_key, &mixed);
	*key = mixed;
	wipe(&other, sizeof(other));
	wipe(&mixed, sizeof(mixed));
	return ISO_OK;
}

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

/*
 * Unnamed below: enc-authorization-data [10], which would need the subkey, so it ends as
 * ISO_E_DER. cname [1] means nothing in a TGS-REQ (gokrb5 sends it; who asks is in the
 * ticket); addresses [9] and additional-tickets [11] are the KDC's business.
 */
enum iso_status
tgs_body_read(const struct iso *iso, struct rd der, struct tgs_body *body)
{
	bool bad = false, allowed = false;
	struct der all = { der, &bad };
	struct der in = der_take(&all, DER_SEQUENCE);
	struct der etypes = { 0 };

	der_end(&all);
	body->options = der_field_flags(&in, 0);
	der_skip(&in, 1);
	der_field(&in, 2, DER_STRING);
	body->sname = der_field_name(&in, 3);
	der_maybe_time(&in, 4);
	der_field_time(&in, 5);
	der_maybe_time(&in, 6);
	body->nonce = (uint32_t)der_field_int(&in, 7);
	etypes = der_field(&in, 8, DER_SEQUENCE);
	while (etypes.rest.len > 0)
		allowed |= policy_type(iso, der_int(&etypes)) != NULL;
	der_skip(&in, 9);
	der_skip(&in, 11);
	der_end(&in);
	if (bad)
		return ISO_E_DER;
	return allowed ? check_options(iso, body->options) : ISO_E_ETYPE;
}

enum iso_status
tgs_client_check(struct rd client)
{
	bool bad = false;
	struct der in = { client, &bad };
	struct der realm = der_field(&in, 1, DER_STRING);
	struct der_name name = der_field_name(&in, 2);

	der_end(&in);
	return bad || realm.rest.len == 0 || name.count == 0 ? ISO_E_DER : ISO_OK;
}
