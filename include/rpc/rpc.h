/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Structs and codec made from ops.h. Compiled into both worlds;
 * freestanding: no libc beyond memcpy and memset.
 *
 * On the wire everything is little-endian and fixed-width, messages are
 * flat, every variable part has a maximum, trailing octets are refused.
 *
 *   request   u16 RPC_VERSION | u16 op | u32 length | payload
 *   reply     u16 RPC_VERSION | u16 op | u32 status | u32 length | payload
 *
 * A reply whose status is not ISO_OK has length 0.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/ops.h"
#include "rpc/status.h"

#define RPC_VERSION 1u
#define RPC_REQ_HDR 8u
#define RPC_REP_HDR 12u

/* Largest frames that ops.h can make, headers included (checked in codec.c). */
#define RPC_REQ_MAX 69632u /* 68 KiB */
#define RPC_REP_MAX 12288u /* 12 KiB */

/* A pointer and its bound travel together. */
struct rd {
	const uint8_t *at;
	size_t len;
};
struct wr {
	uint8_t *at;
	size_t left;
};

/* Of a function: what it returns must be looked at. */
#define RPC_CHECKED __attribute__((warn_unused_result))

enum iso_op {
#define RPC_OP_ENUM(n, name, phases, fx) ISO_OP_##name = n,
	ISO_OPS(RPC_OP_ENUM)
#undef RPC_OP_ENUM
	    ISO_OP_END /* one past the highest */
};

/* Requests: variable parts are views. RELEASE does not exist here. */
#define RPC_RQ_U32(name, max)	 uint32_t name;
#define RPC_RQ_U64(name, max)	 uint64_t name;
#define RPC_RQ_I32(name, max)	 int32_t name;
#define RPC_RQ_I64(name, max)	 int64_t name;
#define RPC_RQ_FIX(name, max)	 uint8_t name[max];
#define RPC_RQ_VAR(name, max)	 struct rd name;
#define RPC_RQ_SECRET(name, max) struct rd name;
#define RPC_RQ(kind, name, max)	 RPC_RQ_##kind(name, max)

/* Replies: variable parts are owned octets. SECRET does not exist here. */
#define RPC_RP_U32(name, max) uint32_t name;
#define RPC_RP_U64(name, max) uint64_t name;
#define RPC_RP_I32(name, max) int32_t name;
#define RPC_RP_I64(name, max) int64_t name;
#define RPC_RP_FIX(name, max) uint8_t name[max];
#define RPC_RP_VAR(name, max)                                                                      \
	struct {                                                                                   \
		uint32_t len;                                                                      \
		uint8_t at[max];                                                                   \
	} name;
#define RPC_RP_RELEASE(name, max) RPC_RP_VAR(name, max)
#define RPC_RP(kind, name, max)	  RPC_RP_##kind(name, max)

/* A struct of no fields has one unused octet, so that it has a size. */
#define RPC_STRUCTS(n, name, phases, fx)                                                           \
	struct iso_req_##name {                                                                    \
		uint8_t reserved_;                                                                 \
		ISO_REQ_##name(RPC_RQ)                                                             \
	};                                                                                         \
	struct iso_rep_##name {                                                                    \
		uint8_t reserved_;                                                                 \
		ISO_REP_##name(RPC_RP)                                                             \
	};
ISO_OPS(RPC_STRUCTS)
#undef RPC_STRUCTS

/* Any request, any reply: what the dispatcher and the tests hold. */
union iso_req {
#define RPC_REQ_MEMBER(n, name, phases, fx) struct iso_req_##name name;
	ISO_OPS(RPC_REQ_MEMBER)
#undef RPC_REQ_MEMBER
};
union iso_rep {
#define RPC_REP_MEMBER(n, name, phases, fx) struct iso_rep_##name name;
	ISO_OPS(RPC_REP_MEMBER)
#undef RPC_REP_MEMBER
};

enum rpc_kind { RPC_U32, RPC_U64, RPC_I32, RPC_I64, RPC_FIX, RPC_VAR, RPC_SECRET, RPC_RELEASE };

/* One field of a message: its kind, where it is in the struct, its limit. */
struct rpc_field {
	uint8_t kind; /* enum rpc_kind */
	uint16_t offset;
	uint32_t max; /* octets; 0 for integers */
};

/* One operation as the codec sees it. */
struct rpc_op {
	uint8_t phases; /* ISO_BOOT, ISO_RUN; 0: there is no such operation */
	uint8_t effect; /* ISO_FX_* */
	uint8_t req_fields;
	uint8_t rep_fields;
	const struct rpc_field *req;
	const struct rpc_field *rep;
};

/*
 * The row of operation op, or NULL if there is none. op comes off the wire.
 */
const struct rpc_op *rpc_op(uint32_t op);

/*
 * Encode a request into out.
 *
 * op   one of enum iso_op; req the matching struct (as union member)
 * len  out, octets written
 *
 * Returns ISO_OK, ISO_E_OP, ISO_E_RANGE (a part longer than its maximum, or
 * out too small). Not constant time; copies secrets: the caller wipes out.
 */
enum iso_status rpc_encode_req(uint32_t op, const void *req, struct wr out, size_t *len)
    __attribute__((warn_unused_result));

/*
 * Decode a request frame. Views in req point into frame.
 *
 * op  out, the operation named in the header, also on ISO_E_OP (0 if the
 *     frame is too short to name one)
 *
 * Returns ISO_OK, ISO_E_OP, ISO_E_FRAME (short, long, version, a part longer
 * than its maximum, trailing octets).
 */
enum iso_status rpc_decode_req(struct rd frame, uint32_t *op, union iso_req *req)
    __attribute__((warn_unused_result));

/*
 * Encode a reply: a body only when status is ISO_OK.
 *
 * Returns ISO_OK, ISO_E_OP (unknown op with status ISO_OK), ISO_E_RANGE.
 */
enum iso_status rpc_encode_rep(uint32_t op, enum iso_status status, const void *rep, struct wr out,
			       size_t *len) __attribute__((warn_unused_result));

/*
 * Decode a reply to op into rep (zeroed first).
 *
 * status  out, what lsaiso answered; only valid when this returns ISO_OK
 *
 * Returns ISO_OK, ISO_E_FRAME (wrong op, version, shape).
 */
enum iso_status rpc_decode_rep(struct rd frame, uint32_t op, enum iso_status *status, void *rep)
    __attribute__((warn_unused_result));

/* Names for people; rpc/names.c, never linked into lsaiso. */
const char *rpc_op_name(uint32_t op);
const char *rpc_field_name(uint32_t op, int reply, unsigned int field);
const char *rpc_status_text(uint32_t status); /* knows ISO_GONE too */
const char *rpc_exit_text(int code);	      /* NULL if not an exit code of ours */

#endif
