/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The one codec: walks the field tables that ops.h makes. Freestanding;
 * compiled into both worlds.
 */
#include <string.h>

#include "rpc/rpc.h"

#define CD_REQ_FIELD(kind_, name, max_)                                                            \
	{ .kind = RPC_##kind_, .offset = (uint16_t)offsetof(req_t, name), .max = (max_) },
#define CD_REP_FIELD(kind_, name, max_)                                                            \
	{ .kind = RPC_##kind_, .offset = (uint16_t)offsetof(rep_t, name), .max = (max_) },
#define CD_COUNT(kind_, name, max_) +1

/*
 * Each case has typedefs of its own, which is how one pair of field macros
 * serves every message. Tables end with an unused row so that none is empty.
 */
#define CD_CASE(number, op, phases_, effect_)                                                      \
	case number: {                                                                             \
		typedef struct iso_req_##op req_t;                                                 \
		typedef struct iso_rep_##op rep_t;                                                 \
		static const struct rpc_field req[] = { ISO_REQ_##op(CD_REQ_FIELD){                \
		    RPC_U32, 0, sizeof(req_t) != 0 } };                                            \
		static const struct rpc_field rep[] = { ISO_REP_##op(CD_REP_FIELD){                \
		    RPC_U32, 0, sizeof(rep_t) != 0 } };                                            \
		static const struct rpc_op row = {                                                 \
			.phases = phases_,                                                         \
			.effect = effect_,                                                         \
			.req_fields = 0 ISO_REQ_##op(CD_COUNT),                                    \
			.rep_fields = 0 ISO_REP_##op(CD_COUNT),                                    \
			.req = req,                                                                \
			.rep = rep,                                                                \
		};                                                                                 \
		return &row;                                                                       \
	}

const struct rpc_op *
rpc_op(uint32_t op)
{
	switch (op) {
		ISO_OPS(CD_CASE)
	default:
		return NULL;
	}
}

