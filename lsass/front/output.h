/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client of a stream is still to be sent; it may hold a key, and is wiped. */
#ifndef LSASS_FRONT_OUTPUT_H
#define LSASS_FRONT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

struct output {
	uint8_t *at; /* malloc; NULL: nothing */
	size_t len, sent;
};

/*
 * Room for n octets, none of them sent yet; what was there before must have been wiped.
 * NULL: no memory.
 */
uint8_t *output_room(struct output *ou, size_t n);

/*
 * Go on with what is left; when all is sent it is wiped.
 *
 * since  set to now whenever the client took some
 *
 * Returns 0, also if more is left; -1: hang up.
 */
int output_flush(struct output *ou, int fd, uint64_t *since, uint64_t now)
    __attribute__((warn_unused_result));

void output_wipe(struct output *ou);

#endif
