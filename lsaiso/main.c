/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

#include <nettle/hmac.h>

#include "audit.h"
#include "host.h"
#include "wipe.h"
#include "x25519.h"

enum iso_status
iso_start(struct iso *iso)
{
	enum iso_status st = iso_host_entropy((struct wr){ iso->root, sizeof(iso->root) });

	st = st ?: iso_host_entropy((struct wr){ iso->boot_id, sizeof(iso->boot_id) });
	if (st != ISO_OK)
		return st;
	audit_begin(iso);
	iso_root_name(iso);
	iso->start_ms = iso_now(iso);
	iso->phase = ISO_BOOT;
	return ISO_OK;
}

void
iso_derive(const struct iso *iso, const char *label, struct wr out)
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(iso->root), iso->root);
	hmac_sha256_update(&ctx, ISO_LABEL, (const void *)label);
	hmac_sha256_digest(&ctx, out.left, out.at);
	wipe(&ctx, sizeof(ctx));
}

void
iso_root_name(struct iso *iso)
{
	static const uint8_t base[ISO_PUBLIC] = { 9 }; /* of no low order */

	iso_derive(iso, "lsaiso root id", (struct wr){ iso->root_id, sizeof(iso->root_id) });
	iso_derive(iso, ISO_PRIVATE, (struct wr){ iso->public, sizeof(iso->public) });
	(void)!x25519(iso->public, iso->public, base);
	iso_stack_wipe();
}

uint64_t
iso_now(struct iso *iso)
{
	uint64_t ms = iso_host_clock(ISO_CLOCK_BOOT) / 1000;

	if (ms > iso->now_ms)
		iso->now_ms = ms;
	return iso->now_ms;
}

void
iso_run(struct iso *iso)
{
	for (;;) {
		size_t len = iso_host_recv((struct wr){ iso->frame, sizeof(iso->frame) });
		size_t n = iso_serve(iso, len);

		iso_host_send((struct rd){ iso->out, n });
		wipe(iso->out, n);
	}
}
