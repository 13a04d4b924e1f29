/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "blob.h"

#include <nettle/sha2.h>

#include "host.h"
#include "session.h"
#include "wipe.h"

#define REMAINING_MAX (INT64_C(10) * 366 * 86400) /* longer credentials end then */

static const uint8_t magic[4] = { 'L', 'S', 'A', 'B' };

void
blob_client_hash(struct rd client, uint8_t hash[ISO_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, client.len, client.at);
	sha256_digest(&ctx, ISO_HASH, hash);
}

enum iso_status
blob_deadline(struct iso *iso, int64_t endtime, int32_t skew, uint64_t *expires_ms)
{
	int64_t real = (int64_t)(iso_host_clock(ISO_CLOCK_REAL) / 1000000) + skew;
	int64_t remaining = 0;

	*expires_ms = 0;
	if (endtime <= real || endtime <= 0)
		return ISO_E_EXPIRED;
	remaining = endtime - (real > 0 ? real : 0);
	if (remaining > REMAINING_MAX)
		remaining = REMAINING_MAX;
	*expires_ms = iso_now(iso) + (uint64_t)remaining * 1000;
	return ISO_OK;
}

enum iso_status
blob_seal(struct iso *iso, const struct session *s, struct blob *b, struct rd secret, struct wr out,
	  uint32_t *len)
{
	const struct seal how = { b->kind, { s->key, sizeof(s->key) }, { out.at, BLOB_HEADER } };
	enum iso_status st = ISO_E_RANGE;

	*len = 0;
	if (secret.len < 1 || secret.len > ISO_SECRET_MAX || out.left < BLOB_OVER + secret.len)
		return st;
	memcpy(b->magic, magic, sizeof(magic));
	b->version = BLOB_VERSION;
	b->session = session_slot(iso, s);
	b->generation = s->generation;
	b->owner = s->owner;
	memcpy(b->boot_id, iso->boot_id, ISO_BOOT_ID);
	b->created_ms = iso->now_ms;
	memcpy(out.at, b, BLOB_HEADER);
	st = seal_put(iso, &how, secret, out.at + BLOB_HEADER, len);
	*len += st == ISO_OK ? BLOB_HEADER : 0;
	return st;
}

/* An authentic header against the call. */
static enum iso_status
judge(struct iso *iso, const struct session *s, const struct blob *got, const struct blob *want)
{
	if (got->version != BLOB_VERSION || (got->flags & ~(uint64_t)BLOB_KEEP) != 0 ||
	    got->session != session_slot(iso, s) || got->generation != s->generation ||
	    memcmp(got->boot_id, iso->boot_id, ISO_BOOT_ID) != 0)
		return ISO_E_BLOB;
	if (got->owner != s->owner)
		return ISO_E_OWNER;
	if (got->kind != want->kind || (got->may & want->may) != want->may)
		return ISO_E_KIND;
	if (got->expires_ms <= iso_now(iso))
		return ISO_E_EXPIRED;
	if (want->may != ISO_MAY_UNLOCK && !session_counts(iso, s, got->created_ms))
		return ISO_E_LOCKED;
	return ct_equal(got->client, want->client, ISO_HASH) ? ISO_OK : ISO_E_OWNER;
}

enum iso_status
blob_open(struct iso *iso, const struct session *s, struct rd blob, const struct blob *want,
	  struct blob *got, struct wr secret, size_t *len)
{
	struct seal how = { 0, { s->key, sizeof(s->key) }, { blob.at, BLOB_HEADER } };
	enum iso_status st = ISO_E_BLOB;

	*len = 0;
	if (blob.len <= BLOB_OVER || blob.len - BLOB_OVER > secret.left ||
	    memcmp(blob.at, magic, sizeof(magic)) != 0)
		return st;
	memcpy(got, blob.at, BLOB_HEADER);
	how.kind = got->kind;
	st = seal_open(iso, &how, (struct rd){ blob.at + BLOB_HEADER, blob.len - BLOB_HEADER },
		       (struct wr){ secret.at, blob.len - BLOB_OVER });
	st = st ?: judge(iso, s, got, want);
	if (st != ISO_OK) {
		wipe(secret.at, secret.left);
		return st;
	}
	*len = blob.len - BLOB_OVER;
	while (got->kind == ISO_KIND_PASSWORD && *len > 1 && secret.at[*len - 1] == 0)
		(*len)--;
	return ISO_OK;
}
