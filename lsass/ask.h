/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only file that talks to lsaiso, for lsass and lsaiso-host. One ask_x()
 * per row of ops.h, each a round trip through the mailbox; any thread may
 * call, calls take turns.
 *
 * Returns what lsaiso answered, or ISO_GONE when there is no lsaiso (it
 * died, or none was attached yet): a call in flight then ends within 100 ms.
 * rep is zeroed first. Request and reply octets in the shared memory are
 * wiped before the call returns.
 */
#ifndef LSASS_ASK_H
#define LSASS_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/rpc.h"

/*
 * Take a channel over: maps the mailbox, waits until lsaiso is idle (an
 * earlier broker may have died in the middle of a call). Replaces the
 * channel before it. Both descriptors belong to ask from now on.
 * Returns 0, or -1 with errno.
 */
int ask_attach(int mailbox_fd, int life_fd, const uint8_t boot_id[ISO_BOOT_ID])
    __attribute__((warn_unused_result));

/* Forget the channel; every call answers ISO_GONE until the next attach. */
void ask_detach(void);

/* Descriptor that becomes readable or hung up when lsaiso dies; -1: none. */
int ask_life_fd(void);

/* Boot id of the attached lsaiso; false when there is none. */
bool ask_boot_id(uint8_t boot_id[ISO_BOOT_ID]);

/*
 * Have fn called after each call that leaves a record of use (rpc/record.h),
 * in the thread that made it; NULL: nobody any more, and none is still there
 * when this returns. fn must be quick and make no call.
 */
void ask_on_use(void (*fn)(void *arg), void *arg);

#define ASK_PROTO(number, name, phases, effect)                                                    \
	enum iso_status ask_##name(const struct iso_req_##name *req, struct iso_rep_##name *rep);
ISO_OPS(ASK_PROTO)
#undef ASK_PROTO

/*
 * The same for a request that somebody else has made and that nobody here
 * looks at: lsaiso takes every octet for hostile. Used by lsaiso-host.
 *
 * frame  at most RPC_REQ_MAX octets
 * reply  out, room for RPC_REP_MAX octets; len of them were written. The
 *        caller wipes them
 *
 * Returns true when lsaiso answered; false: ISO_GONE, or frame is too long.
 */
bool ask_raw(struct rd frame, struct wr reply, size_t *len) __attribute__((warn_unused_result));

#endif
