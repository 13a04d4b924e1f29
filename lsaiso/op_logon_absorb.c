/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_logon_absorb(struct iso *iso, const struct iso_req_logon_absorb *req,
		    struct iso_rep_logon_absorb *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
