/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one dispatcher: decode, phase, call, encode, count, wipe. Made from
 * ops.h; knows nothing of what an operation does.
 */
#include "audit.h"
#include "wipe.h"

/* Deeper than the crypto below any handler goes. */
#define STACK_USED 6144u

static enum iso_status
call(struct iso *iso, uint32_t op)
{
	switch (op) {
#define CALL(n, name, phases, fx)                                                                  \
	case n:                                                                                    \
		return iso_op_##name(iso, &iso->req.name, &iso->rep.name);
		ISO_OPS(CALL)
#undef CALL
	default:
		return ISO_E_OP;
	}
}

static uint32_t
owned_length(const uint8_t *at, uint32_t max)
{
	uint32_t len = 0;

	memcpy(&len, at, sizeof(len));
	return len < max ? len : max;
}

/*
 * Zero the parts of a reply that hold something: of a variable part the
 * length that it says. Before a call (fresh) that is its length alone.
 */
static void
rep_wipe(const struct rpc_op *row, union iso_rep *rep, bool fresh)
{
	for (size_t i = 0; i < row->rep_fields; i++) {
		const struct rpc_field *f = &row->rep[i];
		uint8_t *at = (uint8_t *)rep + f->offset;
		uint32_t len = f->kind == RPC_U64 || f->kind == RPC_I64 ? 8 : 4;

		if (f->kind == RPC_FIX)
			len = f->max;
		else if (f->kind > RPC_FIX && !fresh)
			len = 4 + owned_length(at, f->max);
		wipe(at, len);
	}
}

__attribute__((noinline)) void
iso_stack_wipe(void)
{
	uint8_t below[STACK_USED];

	wipe(below, sizeof(below));
}

static void
count(struct iso *iso, enum iso_status st)
{
	if (st == ISO_OK) {
		iso->count.served++;
		return;
	}
	iso->count.refused++;
	if (iso->at != NULL && iso->at->refused != UINT16_MAX)
		iso->at->refused++;
}

size_t
iso_serve(struct iso *iso, size_t len)
{
	const struct wr out = { iso->out, sizeof(iso->out) };
	const struct rpc_op *named = NULL, *row = NULL;
	enum iso_status st = ISO_E_FRAME;
	uint32_t op = 0;
	size_t n = 0;

	iso->at = NULL;
	memset(&iso->note, 0, sizeof(iso->note));
	if (len <= sizeof(iso->frame))
		st = rpc_decode_req((struct rd){ iso->frame, len }, &op, &iso->req);
	else
		len = sizeof(iso->frame);
	named = rpc_op(op);
	row = st == ISO_OK ? named : NULL;
	if (row != NULL && (row->phases & iso->phase) == 0) {
		st = ISO_E_PHASE;
		row = NULL;
	}
	if (row != NULL) {
		rep_wipe(row, &iso->rep, true);
		st = call(iso, op);
	}
	if (rpc_encode_rep(op, st, &iso->rep, out, &n) != ISO_OK) {
		st = ISO_E_RANGE;
		if (rpc_encode_rep(op, st, NULL, out, &n) != ISO_OK)
			n = 0;
	}
	count(iso, st);
	if (named != NULL && named->effect != ISO_FX_NONE)
		audit_keep(iso, op, st);
	if (row != NULL) {
		rep_wipe(row, &iso->rep, false);
		if (row->effect != ISO_FX_NONE)
			iso_stack_wipe();
	}
	wipe(&iso->req, sizeof(iso->req));
	wipe(iso->frame, len);
	return n;
}
