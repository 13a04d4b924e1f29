/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is inside a TGS reply once it is decrypted: any octets as
 * EncTGSRepPart, through the production path (sealed under the subkey, then
 * krb_tgs_open). A withheld key must not be in the reply.
 */
#include <stdlib.h>
#include <string.h>

#include "iso_host.h"
#include "krb.h"
#include "tgs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct rd plain, const struct iso_rep_krb_tgs_open *rep)
{
	struct tgs_part before, after;
	bool differ = false;

	if (tgs_part_read(plain, &before) != ISO_OK ||
	    tgs_part_read((struct rd){ rep->part.at, rep->part.len }, &after) != ISO_OK ||
	    before.key.len != after.key.len || rep->part.len != plain.len)
		abort();
	for (size_t i = 0; i < before.key.len; i++)
		differ |= before.key.at[i] != after.key.at[i];
	if (differ != (rep->verdict == ISO_WITHHELD) || (rep->blob.len != 0) != differ)
		abort();
	if (rep->verdict == ISO_RELEASED && tgt_class(&before.sname, 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t cipher[ISO_PART_MAX];
	static struct iso_rep_krb_tgs_open rep;
	struct iso_rep_krb_tgs_seal sealed = { 0 };
	struct iso *iso = iso_fresh_asked(&sealed);
	struct iso_req_krb_tgs_open req = { .owner = 1000, .etype = 18 };
	struct krb_key sub = { .type = krb_type(18) };
	size_t n = 0;

	memcpy(sub.octets, iso->pending[0].subkey, sizeof(sub.octets));
	if (krb_encrypt(&sub, KRB_USAGE_TGS_REP_SUB, (struct rd){ data, size },
			(struct wr){ cipher, sizeof(cipher) }, &n) != ISO_OK)
		return 0;
	req.pending = sealed.pending;
	req.cipher = (struct rd){ cipher, n };
	memset(&rep, 0, sizeof(rep));
	if (iso_call(iso, ISO_OP_krb_tgs_open, &req, &rep) == ISO_OK)
		check((struct rd){ data, size }, &rep);
	return 0;
}
