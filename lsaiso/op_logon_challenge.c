/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_logon_challenge(struct iso *iso, const struct iso_req_logon_challenge *req,
		       struct iso_rep_logon_challenge *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
