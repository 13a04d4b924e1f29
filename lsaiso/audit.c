/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audit.h"

#include <string.h>

#include <nettle/sha2.h>

#include "host.h"

static void
add(struct record *to, struct rd octets)
{
	uint32_t used = to->target_len < RECORD_TARGET ? to->target_len : RECORD_TARGET;
	size_t room = RECORD_TARGET - used;

	if (octets.len > 0)
		memcpy(to->target + used, octets.at, octets.len < room ? octets.len : room);
	to->target_len += (uint32_t)octets.len;
}

void
audit_name(struct iso *iso, const struct der_name *name)
{
	bool bad = false;
	struct der strings = { name->strings, &bad };

	for (bool first = true; strings.rest.len > 0; first = false) {
		add(&iso->note, (struct rd){ (const uint8_t *)"/", first ? 0 : 1 });
		add(&iso->note, der_take(&strings, DER_STRING).rest);
	}
}

void
audit_text(struct iso *iso, struct rd text)
{
	add(&iso->note, text);
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
	add(&iso->note, (struct rd){ (const uint8_t *)"@", 1 });
	add(&iso->note, realm.rest);
}

void
audit_start(struct iso *iso)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, sizeof(RECORD_CHAIN_LABEL) - 1, (const uint8_t *)RECORD_CHAIN_LABEL);
	sha256_update(&ctx, sizeof(iso->boot_id), iso->boot_id);
	sha256_digest(&ctx, sizeof(iso->chain), iso->chain);
}

void
audit_keep(struct iso *iso, uint32_t op, enum iso_status st)
{
	struct used *place = &iso->used[iso->records % ISO_RECORDS];
	struct sha256_ctx ctx;

	iso->records++;
	iso->note.sequence = iso->records;
	iso->note.time_us = iso_host_clock(ISO_CLOCK_REAL);
	iso->note.op = (uint16_t)op;
	iso->note.status = (uint16_t)st;
	place->of = iso->note;
	memcpy(place->before, iso->chain, sizeof(iso->chain));
	sha256_init(&ctx);
	sha256_update(&ctx, sizeof(iso->chain), iso->chain);
	sha256_update(&ctx, sizeof(iso->note), (const uint8_t *)&iso->note);
	sha256_digest(&ctx, sizeof(iso->chain), iso->chain);
}
