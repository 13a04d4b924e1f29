/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read a stopped process by its own memory copy. For the attacks that inject. */
#ifndef TESTS_THEFT_INJECT_H
#define TESTS_THEFT_INJECT_H

#include "theft.h"

/*
 * t->pid is stopped under ptrace. Point it at a "rep movsb; ret" of its own
 * code, from each area to ordinary memory, and read it there; the return
 * address is 0, so that the way back ends in a fault that only we see. All is
 * put back. Ends the attack if that cannot be done.
 */
void inject_copy(struct theft *t);

#endif
