/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X25519, the Diffie-Hellman function of RFC 7748. Our own, because nettle's
 * is in libhogweed, whose arithmetic is GMP's: as much code again as all of
 * lsaiso, a heap, and function pointers that can be written.
 */
#ifndef LSAISO_X25519_H
#define LSAISO_X25519_H

#include "rpc/rpc.h"

/*
 * What private and point share. Any 32 octets are a private key and a point;
 * bits that RFC 7748 section 5 sets, clears or ignores are treated so.
 *
 * point  somebody's public key; or the octet 9 and 31 zeros: then out is the
 *        public key that belongs to private
 * out    may be one of the others; the caller wipes it
 *
 * Returns ISO_OK, or ISO_E_RANGE if out is all zero: point is of low order,
 * and who sent it knows what is shared without any private key (section 6.1).
 * Constant time. What the compiler put on the stack iso_stack_wipe clears.
 */
enum iso_status x25519(uint8_t out[ISO_PUBLIC], const uint8_t private[ISO_PUBLIC],
		       const uint8_t point[ISO_PUBLIC]) RPC_CHECKED;

#endif
