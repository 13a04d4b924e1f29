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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union iso_rep rep;
	struct iso_rep_krb_tgs_seal sealed = { 0 };
	struct iso *iso = iso_fresh_asked(&sealed);

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
