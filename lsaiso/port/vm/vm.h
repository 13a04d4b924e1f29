/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core as all there is in a virtual machine (rpc/vm.h). vm.c is the way
 * from the first instruction to the server, the doorbell and the clock;
 * entropy.c makes keys of what processor and host give.
 */
#ifndef LSAISO_PORT_VM_H
#define LSAISO_PORT_VM_H

#include <stdbool.h>

#include "host.h"
#include "port/port.h"
#include "rpc/vm.h"

#define VM_POOL 32u

/*
 * What the processor says of itself: EAX, EBX, ECX, EDX of CPUID with ECX = 0,
 * all 0 for a leaf that is not in the info page.
 */
void vm_cpuid(uint32_t leaf, uint32_t said[4]);

/* A generator whose key is replaced at each use. */
struct vm_pool {
	uint8_t key[VM_POOL];
	bool has_rdseed;
};

/*
 * Fill the pool from the processor's generator and the host's seed, either
 * of which is enough. Returns ISO_OK, or ISO_E_ENTROPY if the processor has no
 * RDRAND, or one that is out of order.
 */
enum iso_status vm_pool_fill(struct vm_pool *pool, const uint8_t seed[VM_SEED]) RPC_CHECKED;

/*
 * Draw octets fit for keys. Fresh octets of the processor go into each draw;
 * what was drawn before cannot be found from the pool. ISO_OK or ISO_E_ENTROPY.
 */
enum iso_status vm_pool_draw(struct vm_pool *pool, struct wr into) RPC_CHECKED;

#endif
