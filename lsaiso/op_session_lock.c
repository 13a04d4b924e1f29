/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

/* A second lock changes nothing. */
ISO_HANDLER(session_lock)
{
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	if (st == ISO_OK && (s->flags & SESSION_LOCKED) == 0) {
		session_tokens(iso, s); /* from here on refilled_ms is the time of the lock */
		s->flags |= SESSION_LOCKED;
	}
	return st;
}
