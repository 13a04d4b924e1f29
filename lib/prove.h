/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Is who answers the lsaiso whose public key one knows? The asker's side of
 * op prove (rpc/ops.h): for lsainit at level hypervisor, before lsass has the
 * channel, with the key of [isolation] host_key.
 *
 * What it shows: at this moment the channel leads to who has the private key
 * of the pinned one, and that lsaiso has the boot id that comes out. Not that
 * what follows on the channel comes from there: who sits between can pass
 * this call on and answer the next one himself (docs/virtual-machines.md).
 */
#ifndef LIB_PROVE_H
#define LIB_PROVE_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

struct mailbox;

/* "Public key: %s" and [isolation] host_key: hexadecimal digits and a zero octet. */
#define PROVE_TEXT (2 * ISO_PUBLIC + 1)

/* Asks lsaiso; what mailbox_call returns. to is the caller's. */
typedef enum iso_status prove_ask(void *to, const struct iso_req_prove *req,
				  struct iso_rep_prove *rep);

/*
 * Have it proved that ask reaches the lsaiso of the pinned public key.
 *
 * boot_id  out, of that lsaiso; all zero unless 0 is returned
 * error    out, why not, and what to do, for people; ends with a zero octet
 *
 * Returns 0; or -1 when it was not proved, for whatever reason. Comparisons
 * are constant time; the key made for the call is wiped.
 */
int prove_check(prove_ask *ask, void *to, const uint8_t pinned[ISO_PUBLIC],
		uint8_t boot_id[ISO_BOOT_ID], char *error, size_t n)
    __attribute__((warn_unused_result));

/* The same over a mailbox, with life_fd and timeout_ms as in lib/mailbox.h. */
int prove_mailbox(struct mailbox *mb, int life_fd, int timeout_ms, const uint8_t pinned[ISO_PUBLIC],
		  uint8_t boot_id[ISO_BOOT_ID], char *error, size_t n)
    __attribute__((warn_unused_result));

/*
 * Read a public key as [isolation] host_key has it: 64 hexadecimal digits, or
 * file:PATH (absolute) of a file with them, around which white space and zero
 * octets may stand, as firmware tables have them.
 *
 * Returns 0; or -1 and error, also for a key of low order, which anybody
 * could "prove".
 */
int prove_pin(const char *text, uint8_t key[ISO_PUBLIC], char *error, size_t n)
    __attribute__((warn_unused_result));

#endif
