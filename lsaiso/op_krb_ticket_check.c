/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_krb_ticket_check(struct iso *iso, const struct iso_req_krb_ticket_check *req,
			struct iso_rep_krb_ticket_check *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
