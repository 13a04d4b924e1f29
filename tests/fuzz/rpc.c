/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames to a live lsaiso: one session, one sealed TGT, one request waiting.
 * Input: frames, each after its length in two octets, little-endian. Entropy
 * repeats, so a blob that is in the corpus stays authentic.
 */
#include <stdlib.h>
#include <string.h>

#include "iso_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct iso *
live(void)
{
	static const uint8_t key[32] = "the key of the corpus's own TGT.";
	struct iso *iso = iso_fresh_seeded(1);
	struct iso_req_configure conf = { .policy = ISO_POLICY_ALL, .rate = 1000, .burst = 1000 };
	struct iso_req_session_open open = { .owner = 1000, .lifetime = 3600 };
	struct iso_rep_session_open s = { 0 };
	struct iso_req_cred_absorb absorb = { .owner = 1000,
					      .kind = ISO_KIND_TGT,
					      .etype = 18,
					      .endtime = TEST_NOW + 3600,
					      .client = d_client(),
					      .key = { key, 32 } };
	struct iso_rep_cred_absorb blob = { 0 };
	struct body_spec spec = { .nonce = 1 };
	struct iso_req_krb_tgs_seal seal = { .owner = 1000,
					     .client = absorb.client,
					     .body = d_body(&spec) };

	if (iso_call(iso, ISO_OP_configure, &conf, NULL) != ISO_OK ||
	    iso_call(iso, ISO_OP_session_open, &open, &s) != ISO_OK)
		abort();
	absorb.session = seal.session = s.session;
	absorb.generation = seal.generation = s.generation;
	if (iso_call(iso, ISO_OP_cred_absorb, &absorb, &blob) != ISO_OK)
		abort();
	seal.blob = (struct rd){ blob.blob.at, blob.blob.len };
	if (iso_call(iso, ISO_OP_krb_tgs_seal, &seal, NULL) != ISO_OK)
		abort();
	return iso;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union iso_rep rep;
	struct iso *iso = live();

	while (size >= 2) {
		size_t len = data[0] | (size_t)data[1] << 8, n;
		enum iso_status st = ISO_OK;
		uint32_t op = 0;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		memcpy(iso->frame, data, len);
		if (len >= RPC_REQ_HDR)
			op = data[2] | (uint32_t)data[3] << 8;
		n = iso_serve(iso, len);
		/* always an answer, and one that the broker can read */
		if (n < RPC_REP_HDR || n > RPC_REP_MAX)
			abort();
		if (rpc_op(op) != NULL &&
		    rpc_decode_rep((struct rd){ iso->out, n }, op, &st, &rep) != ISO_OK)
			abort();
		data += len;
		size -= len;
		pass_ms(1000);
	}
	return 0;
}
