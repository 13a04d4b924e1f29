/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagram sockets that have had their one answer, for the next message to the
 * same address: to make, connect and watch another costs more than the whole exchange.
 * None lives longer than SPARE_MS, so that its port is not one to be guessed at leisure.
 */
#ifndef LSASS_REALM_SPARE_H
#define LSASS_REALM_SPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "lsass/loop.h"
#include "lsass/realm/locate.h"

#define SPARE_MAX 16
#define SPARE_MS  1000u

struct spares;

struct spares *spares_new(struct loop *lo); /* NULL: no memory */
void spares_free(struct spares *sp);
/* A socket that is connected to there, and its watch; -1: none. It is the caller's. */
int spares_take(struct spares *sp, const struct place *to, struct watch **wa, uint64_t *born);
/* Keep it, from now on the callee's; closed if there is no room, or it is too old. */
void spares_put(struct spares *sp, const struct place *to, int fd, struct watch *wa, uint64_t born);
/* Close those that are too old. How many are left? */
size_t spares_sweep(struct spares *sp);

#endif
