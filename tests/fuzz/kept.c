/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys out of a file that lsaiso sealed, and the text of PA-FOR-USER. The first
 * octet says which: any octets as a kept key (never authentic), as what is
 * inside an authentic one, or as client and text to sign.
 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "iso_host.h"
#include "tgs.h"

#define NAME "HTTP/web@EXAMPLE.TEST"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rd name = { (const uint8_t *)NAME, sizeof(NAME) - 1 };

/* A key comes out if its type may be used, and not a part of it in the reply. */
static void
take(struct iso *iso, struct rd kept, const struct kept *k)
{
	struct iso_req_key_take req = {
		.generation = iso->session[0].generation, .owner = 1000, .kept = kept, .name = name
	};
	struct iso_rep_key_take rep = { 0 };
	enum iso_status st;

	if (kept.len > ISO_KEPT_MAX)
		return;
	st = iso_call(iso, ISO_OP_key_take, &req, &rep);
	if (k == NULL ? st != ISO_E_BLOB
		      : st != (policy_type(iso, k->etype) != NULL ? ISO_OK : ISO_E_ETYPE))
		abort();
	if (st != ISO_OK)
		return;
	if (rep.etype != k->etype || rep.blob.len != BLOB_OVER + krb_type(k->etype)->key_len)
		abort();
	for (size_t i = 0; i + 8 <= rep.blob.len - BLOB_OVER; i += 8) {
		if (memmem(rep.blob.at + BLOB_OVER, rep.blob.len - BLOB_OVER, k->key + i, 8) !=
		    NULL)
			abort();
	}
}

/* With a good blob: what is long enough is signed, and names in the record are what they are. */
static void
sign(struct iso *iso, struct rd in)
{
	size_t len = in.len > 0 ? in.at[0] % in.len : 0, from = in.len > 0;
	struct iso_req_krb_for_user req = { .generation = iso->session[0].generation,
					    .owner = 1000,
					    .client = { in.at + from, len },
					    .text = { in.at + from + len, in.len - from - len } };
	struct blob b = { .kind = ISO_KIND_TGT,
			  .may = ISO_MAY_TGS,
			  .etype = 18,
			  .expires_ms = iso->now_ms + 1000 };
	uint8_t out[ISO_BLOB_MAX];
	uint32_t n = 0;
	enum iso_status st;

	if (req.text.len > ISO_FOR_USER_MAX)
		return;
	blob_client_hash(req.client, b.client);
	st = blob_seal(iso, &iso->session[0], &b, (struct rd){ (const uint8_t[32]){ 1 }, 32 },
		       (struct wr){ out, sizeof(out) }, &n);
	req.blob = (struct rd){ out, n };
	if (st != ISO_OK || iso_call(iso, ISO_OP_krb_for_user, &req, NULL) !=
				(req.text.len < 4 ? ISO_E_RANGE : ISO_OK))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iso_rep_krb_tgs_seal sealed = { 0 };
	struct iso *iso;
	uint8_t out[ISO_KEPT_MAX], who[ISO_HASH];
	const struct seal how = { .kind = SEAL_KEPT, .with = { who, sizeof(who) } };
	struct kept k = { 0 };
	uint32_t len = 0;

	if (size < 1)
		return 0;
	iso = iso_fresh_asked(&sealed); /* a session is open in slot 0 */
	blob_client_hash(name, who);
	switch (data[0] % 3) {
	case 0:
		take(iso, (struct rd){ data + 1, size - 1 }, NULL);
		break;
	case 1:
		memcpy(&k, data + 1, size - 1 < sizeof(k) ? size - 1 : sizeof(k));
		if (seal_put(iso, &how, (struct rd){ (const uint8_t *)&k, sizeof(k) }, out, &len) !=
		    ISO_OK)
			abort();
		take(iso, (struct rd){ out, len }, &k);
		break;
	default:
		sign(iso, (struct rd){ data + 1, size - 1 });
		break;
	}
	return 0;
}
