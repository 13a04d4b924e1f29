/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical page frames of the target, from /proc/PID/pagemap. */
#ifndef TESTS_THEFT_FRAMES_H
#define TESTS_THEFT_FRAMES_H

#include "theft.h"

/* The frame of the page at address; 0: not present, or not told. */
uint64_t frames_of(const struct theft *t, uint64_t address);

/*
 * Read every page of the target's areas at its physical address.
 * read_at: as theft_reader, with a physical address
 */
void frames_copy(struct theft *t, theft_reader *read_at, void *arg);

#endif
