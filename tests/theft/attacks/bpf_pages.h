/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Run one program of pages.bpf.c. For the attacks by BPF. */
#ifndef TESTS_THEFT_BPF_PAGES_H
#define TESTS_THEFT_BPF_PAGES_H

#include "theft.h"

enum bpf_way { BPF_PROBE, BPF_ITERATE, BPF_DIRECT };

/*
 * Load and attach, let it copy the pages of the target's areas for at most so
 * many seconds, write them to OUT. Ends the attack if it is refused.
 */
void bpf_pages(struct theft *t, enum bpf_way way, double seconds);

#endif
