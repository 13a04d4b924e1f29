/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that await their reply: what lsaiso remembers between krb_tgs_seal
 * and krb_tgs_open, logon_challenge and logon_absorb, krb_passwd_seal and
 * krb_passwd_open. A ring: the oldest makes room, so nothing ever waits. Each
 * entry can be taken once, and only as what it is.
 */
#ifndef LSAISO_PENDING_H
#define LSAISO_PENDING_H

#include "iso.h"

/*
 * Remember p; id and created_ms are filled in here.
 * Returns ISO_OK, ISO_E_ENTROPY.
 */
enum iso_status pending_put(struct iso *iso, struct pending *p) RPC_CHECKED;

/*
 * Take the entry of this kind that id names into p, and wipe it in the ring.
 * Returns ISO_OK, ISO_E_PENDING (none, of another kind, taken before,
 * overwritten, too old, or its session has ended; a challenge of before its
 * session was locked), ISO_E_LOCKED (the session is locked; the entry stays).
 * The caller wipes p.
 */
enum iso_status pending_take(struct iso *iso, uint64_t id, enum pending_kind kind,
			     struct pending *p) RPC_CHECKED;

/* Wipe entries that are too old or whose session has ended. */
void pending_purge(struct iso *iso, uint64_t now_ms);

#endif
