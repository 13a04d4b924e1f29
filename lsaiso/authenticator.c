/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authenticator.h"

#include "der.h"
#include "host.h"
#include "wipe.h"

#define VNO 5

enum iso_status
stamp_make(struct iso *iso, int32_t skew, struct stamp *s)
{
	uint64_t us = iso_host_clock(ISO_CLOCK_REAL) + (uint64_t)((int64_t)skew * 1000000);

	if (skew < -SKEW_MAX || skew > SKEW_MAX)
		return ISO_E_RANGE;
	if (us == iso->stamp_us)
		us++;
	iso->stamp_us = us;
	s->seconds = (int64_t)(us / 1000000);
	s->micros = (uint32_t)(us % 1000000);
	return ISO_OK;
}

/* Backwards: the last field first. */
static struct derw
write_authenticator(const struct authenticator *a, const struct krb_type *type,
		    const uint8_t *cksum, struct wr out)
{
	struct derw w = { out.at + out.left, out.left };
	const uint8_t *end = w.at;

	derw_field_int(&w, 7, a->seq);
	derw_field_typed(&w, 6, type->etype, (struct rd){ a->subkey.octets, type->key_len });
	derw_field_time(&w, 5, a->stamp.seconds);
	derw_field_int(&w, 4, a->stamp.micros);
	if (a->body.at != NULL)
		derw_field_typed(&w, 3, type->cksumtype, (struct rd){ cksum, type->mac_len });
	derw_octets(&w, a->client);
	derw_field_int(&w, 0, VNO);
	derw_head(&w, DER_SEQUENCE, end);
	derw_head(&w, DER_APP(2), end);
	return w;
}

enum iso_status
authenticator_seal(const struct krb_key *key, struct authenticator *a, struct wr out, uint32_t *len)
{
	uint8_t plain[ISO_AUTH_MAX] = { 0 }, cksum[KRB_MAC_MAX] = { 0 };
	struct derw w = { 0 };
	size_t n = 0;
	enum iso_status st = iso_host_entropy((struct wr){ a->subkey.octets, key->type->key_len });

	st = st ?: iso_host_entropy((struct wr){ (uint8_t *)&a->seq, sizeof(a->seq) });
	a->subkey.type = key->type;
	a->seq &= INT32_MAX;
	if (a->body.at != NULL)
		krb_checksum(key, KRB_USAGE_TGS_REQ_CKSUM, a->body, cksum);
	w = write_authenticator(a, key->type, cksum, (struct wr){ plain, sizeof(plain) });
	if (st == ISO_OK && w.at == NULL)
		st = ISO_E_RANGE;
	if (st == ISO_OK)
		st = krb_encrypt(key, a->usage, (struct rd){ w.at, sizeof(plain) - w.left }, out,
				 &n);
	*len = (uint32_t)n;
	wipe(plain, sizeof(plain));
	return st;
}
