/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

enum iso_status
iso_op_logon_challenge(struct iso *iso, const struct iso_req_logon_challenge *req,
		       struct iso_rep_logon_challenge *rep)
{
	struct pending p = { .kind = PENDING_BOX,
			     .session = req->session,
			     .generation = req->generation,
			     .owner = req->owner };
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	if (st == ISO_OK)
		st = pending_put(iso, &p);
	rep->challenge = p.id;
	return st;
}
