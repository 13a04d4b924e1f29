/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every message of ops.h: does it come through the codec unchanged, is each
 * shorter or longer frame refused, and is each operation allowed in its
 * phases only?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_host.h"

#define ROUNDS 40

static uint8_t random_octets[RPC_REQ_MAX];
static uint8_t frame[RPC_REQ_MAX], again[RPC_REQ_MAX];

struct owned {
	uint32_t len;
	uint8_t at[];
};

static uint32_t
below(uint32_t n)
{
	uint32_t r;

	test_random(&r, sizeof(r));
	return n == 0 ? 0 : r % n;
}

/* Lengths: none, all, and something between. */
static uint32_t
some_length(uint32_t max, int round)
{
	return round == 0 ? 0 : round == 1 ? max : below(max + 1);
}

static void
fill(const struct rpc_field *f, size_t n, void *base, bool owned, int round)
{
	memset(base, 0, owned ? sizeof(union iso_rep) : sizeof(union iso_req));
	for (size_t i = 0; i < n; i++) {
		uint8_t *at = (uint8_t *)base + f[i].offset;
		uint32_t len = some_length(f[i].max, round);
		struct rd view = { random_octets + below((uint32_t)sizeof(random_octets) - len),
				   len };

		switch ((enum rpc_kind)f[i].kind) {
		case RPC_U32:
		case RPC_I32:
			test_random(at, 4);
			break;
		case RPC_U64:
		case RPC_I64:
			test_random(at, 8);
			break;
		case RPC_FIX:
			test_random(at, f[i].max);
			break;
		case RPC_VAR:
		case RPC_SECRET:
		case RPC_RELEASE:
			if (owned) {
				memcpy(at, &len, sizeof(len));
				test_random(at + sizeof(len), len);
			} else {
				memcpy(at, &view, sizeof(view));
			}
			break;
		}
	}
}

/* Which lengths of a frame to try: all of a short one, some of a long one. */
static size_t
next_prefix(size_t n, size_t len)
{
	return len < 600 || n < 300 || n > len - 300 ? n + 1 : n + 1 + below(997);
}

static void
requests(void **state)
{
	static union iso_req in, out;
	uint32_t seen;

	(void)state;
	test_random(random_octets, sizeof(random_octets));
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		const struct rpc_op *row = rpc_op(op);

		for (int round = 0; round < ROUNDS; round++) {
			size_t len = 0, len2 = 0;

			fill(row->req, row->req_fields, &in, false, round);
			assert_int_equal(
			    rpc_encode_req(op, &in, (struct wr){ frame, sizeof(frame) }, &len),
			    ISO_OK);
			assert_int_equal(rpc_decode_req((struct rd){ frame, len }, &seen, &out),
					 ISO_OK);
			assert_int_equal(seen, op);
			assert_int_equal(
			    rpc_encode_req(op, &out, (struct wr){ again, sizeof(again) }, &len2),
			    ISO_OK);
			assert_int_equal(len, len2);
			assert_memory_equal(frame, again, len);
			/* no room, every prefix, one octet too many */
			assert_int_equal(
			    rpc_encode_req(op, &in, (struct wr){ again, len - 1 }, &len2),
			    ISO_E_RANGE);
			for (size_t n = 0; n < len; n = next_prefix(n, len))
				assert_int_equal(
				    rpc_decode_req((struct rd){ frame, n }, &seen, &out),
				    ISO_E_FRAME);
			if (len < sizeof(frame))
				assert_int_equal(
				    rpc_decode_req((struct rd){ frame, len + 1 }, &seen, &out),
				    ISO_E_FRAME);
			/* the same with a header that agrees */
			frame[4]++;
			if (frame[4] != 0 && len < sizeof(frame))
				assert_int_equal(
				    rpc_decode_req((struct rd){ frame, len + 1 }, &seen, &out),
				    ISO_E_FRAME);
			/* another version */
			frame[4]--;
			frame[0]++;
			assert_int_equal(rpc_decode_req((struct rd){ frame, len }, &seen, &out),
					 ISO_E_FRAME);
		}
	}
}

