/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_audit_read(struct iso *iso, const struct iso_req_audit_read *req,
		  struct iso_rep_audit_read *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
