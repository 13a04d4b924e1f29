/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pending.h"

#include "host.h"
#include "session.h"
#include "wipe.h"

_Static_assert((ISO_PENDINGS & (ISO_PENDINGS - 1)) == 0, "slot is a bit field of the id");
#define SLOT_MASK (ISO_PENDINGS - 1)

static bool
lives(const struct iso *iso, const struct pending *p, uint64_t now_ms)
{
	return p->id != 0 && now_ms - p->created_ms < ISO_PENDING_MS &&
	       session_lives(iso, p->session, p->generation);
}

enum iso_status
pending_put(struct iso *iso, struct pending *p)
{
	uint32_t slot = iso->next & SLOT_MASK;
	struct pending *place = &iso->pending[slot];
	uint64_t id = 0;
	enum iso_status st = iso_host_entropy((struct wr){ (uint8_t *)&id, sizeof(id) });

	if (st != ISO_OK)
		return st;
	p->id = (id & ~(uint64_t)SLOT_MASK) | slot | (uint64_t)1 << 63; /* never 0 */
	p->created_ms = iso->now_ms;
	if (lives(iso, place, iso->now_ms))
		iso->count.dropped++;
	if (place->id == 0)
		iso->waiting++;
	*place = *p;
	iso->next = iso->next + 1 != 0 ? iso->next + 1
				       : ISO_PENDINGS; /* stays past the first round */
	return ISO_OK;
}

enum iso_status
pending_take(struct iso *iso, uint64_t id, enum pending_kind kind, struct pending *p)
{
	uint64_t now = iso_now(iso);
	struct pending *place = &iso->pending[id & SLOT_MASK];
	enum iso_status st = ISO_E_PENDING;

	if (id == 0 || !ct_equal(&place->id, &id, sizeof(id)) || place->kind != kind)
		return st;
	if (lives(iso, place, now)) {
		const struct session *of = &iso->session[place->session];

		if (kind != PENDING_BOX && (of->flags & SESSION_LOCKED) != 0) {
			iso->note.session = place->session;
			iso->note.generation = place->generation;
			iso->note.owner = place->owner;
			return ISO_E_LOCKED;
		}
		if (session_counts(iso, of, place->created_ms)) {
			*p = *place;
			st = ISO_OK;
		}
	}
	wipe(place, sizeof(*place));
	iso->waiting--;
	return st;
}

void
pending_purge(struct iso *iso, uint64_t now_ms)
{
	uint32_t used = iso->next < ISO_PENDINGS ? iso->next : ISO_PENDINGS;

	for (uint32_t i = 0; i < used && iso->waiting != 0; i++) {
		struct pending *p = &iso->pending[i];

		if (p->id != 0 && !lives(iso, p, now_ms)) {
			wipe(p, sizeof(*p));
			iso->waiting--;
		}
	}
}