/* A part one octet over its maximum, on either side of the codec. */
static void
maxima(void **state)
{
	static union iso_req in, out;

	(void)state;
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		const struct rpc_op *row = rpc_op(op);

		for (size_t i = 0; i < row->req_fields; i++) {
			struct rd view = { random_octets, row->req[i].max + 1 };
			size_t len = 0, at = RPC_REQ_HDR;
			uint32_t seen = 0;

			if (row->req[i].kind < RPC_VAR || row->req[i].max == 0)
				continue;
			fill(row->req, row->req_fields, &in, false, 0);
			memcpy((uint8_t *)&in + row->req[i].offset, &view, sizeof(view));
			assert_int_equal(
			    rpc_encode_req(op, &in, (struct wr){ frame, sizeof(frame) }, &len),
			    ISO_E_RANGE);
			view.len--;
			memcpy((uint8_t *)&in + row->req[i].offset, &view, sizeof(view));
			assert_int_equal(
			    rpc_encode_req(op, &in, (struct wr){ frame, sizeof(frame) }, &len),
			    ISO_OK);
			for (size_t k = 0; k < i; k++)
				at += row->req[k].kind == RPC_U64 || row->req[k].kind == RPC_I64 ? 8
				      : row->req[k].kind == RPC_FIX ? row->req[k].max
								    : 4;
			frame[at]++; /* the maxima are even: no carry */
			frame[4]++;
			assert_int_equal(rpc_decode_req((struct rd){ frame, len + 1 }, &seen, &out),
					 ISO_E_FRAME);
		}
	}
}

static void
replies(void **state)
{
	static union iso_rep in, out;
	enum iso_status st;

	(void)state;
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		const struct rpc_op *row = rpc_op(op);

		for (int round = 0; round < ROUNDS; round++) {
			size_t len = 0, len2 = 0;

			fill(row->rep, row->rep_fields, &in, true, round);
			assert_int_equal(rpc_encode_rep(op, ISO_OK, &in,
							(struct wr){ frame, RPC_REP_MAX }, &len),
					 ISO_OK);
			memset(&out, 0, sizeof(out));
			assert_int_equal(rpc_decode_rep((struct rd){ frame, len }, op, &st, &out),
					 ISO_OK);
			assert_int_equal(st, ISO_OK);
			assert_memory_equal(&in, &out, sizeof(in));
			for (size_t n = 0; n < len; n = next_prefix(n, len))
				assert_int_equal(
				    rpc_decode_rep((struct rd){ frame, n }, op, &st, &out),
				    ISO_E_FRAME);
			assert_int_equal(
			    rpc_decode_rep((struct rd){ frame, len + 1 }, op, &st, &out),
			    ISO_E_FRAME);
			/* an answer to something else */
			assert_int_equal(rpc_decode_rep((struct rd){ frame, len },
							op % (ISO_OP_END - 1) + 1, &st, &out),
					 ISO_E_FRAME);
			/* a failed call has no body */
			assert_int_equal(rpc_encode_rep(op, ISO_E_RATE, &in,
							(struct wr){ frame, RPC_REP_MAX }, &len2),
					 ISO_OK);
			assert_int_equal(len2, RPC_REP_HDR);
			if (len > RPC_REP_HDR) {
				assert_int_equal(rpc_encode_rep(op, ISO_OK, &in,
								(struct wr){ frame, RPC_REP_MAX },
								&len),
						 ISO_OK);
				frame[4] = ISO_E_RATE;
				assert_int_equal(
				    rpc_decode_rep((struct rd){ frame, len }, op, &st, &out),
				    ISO_E_FRAME);
			}
		}
	}
}

static void
phases(void **state)
{
	static const uint32_t all[] = { ISO_BOOT, ISO_RUN };
	static union iso_req zero;

	(void)state;
	for (uint32_t op = 0; op < ISO_OP_END + 3; op++) {
		const struct rpc_op *row = rpc_op(op);

		for (size_t p = 0; p < 2; p++) {
			struct iso *iso = iso_fresh();
			enum iso_status st;

			iso->phase = all[p];
			if (row == NULL) {
				memset(iso->frame, 0, RPC_REQ_HDR);
				iso->frame[0] = RPC_VERSION;
				iso->frame[2] = (uint8_t)op;
				assert_int_equal(iso_serve(iso, RPC_REQ_HDR), RPC_REP_HDR);
				assert_int_equal(iso->out[4], ISO_E_OP);
				continue;
			}
			st = iso_call(iso, op, &zero, NULL);
			assert_int_equal(st == ISO_E_PHASE, (row->phases & all[p]) == 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(maxima),
		cmocka_unit_test(replies),
		cmocka_unit_test(phases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
