/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/kdc_core.h"

#include <stdlib.h>

#include "blob.h"
#include "iso_host.h"
#include "tests/unit/lsass_host.h"
#include "tgs.h"

const uint8_t *
core_subkey(void)
{
	const struct iso *iso = host_core();
	const struct pending *pe = &iso->pending[(iso->next - 1) % ISO_PENDINGS];

	return pe->id != 0 && pe->kind == PENDING_TGS ? pe->subkey : NULL;
}

struct rd
core_tgt_key(struct rd plain)
{
	struct tgs_part part;
	bool is = tgs_part_read(plain, &part) == ISO_OK && tgt_class(&part.sname, 0);

	return is ? part.key : (struct rd){ 0 };
}

bool
core_forwarded(void)
{
	const struct iso *iso = host_core();

	return iso->used[(iso->records - 1) % ISO_RECORDS].of.verdict == RECORD_FORWARDED;
}

void
core_keep(uint32_t session, uint32_t owner, struct rd name, int32_t etype, struct rd key,
	  struct iso_rep_key_keep *is)
{
	struct iso *iso = host_core();
	struct blob b = { .kind = ISO_KIND_KEY,
			  .may = ISO_MAY_AS,
			  .etype = etype,
			  .expires_ms = iso_now(iso) + ISO_BOX_MS };
	struct iso_req_key_keep ask = { .session = session,
					.generation = iso->session[session].generation,
					.owner = owner,
					.name = name };
	uint8_t blob[ISO_BLOB_MAX];
	uint32_t len = 0;

	blob_client_hash(name, b.client);
	if (blob_seal(iso, &iso->session[session], &b, key, (struct wr){ blob, sizeof(blob) },
		      &len) != ISO_OK)
		abort();
	ask.key = (struct rd){ blob, len };
	if (iso_call(iso, ISO_OP_key_keep, &ask, is) != ISO_OK)
		abort();
}
