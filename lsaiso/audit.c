/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audit.h"

#include <string.h>

#include <nettle/sha2.h>

#include "host.h"

void
audit_text(struct iso *iso, struct rd text)
{
	struct record *to = &iso->note;
	size_t used = to->target_len < RECORD_TARGET ? to->target_len : RECORD_TARGET;

	if (text.len > 0)
		memcpy(to->target + used, text.at,
		       text.len < RECORD_TARGET - used ? text.len : RECORD_TARGET - used);
	to->target_len += (uint32_t)text.len;
}

void
audit_name(struct iso *iso, const struct der_name *name)
{
	bool bad = false;
	struct der strings = { name->strings, &bad };

	for (bool first = true; strings.rest.len > 0; first = false) {
		audit_text(iso, (struct rd){ (const uint8_t *)"/", first ? 0 : 1 });
		audit_text(iso, der_take(&strings, DER_STRING).rest);
	}
}

void
audit_client(struct iso *iso, struct rd client)
{
	bool bad = false;
	struct der in = { client, &bad };
	struct der realm = der_field(&in, 1, DER_STRING);
	struct der_name name = der_field_name(&in, 2);

	if (bad)
		return;
	audit_name(iso, &name);
	audit_text(iso, (struct rd){ (const uint8_t *)"@", 1 });
	audit_text(iso, realm.rest);
}

/* The next value of the chain: SHA-256 of two things. */
static void
add(struct iso *iso, struct rd a, struct rd b)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, a.len, a.at);
	sha256_update(&ctx, b.len, b.at);
	sha256_digest(&ctx, sizeof(iso->chain), iso->chain);
}

void
audit_begin(struct iso *iso)
{
	add(iso, (struct rd){ (const uint8_t *)RECORD_CHAIN_LABEL, sizeof(RECORD_CHAIN_LABEL) - 1 },
	    (struct rd){ iso->boot_id, sizeof(iso->boot_id) });
}

void
audit_keep(struct iso *iso, uint32_t op, enum iso_status st)
{
	struct used *place = &iso->used[iso->records % ISO_RECORDS];

	iso->records++;
	iso->note.sequence = iso->records;
	iso->note.time_us = iso_host_clock(ISO_CLOCK_REAL);
	iso->note.op = (uint16_t)op;
	iso->note.status = (uint16_t)st;
	place->of = iso->note;
	memcpy(place->before, iso->chain, sizeof(iso->chain));
	add(iso, (struct rd){ iso->chain, sizeof(iso->chain) },
	    (struct rd){ (const uint8_t *)&iso->note, sizeof(iso->note) });
}
