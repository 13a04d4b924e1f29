/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#define MOST	 1000000u /* tokens a second, and in a bucket; ops.h */
#define NAME_MAX 255u

/* Printable names, each with a NUL after it. */
static bool
names(struct rd list)
{
	size_t len = 0;

	for (size_t i = 0; i < list.len; i++) {
		uint8_t c = list.at[i];

		if (c == 0 ? len == 0 : (c <= ' ' || c > '~' || len == NAME_MAX))
			return false;
		len = c == 0 ? 0 : len + 1;
	}
	return len == 0;
}

ISO_HANDLER(configure)
{
	if (!names(req->targets) || (req->policy & ~ISO_POLICY_ALL) != 0 || req->rate < 1 ||
	    req->rate > MOST || req->burst < 1 || req->burst > MOST)
		return ISO_E_RANGE;
	iso->policy = req->policy;
	iso->rate = req->rate;
	iso->burst = req->burst;
	memcpy(iso->targets, req->targets.at, req->targets.len);
	iso->targets_len = (uint32_t)req->targets.len;
	iso->phase = ISO_RUN;
	return ISO_OK;
}
