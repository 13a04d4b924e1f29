/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The broker's side of the mailbox (rpc/mailbox.h), one call at a time, for
 * a caller that has the channel to itself: lsainit before lsass has it, and
 * tests. Not for threads; lsass/ask.h is.
 */
#ifndef LIB_MAILBOX_H
#define LIB_MAILBOX_H

#include <stdint.h>

#include "rpc/mailbox.h"

/*
 * Make a mailbox: anonymous memory of MAILBOX_SIZE, sealed against growing
 * and shrinking, magic and version written. Returns its descriptor
 * (close-on-exec), or -1 with errno.
 */
int mailbox_make(void);

/* Map the mailbox behind fd; NULL with errno (EBADMSG: not one of ours). */
struct mailbox *mailbox_map(int fd);
void mailbox_unmap(struct mailbox *mb);

/*
 * Send one request, wait for its reply, wipe both areas.
 *
 * life_fd     hung up when lsaiso dies; -1: only the timeout ends a wait
 * op          one of enum iso_op
 * req, rep    its structs of rpc.h; the caller zeroes rep
 * timeout_ms  for the whole call
 *
 * Returns what lsaiso answered, ISO_E_FRAME if its reply is malformed,
 * ISO_E_RANGE if the request is, ISO_GONE with errno EPIPE (it died) or
 * ETIMEDOUT. After ISO_GONE the mailbox is of no more use.
 */
enum iso_status mailbox_call(struct mailbox *mb, int life_fd, uint32_t op, const void *req,
			     void *rep, int timeout_ms) __attribute__((warn_unused_result));

#endif
