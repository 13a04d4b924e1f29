/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>

#include "session.h"

#include "host.h"
#include "pending.h"
#include "wipe.h"

#define SWEEP_MS 1000u /* least time between two looks at the whole table */

uint32_t
session_slot(const struct iso *iso, const struct session *s)
{
	return (uint32_t)(s - iso->session);
}

bool
session_lives(const struct iso *iso, uint32_t slot, uint32_t generation)
{
	return slot < iso->high && iso->session[slot].expires_ms != 0 &&
	       iso->session[slot].generation == generation;
}

/* Wipe a session and give its slot back; pending requests are the caller's. */
static void
drop(struct iso *iso, struct session *s)
{
	uint32_t generation = s->generation + 1;

	wipe(s, sizeof(*s));
	s->generation = generation != 0 ? generation : 1;
	s->owner = iso->free;
	iso->free = session_slot(iso, s) + 1;
	iso->open--;
	if (iso->at == s)
		iso->at = NULL;
}

void
session_close(struct iso *iso, struct session *s)
{
	drop(iso, s);
	pending_purge(iso, iso->now_ms);
}

void
session_tick(struct iso *iso, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;
	uint32_t before = iso->open;

	if (now_ms < iso->sweep_ms || iso->open == 0)
		return;
	for (uint32_t i = 0; i < iso->high; i++) {
		struct session *s = &iso->session[i];

		if (s->expires_ms != 0 && s->expires_ms <= now_ms)
			drop(iso, s);
		else if (s->expires_ms != 0 && s->expires_ms < next)
			next = s->expires_ms;
	}
	iso->sweep_ms = next > now_ms + SWEEP_MS ? next : now_ms + SWEEP_MS;
	if (iso->open != before)
		pending_purge(iso, now_ms);
}

/* A slot to use: the last one given back, else the next unused. */
static struct session *
take_slot(struct iso *iso)
{
	struct session *s = NULL;

	if (iso->free != 0) {
		s = &iso->session[iso->free - 1];
		iso->free = s->owner;
	} else if (iso->high < ISO_SESSIONS) {
		s = &iso->session[iso->high];
		iso->high++;
		s->generation = 1;
	}
	return s;
}

enum iso_status
session_open(struct iso *iso, uint32_t owner, uint64_t lifetime_ms, uint32_t *slot)
{
	uint64_t now = iso_now(iso);
	uint8_t key[ISO_SESSION_KEY] = { 0 };
	enum iso_status st = iso_host_entropy((struct wr){ key, sizeof(key) });
	struct session *s = NULL;

	if (st != ISO_OK)
		return st;
	session_tick(iso, now);
	s = take_slot(iso);
	if (s == NULL) {
		wipe(key, sizeof(key));
		return ISO_E_FULL;
	}
	memcpy(s->key, key, sizeof(key));
	wipe(key, sizeof(key));
	s->owner = owner;
	s->expires_ms = now + lifetime_ms;
	s->millitokens = iso->burst * 1000;
	s->refilled_ms = (uint32_t)now;
	if (iso->open == 0 || s->expires_ms < iso->sweep_ms)
		iso->sweep_ms = s->expires_ms;
	iso->open++;
	*slot = session_slot(iso, s);
	return ISO_OK;
}

enum iso_status
session_find_any(struct iso *iso, uint32_t slot, uint32_t generation, uint32_t owner,
		 struct session **s)
{
	uint64_t now = iso_now(iso);

	iso->note.session = slot;
	iso->note.generation = generation;
	iso->note.owner = owner;
	*s = NULL;
	if (!session_lives(iso, slot, generation))
		return ISO_E_SESSION;
	if (iso->session[slot].owner != owner)
		return ISO_E_OWNER;
	if (iso->session[slot].expires_ms <= now) {
		session_close(iso, &iso->session[slot]);
		return ISO_E_EXPIRED;
	}
	session_tick(iso, now);
	*s = &iso->session[slot];
	iso->at = *s;
	return ISO_OK;
}

enum iso_status
session_find(struct iso *iso, uint32_t slot, uint32_t generation, uint32_t owner,
	     struct session **s)
{
	enum iso_status st = session_find_any(iso, slot, generation, owner, s);

	return st == ISO_OK && ((*s)->flags & SESSION_LOCKED) != 0 ? ISO_E_LOCKED : st;
}

/*
 * A rate of r tokens a second is r thousandths a millisecond. The clock's
 * low half is enough: after 49 idle days the refill is too small, not wrong.
 */
uint32_t
session_tokens(const struct iso *iso, struct session *s)
{
	uint32_t passed = (uint32_t)iso->now_ms - s->refilled_ms;
	uint64_t filled = s->millitokens + (uint64_t)passed * iso->rate;
	uint64_t full = (uint64_t)iso->burst * 1000;

	if ((s->flags & SESSION_LOCKED) != 0)
		return s->millitokens / 1000;
	s->millitokens = (uint32_t)(filled < full ? filled : full);
	s->refilled_ms = (uint32_t)iso->now_ms;
	return s->millitokens / 1000;
}

enum iso_status
session_spend(const struct iso *iso, struct session *s)
{
	if (session_tokens(iso, s) == 0)
		return ISO_E_RATE;
	s->millitokens -= 1000;
	return ISO_OK;
}

/* The low half of the clock is enough here, too: later than the lock, at worst. */
bool
session_counts(const struct iso *iso, const struct session *s, uint64_t created_ms)
{
	uint32_t locked = (uint32_t)iso->now_ms - s->refilled_ms;

	return (s->flags & SESSION_LOCKED) == 0 || iso->now_ms - created_ms < locked;
}