/* The limits of mailbox.h hold for every message of ops.h. */
#define CD_SIZE(kind_, name, max_) +CD_SIZE_##kind_(max_)
#define CD_SIZE_U32(max_)	   4
#define CD_SIZE_U64(max_)	   8
#define CD_SIZE_I32(max_)	   4
#define CD_SIZE_I64(max_)	   8
#define CD_SIZE_FIX(max_)	   (max_)
#define CD_SIZE_VAR(max_)	   (4 + (max_))
#define CD_SIZE_SECRET(max_)	   (4 + (max_))
#define CD_SIZE_RELEASE(max_)	   (4 + (max_))
#define CD_FITS(number, op, phases_, effect_)                                                      \
	_Static_assert(RPC_REQ_HDR ISO_REQ_##op(CD_SIZE) <= RPC_REQ_MAX, "request fits");          \
	_Static_assert(RPC_REP_HDR ISO_REP_##op(CD_SIZE) <= RPC_REP_MAX, "reply fits");
ISO_OPS(CD_FITS)

/* ---- octets and integers, bounds first */

static enum iso_status
put_bytes(struct wr *out, const void *from, size_t n)
{
	if (n > out->left)
		return ISO_E_RANGE;
	if (n != 0)
		memcpy(out->at, from, n);
	out->at += n;
	out->left -= n;
	return ISO_OK;
}

static enum iso_status
put_le(struct wr *out, uint64_t value, size_t n)
{
	uint8_t octets[8];

	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)(value >> (8 * i));
	return put_bytes(out, octets, n);
}

static enum iso_status
get_bytes(struct rd *in, size_t n, const uint8_t **at)
{
	if (n > in->len)
		return ISO_E_FRAME;
	*at = in->at;
	in->at += n;
	in->len -= n;
	return ISO_OK;
}

static enum iso_status
get_le(struct rd *in, uint64_t *value, size_t n)
{
	const uint8_t *octets = NULL;
	enum iso_status st = get_bytes(in, n, &octets);

	*value = 0;
	if (st != ISO_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		*value |= (uint64_t)octets[i] << (8 * i);
	return ISO_OK;
}

/* ---- one field */

static size_t
int_width(uint8_t kind)
{
	return kind == RPC_U64 || kind == RPC_I64 ? 8 : 4;
}

/* Where a reply keeps a variable part: a length, then the octets. */
struct owned {
	uint32_t len;
	uint8_t at[];
};

static enum iso_status
put_var(struct wr *out, const void *at, size_t len, uint32_t max)
{
	enum iso_status st;

	if (len > max)
		return ISO_E_RANGE;
	st = put_le(out, len, 4);
	return st != ISO_OK ? st : put_bytes(out, at, len);
}

static enum iso_status
put_field(struct wr *out, const struct rpc_field *f, const uint8_t *base, int owned)
{
	const uint8_t *at = base + f->offset;
	uint64_t value = 0;
	struct owned head;
	struct rd view;

	switch ((enum rpc_kind)f->kind) {
	case RPC_U32:
	case RPC_I32:
	case RPC_U64:
	case RPC_I64:
		memcpy(&value, at, int_width(f->kind)); /* both worlds are little-endian */
		return put_le(out, value, int_width(f->kind));
	case RPC_FIX:
		return put_bytes(out, at, f->max);
	case RPC_VAR:
	case RPC_SECRET:
	case RPC_RELEASE:
		break;
	}
	if (owned) {
		memcpy(&head, at, sizeof(head));
		return put_var(out, at + sizeof(head), head.len, f->max);
	}
	memcpy(&view, at, sizeof(view));
	return put_var(out, view.at, view.len, f->max);
}

static enum iso_status
get_field(struct rd *in, const struct rpc_field *f, uint8_t *base, int owned)
{
	uint8_t *at = base + f->offset;
	const uint8_t *octets = NULL;
	uint64_t value = 0;
	enum iso_status st;
	struct owned head = { 0 };
	struct rd view;

	switch ((enum rpc_kind)f->kind) {
	case RPC_U32:
	case RPC_I32:
	case RPC_U64:
	case RPC_I64:
		st = get_le(in, &value, int_width(f->kind));
		if (st == ISO_OK)
			memcpy(at, &value, int_width(f->kind));
		return st;
	case RPC_FIX:
		st = get_bytes(in, f->max, &octets);
		if (st == ISO_OK)
			memcpy(at, octets, f->max);
		return st;
	case RPC_VAR:
	case RPC_SECRET:
	case RPC_RELEASE:
		break;
	}
	st = get_le(in, &value, 4);
	if (st != ISO_OK || value > f->max)
		return ISO_E_FRAME;
	st = get_bytes(in, (size_t)value, &octets);
	if (st != ISO_OK)
		return st;
	if (owned) {
		head.len = (uint32_t)value;
		memcpy(at, &head, sizeof(head));
		memcpy(at + sizeof(head), octets, head.len);
		return ISO_OK;
	}
	view.at = octets;
	view.len = (size_t)value;
	memcpy(at, &view, sizeof(view));
	return ISO_OK;
}

static enum iso_status
put_fields(struct wr *out, const struct rpc_field *f, size_t n, const void *base, int owned)
{
	for (size_t i = 0; i < n; i++) {
		enum iso_status st = put_field(out, &f[i], base, owned);

		if (st != ISO_OK)
			return st;
	}
	return ISO_OK;
}

static enum iso_status
get_fields(struct rd *in, const struct rpc_field *f, size_t n, void *base, int owned)
{
	for (size_t i = 0; i < n; i++) {
		if (get_field(in, &f[i], base, owned) != ISO_OK)
			return ISO_E_FRAME;
	}
	return in->len == 0 ? ISO_OK : ISO_E_FRAME;
}

/* ---- messages */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are copied, not swapped");

enum iso_status
rpc_encode_req(uint32_t op, const void *req, struct wr out, size_t *len)
{
	const struct rpc_op *row = rpc_op(op);
	struct wr body;
	enum iso_status st;

	*len = 0;
	if (row == NULL)
		return ISO_E_OP;
	if (out.left < RPC_REQ_HDR)
		return ISO_E_RANGE;
	body.at = out.at + RPC_REQ_HDR;
	body.left = out.left - RPC_REQ_HDR;
	st = put_fields(&body, row->req, row->req_fields, req, 0);
	if (st != ISO_OK)
		return st;
	*len = out.left - body.left;
	out.left = RPC_REQ_HDR;
	if (put_le(&out, RPC_VERSION, 2) != ISO_OK || put_le(&out, op, 2) != ISO_OK)
		return ISO_E_RANGE;
	return put_le(&out, *len - RPC_REQ_HDR, 4);
}

enum iso_status
rpc_decode_req(struct rd frame, uint32_t *op, union iso_req *req)
{
	const struct rpc_op *row;
	uint64_t version = 0, number = 0, length = 0;

	memset(req, 0, sizeof(*req));
	*op = 0;
	if (get_le(&frame, &version, 2) != ISO_OK || get_le(&frame, &number, 2) != ISO_OK ||
	    get_le(&frame, &length, 4) != ISO_OK)
		return ISO_E_FRAME;
	*op = (uint32_t)number;
	if (version != RPC_VERSION || length != frame.len)
		return ISO_E_FRAME;
	row = rpc_op(*op);
	if (row == NULL)
		return ISO_E_OP;
	return get_fields(&frame, row->req, row->req_fields, req, 0);
}

enum iso_status
rpc_encode_rep(uint32_t op, enum iso_status status, const void *rep, struct wr out, size_t *len)
{
	const struct rpc_op *row = rpc_op(op);
	struct wr body;
	enum iso_status st = ISO_OK;

	*len = 0;
	if (out.left < RPC_REP_HDR)
		return ISO_E_RANGE;
	body.at = out.at + RPC_REP_HDR;
	body.left = out.left - RPC_REP_HDR;
	if (status == ISO_OK) {
		if (row == NULL)
			return ISO_E_OP;
		st = put_fields(&body, row->rep, row->rep_fields, rep, 1);
	}
	if (st != ISO_OK)
		return st;
	*len = out.left - body.left;
	out.left = RPC_REP_HDR;
	if (put_le(&out, RPC_VERSION, 2) != ISO_OK || put_le(&out, op, 2) != ISO_OK ||
	    put_le(&out, (uint64_t)status, 4) != ISO_OK)
		return ISO_E_RANGE;
	return put_le(&out, *len - RPC_REP_HDR, 4);
}

enum iso_status
rpc_decode_rep(struct rd frame, uint32_t op, enum iso_status *status, void *rep)
{
	const struct rpc_op *row = rpc_op(op);
	uint64_t version = 0, number = 0, answer = 0, length = 0;

	if (row == NULL)
		return ISO_E_FRAME;
	if (get_le(&frame, &version, 2) != ISO_OK || get_le(&frame, &number, 2) != ISO_OK ||
	    get_le(&frame, &answer, 4) != ISO_OK || get_le(&frame, &length, 4) != ISO_OK)
		return ISO_E_FRAME;
	if (version != RPC_VERSION || number != op || length != frame.len)
		return ISO_E_FRAME;
	*status = (enum iso_status)answer;
	if (*status != ISO_OK)
		return length == 0 ? ISO_OK : ISO_E_FRAME;
	return get_fields(&frame, row->rep, row->rep_fields, rep, 1);
}
