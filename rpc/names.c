/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Names for people, made from the same tables. lsaiso does not link this. */
#include "rpc/rpc.h"
#include "rpc/vm.h"

#define NM_FIELD(kind, name, max) #name,
#define NM_TABLES(number, op, phases, fx)                                                          \
	static const char *const req_##op[] = { ISO_REQ_##op(NM_FIELD) 0 };                        \
	static const char *const rep_##op[] = { ISO_REP_##op(NM_FIELD) 0 };
ISO_OPS(NM_TABLES)

static const struct {
	const char *name;
	const char *const *req;
	const char *const *rep;
} ops[] = {
#define NM_ROW(number, op, phases, fx) [number] = { #op, req_##op, rep_##op },
	ISO_OPS(NM_ROW)
};

const char *
rpc_op_name(uint32_t op)
{
	return rpc_op(op) != 0 ? ops[op].name : "unknown";
}

const char *
rpc_field_name(uint32_t op, int reply, unsigned int field)
{
	const struct rpc_op *row = rpc_op(op);

	if (row == 0 || field >= (reply ? row->rep_fields : row->req_fields))
		return "unknown";
	return reply ? ops[op].rep[field] : ops[op].req[field];
}

const char *
rpc_status_text(uint32_t status)
{
	switch (status) {
#define NM_STATUS(number, name, text)                                                              \
	case number:                                                                               \
		return text;
		ISO_STATUS_LIST(NM_STATUS)
	case ISO_GONE:
		return "lsaiso is not running";
	default:
		return "unknown status";
	}
}

const char *
rpc_exit_text(int code)
{
	switch (code) {
#define NM_EXIT(number, name, text)                                                                \
	case number:                                                                               \
		return text;
		ISO_EXIT_LIST(NM_EXIT)
		VMM_EXIT_LIST(NM_EXIT)
		LINK_EXIT_LIST(NM_EXIT)
	default:
		return 0;
	}
}
