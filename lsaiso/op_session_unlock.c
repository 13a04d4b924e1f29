/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_session_unlock(struct iso *iso, const struct iso_req_session_unlock *req,
		      struct iso_rep_session_unlock *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
