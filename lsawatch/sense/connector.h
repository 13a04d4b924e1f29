/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message of the kernel's process connector as a sight. For connector.c and tests. */
#ifndef LSAWATCH_CONNECTOR_H
#define LSAWATCH_CONNECTOR_H

#include "lsawatch/watch.h"

/*
 * One netlink message.
 *
 * msg, len   as it came from the kernel: aligned as a netlink header, nothing else is trusted
 * si         out; of actors and targets only the numbers, and uid of CREDS in number
 *
 * Returns 1 with a sight, 0: nothing for us, -1: malformed.
 */
int connector_sight(const void *msg, size_t len, struct watch_sight *si);

#endif
