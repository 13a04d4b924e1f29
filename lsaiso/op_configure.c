/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#define MOST 1000000u /* tokens a second, and in a bucket; ops.h */

ISO_HANDLER(configure)
{
	if ((req->policy & ~ISO_POLICY_ALL) != 0 || req->rate < 1 || req->rate > MOST ||
	    req->burst < 1 || req->burst > MOST)
		return ISO_E_RANGE;
	iso->policy = req->policy;
	iso->rate = req->rate;
	iso->burst = req->burst;
	iso->phase = ISO_RUN;
	return ISO_OK;
}
