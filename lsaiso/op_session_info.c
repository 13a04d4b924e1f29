/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

enum iso_status
iso_op_session_info(struct iso *iso, const struct iso_req_session_info *req,
		    struct iso_rep_session_info *rep)
{
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	if (st != ISO_OK)
		return st;
	rep->expires_in = (s->expires_ms - iso->now_ms) / 1000;
	rep->uses = s->uses;
	rep->refused = s->refused;
	rep->tokens = session_tokens(iso, s);
	rep->locked = (s->flags & SESSION_LOCKED) != 0;
	return ISO_OK;
}
