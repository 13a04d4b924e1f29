/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions: one logon each, in a table of fixed size. A session's key is
 * random; closing wipes it, which ends every blob that was sealed under it.
 * Its number is the slot; the generation tells two users of a slot apart.
 *
 * For the handlers. Pointers live until the session ends.
 */
#ifndef LSAISO_SESSION_H
#define LSAISO_SESSION_H

#include "iso.h"

/*
 * Open a session that ends lifetime_ms from now.
 * slot  out, its number
 * Returns ISO_OK, ISO_E_FULL, ISO_E_ENTROPY.
 */
enum iso_status session_open(struct iso *iso, uint32_t owner, uint64_t lifetime_ms,
			     uint32_t *slot) RPC_CHECKED;

/*
 * Find an open session by what the caller says of it, and note it as the
 * session of this call. An expired one is closed here.
 * Returns ISO_OK, ISO_E_SESSION, ISO_E_OWNER, ISO_E_EXPIRED, ISO_E_LOCKED.
 */
enum iso_status session_find(struct iso *iso, uint32_t slot, uint32_t generation, uint32_t owner,
			     struct session **s) RPC_CHECKED;

/* The same, but also of a locked session: never ISO_E_LOCKED. */
enum iso_status session_find_any(struct iso *iso, uint32_t slot, uint32_t generation,
				 uint32_t owner, struct session **s) RPC_CHECKED;

/* End a session: its key and its pending requests are wiped. */
void session_close(struct iso *iso, struct session *s);

/* Is this session open? No look at the clock. */
bool session_lives(const struct iso *iso, uint32_t slot, uint32_t generation);

/* Close what has expired; at most once a second, cheap otherwise. */
void session_tick(struct iso *iso, uint64_t now_ms);

/* Number of a session. */
uint32_t session_slot(const struct iso *iso, const struct session *s);

/*
 * Of a locked session: was something made at this time after the lock? What
 * was typed before does not unlock. Of any other: true.
 */
bool session_counts(const struct iso *iso, const struct session *s, uint64_t created_ms);

/* Whole tokens in the bucket now; of a locked session when it was locked. */
uint32_t session_tokens(const struct iso *iso, struct session *s);

/* Take one. Returns ISO_OK, ISO_E_RATE. */
enum iso_status session_spend(const struct iso *iso, struct session *s) RPC_CHECKED;

#endif
