/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

enum iso_status
iso_op_session_close(struct iso *iso, const struct iso_req_session_close *req,
		     struct iso_rep_session_close *rep)
{
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	(void)rep;
	if (st == ISO_OK)
		session_close(iso, s);
	return st;
}
