/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two seals that a client of an AS exchange looks at. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/tgs/as_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4120 7.5.1, RFC 6806 section 11 */
#define USAGE_TIMESTAMP 1
#define USAGE_AS_REP	3
#define USAGE_CHECKSUM	56

#define TIMESTAMP_MAX 128 /* a sealed one, by any client */

int32_t
as_part_room(struct creds_octets *to, size_t n, struct wr *out)
{
	uint8_t *at = malloc(n);

	if (at == NULL)
		return ENOMEM;
	creds_free(to);
	to->at = at;
	to->len = n;
	*out = (struct wr){ at, n };
	return 0;
}

void
as_part_fit(struct creds_octets *to, const struct wr *written)
{
	memmove(to->at, written->at, written->left);
	to->len = written->left;
}

int
as_part_stamp(krb5_context ctx, const krb5_keyblock *key, const struct der_sealed *sealed,
	      uint32_t *seconds)
{
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA, .enctype = sealed->etype };
	uint8_t plain[TIMESTAMP_MAX];
	krb5_data out = { .magic = KV5M_DATA, .length = sizeof(plain), .data = (char *)plain };

	if (sealed->etype != key->enctype || sealed->cipher.len > sizeof(plain))
		return -1;
	enc.ciphertext = creds_data(sealed->cipher);
	if (krb5_c_decrypt(ctx, key, USAGE_TIMESTAMP, NULL, &enc, &out) != 0)
		return -1;
	return der_read_timestamp(creds_rd(&out), seconds);
}

/* The checksum of the client's request, under the stand-in, where the KDC's was. */
static int32_t
sum_anew(krb5_context ctx, const krb5_keyblock *key, struct rd request, struct rd part)
{
	krb5_data input = creds_data(request);
	krb5_checksum sum = { 0 };
	struct rd there;
	int32_t type;
	int found = der_find_checksum(part, &type, &there);
	krb5_error_code code;

	if (found <= 0)
		return found == 0 ? 0 : KRB5KRB_AP_ERR_MSG_TYPE;
	code = krb5_c_make_checksum(ctx, type, key, USAGE_CHECKSUM, &input, &sum);
	if (code != 0)
		return code;
	if (sum.length == there.len)
		memcpy((uint8_t *)(uintptr_t)there.at, sum.contents, sum.length);
	else
		code = KRB5_KDCREP_MODIFIED;
	krb5_free_checksum_contents(ctx, &sum);
	return code;
}

int32_t
as_part_reply(krb5_context ctx, const krb5_keyblock *key, struct rd request,
	      const struct der_as_rep *rep, struct rd part, struct creds_octets *reply)
{
	struct creds_octets cipher = { 0 };
	struct der_sealed sealed;
	krb5_error_code code;
	struct wr out;

	code = sum_anew(ctx, key, request, part);
	if (code == 0)
		code = creds_seal(ctx, key, USAGE_AS_REP, part, &cipher, &sealed);
	if (code != 0)
		return code;
	code = as_part_room(reply, rep->names.len + cipher.len + DER_AS_SLACK, &out);
	if (code == 0 && der_make_as_rep(rep, &sealed, &out) != 0)
		code = KRB5KRB_AP_ERR_MSG_TYPE;
	if (code == 0)
		as_part_fit(reply, &out);
	creds_free(&cipher);
	return code;
}
