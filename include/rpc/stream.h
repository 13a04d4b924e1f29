/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The channel when lsaiso is on the other side of a virtual machine's
 * border: RPC frames over an ordered stream of octets (a virtio-serial port,
 * vsock, a UNIX socket). Between lsalink in the guest, which to lsass is what
 * lsaiso is, and lsaiso-host on the hypervisor's host.
 *
 * Neither side trusts the other: the host takes the guest for hostile, and
 * the guest believes the host nothing but what op prove shows.
 *
 *   frame    u32 STREAM_MAGIC | u32 type | u32 seq | u32 length | payload |
 *            u32 STREAM_END
 *
 * All integers are little-endian. At most one CALL is under way. A frame
 * whose end is wrong is dropped, and the reader looks for the next magic.
 *
 * A port has no notion of a new opener: what an earlier one left, half a
 * frame even, may still be in it, in both directions. So the guest begins
 * with STREAM_SYNC zero octets, which complete whatever was begun with an end
 * that is wrong; outside a frame zero octets are skipped. Then it sends
 * HELLO, and drops all it reads until WELCOME or REFUSED bears its nonce.
 *
 * No payload has room for so many zero octets in a row. Therefore the host
 * reads nothing from a new connection before it has seen them: what it may
 * otherwise take for a frame is what some user of the guest put into a call.
 * Its answer to a HELLO has zero octets before it as well.
 */
#ifndef RPC_STREAM_H
#define RPC_STREAM_H

#include <stdint.h>

#include "rpc/rpc.h"

#define STREAM_VERSION 1u
#define STREAM_MAGIC   0x5341534cu /* "LSAS" as octets */
#define STREAM_END     0x0a444e45u /* "END\n" */
#define STREAM_HDR     16u
#define STREAM_TRAILER 4u
#define STREAM_NONCE   16u
#define STREAM_BODY    RPC_REQ_MAX /* the longest payload of either way */
#define STREAM_FRAME   (STREAM_HDR + STREAM_BODY + STREAM_TRAILER)
#define STREAM_SYNC    STREAM_FRAME
/*
 * By vsock the guest comes from a port up to this one: only root (in Linux,
 * CAP_NET_BIND_SERVICE) binds these, and any user could connect. The host
 * closes the others.
 */
#define STREAM_VSOCK_PORT 1023u
_Static_assert(RPC_REQ_MAX >= RPC_REP_MAX, "one maximum for both ways");

enum stream_type {
	STREAM_HELLO = 1,   /* guest: struct stream_hello; seq 0 */
	STREAM_WELCOME = 2, /* host: struct stream_welcome; seq 0 */
	STREAM_REFUSED = 3, /* host: struct stream_refused; seq 0 */
	STREAM_CALL = 4,    /* guest: an RPC request; seq is the guest's choice, not 0 */
	STREAM_REPLY = 5,   /* host: the RPC reply; seq of the call */
	STREAM_GONE = 6,    /* host: the lsaiso of the last WELCOME has ended; no payload */
};

/* On the wire as they lie here: little-endian, no holes. */
struct stream_hello {
	uint32_t version; /* STREAM_VERSION */
	uint32_t rpc;	  /* RPC_VERSION */
	uint8_t nonce[STREAM_NONCE];
	/*
	 * Who asks: drawn by the guest's lsainit at its start, and again for
	 * lsactl wipe. Another one than before, so the guest or lsainit was started
	 * anew, ends all that lsaiso holds.
	 */
	uint8_t machine[16];
};
struct stream_welcome {
	uint32_t version, rpc;
	uint8_t nonce[STREAM_NONCE]; /* of the HELLO */
	uint8_t boot_id[ISO_BOOT_ID];
};
struct stream_refused {
	uint32_t why; /* enum stream_why */
	uint8_t nonce[STREAM_NONCE];
};
_Static_assert(sizeof(struct stream_hello) == 40 && sizeof(struct stream_welcome) == 40 &&
		   sizeof(struct stream_refused) == 20,
	       "no holes");

/* clang-format off */
/* WHY(number, name, text for people) */
#define STREAM_WHY_LIST(WHY)                                                                  \
	WHY(1, VERSION, "host and guest are of different versions")                            \
	WHY(2, TENANT, "the host does not know this guest")                                    \
	WHY(3, BUSY, "another connection of this guest is being served")                       \
	WHY(4, RATE, "too many connections within a short time")                               \
	WHY(5, ISO, "the host has no lsaiso for this guest at the moment")
/* clang-format on */
#define STREAM_WHY_ENUM(n, name, text) STREAM_WHY_##name = n,
enum stream_why { STREAM_WHY_LIST(STREAM_WHY_ENUM) };
#undef STREAM_WHY_ENUM

#endif
