/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_offline_make(struct iso *iso, const struct iso_req_offline_make *req,
		    struct iso_rep_offline_make *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
