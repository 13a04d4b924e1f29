/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TGS requests that await their reply: what lsaiso remembers between
 * krb_tgs_seal and krb_tgs_open. A ring: the oldest makes room, so nothing
 * ever waits. Each entry can be taken once.
 */
#ifndef LSAISO_PENDING_H
#define LSAISO_PENDING_H

#include "iso.h"

/*
 * Remember p; id and created_ms are filled in here.
 * Returns ISO_OK, ISO_E_ENTROPY.
 */
enum iso_status pending_put(struct iso *iso, struct pending *p) __attribute__((warn_unused_result));

/*
 * Take the entry that id names into p, and wipe it in the ring.
 * Returns ISO_OK, ISO_E_PENDING (none, taken before, overwritten, too old,
 * or its session has ended). The caller wipes p.
 */
enum iso_status pending_take(struct iso *iso, uint64_t id, struct pending *p)
    __attribute__((warn_unused_result));

/* Wipe entries that are too old or whose session has ended. */
void pending_purge(struct iso *iso, uint64_t now_ms);

#endif
