/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that the trusted core asks of the world. Four functions, given at link
 * time by the host that it runs in: port/linux.c (a process), a bare virtual
 * machine, or a test. None may keep a pointer after it returns.
 */
#ifndef LSAISO_HOST_H
#define LSAISO_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

/*
 * Wait for a request and copy it, once, into memory of the core.
 *
 * Returns its length, at most into.left; 0 when the sender named a length
 * out of bounds (the core then answers ISO_E_FRAME).
 */
size_t iso_host_recv(struct wr into);

/* Hand the reply to the request of the last iso_host_recv over. */
void iso_host_send(struct rd reply);

/*
 * Fill into with octets fit for keys.
 * Returns ISO_OK or ISO_E_ENTROPY; into is then not to be used.
 */
enum iso_status iso_host_entropy(struct wr into) RPC_CHECKED;

/*
 * A clock in microseconds. A host without it does not return.
 *
 * ISO_CLOCK_BOOT  time since some start, goes on during suspend; expiry
 * ISO_CLOCK_REAL  since 1970, may be set by anybody; only for time stamps
 */
enum iso_clock { ISO_CLOCK_BOOT, ISO_CLOCK_REAL };
uint64_t iso_host_clock(enum iso_clock which);

#endif
