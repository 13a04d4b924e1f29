/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is inside an AS reply once it is decrypted: any octets as
 * EncASRepPart, through the production path (sealed under the long-term key,
 * then krb_as_open). The ticket's key must not be in the reply, its blob must
 * not be good for more than its name says, and a flag that promises a
 * checksum is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "iso_host.h"
#include "tgs.h"

#define NAME	"user@EXAMPLE.TEST"
#define REQUEST "an AS-REQ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct rd plain, const struct iso_rep_krb_as_open *rep)
{
	struct tgs_part before, after;
	struct blob b;
	bool same = true;

	if (tgs_part_read(plain, &before) != ISO_OK ||
	    tgs_part_read((struct rd){ rep->part.at, rep->part.len }, &after) != ISO_OK ||
	    before.key.len != after.key.len || rep->part.len != plain.len || before.nonce != 1)
		abort();
	for (size_t i = 0; i < before.key.len; i++)
		same &= before.key.at[i] == after.key.at[i];
	memcpy(&b, rep->blob.at, sizeof(b));
	if (same || rep->blob.len != BLOB_OVER + before.key.len || b.kind != ISO_KIND_TGT ||
	    b.may == 0 || b.may != tgt_may(&before.sname))
		abort();
	if ((before.flags & TGS_FLAG_ENC_PA_REP) != 0 && rep->checked != 1)
		abort();
	if ((rep->checked != 0) != (before.req_enc_pa_rep.at != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t cipher[ISO_PART_MAX];
	static struct iso_rep_krb_as_open rep;
	struct iso_rep_krb_tgs_seal sealed;
	struct iso *iso = iso_fresh_asked(&sealed); /* a session is open in slot 0 */
	struct iso_req_krb_as_open req = { .generation = iso->session[0].generation,
					   .owner = 1000,
					   .name = { (const uint8_t *)NAME, sizeof(NAME) - 1 },
					   .client = d_client(),
					   .nonce = 1,
					   .etype = 18,
					   .request = { (const uint8_t *)REQUEST,
							sizeof(REQUEST) - 1 } };
	struct krb_key key = { .type = krb_type(18), .octets = "the long-term key of the corpus." };
	struct blob b = { .kind = ISO_KIND_KEY,
			  .may = ISO_MAY_AS,
			  .etype = 18,
			  .expires_ms = iso->now_ms + ISO_BOX_MS };
	uint8_t blob[ISO_BLOB_MAX];
	uint32_t blob_len = 0;
	size_t n = 0;

	blob_client_hash(req.name, b.client);
	if (blob_seal(iso, &iso->session[0], &b, (struct rd){ key.octets, 32 },
		      (struct wr){ blob, sizeof(blob) }, &blob_len) != ISO_OK)
		abort();
	if (krb_encrypt(&key, KRB_USAGE_AS_REP, (struct rd){ data, size },
			(struct wr){ cipher, sizeof(cipher) }, &n) != ISO_OK)
		return 0;
	req.key = (struct rd){ blob, blob_len };
	req.cipher = (struct rd){ cipher, n };
	memset(&rep, 0, sizeof(rep));
	if (iso_call(iso, ISO_OP_krb_as_open, &req, &rep) == ISO_OK)
		check((struct rd){ data, size }, &rep);
	return 0;
}
