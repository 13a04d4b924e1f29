/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

enum iso_status
iso_op_ping(struct iso *iso, const struct iso_req_ping *req, struct iso_rep_ping *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_OK;
}
