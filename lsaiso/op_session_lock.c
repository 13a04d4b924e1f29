/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/* A second lock changes nothing. */
enum iso_status
iso_op_session_lock(struct iso *iso, const struct iso_req_session_lock *req,
		    struct iso_rep_session_lock *rep)
{
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	(void)rep;
	if (st == ISO_OK && (s->flags & SESSION_LOCKED) == 0) {
		session_tokens(iso, s); /* from here on refilled_ms is the time of the lock */
		s->flags |= SESSION_LOCKED;
	}
	return st;
}
