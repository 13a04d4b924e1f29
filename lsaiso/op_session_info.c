/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(session_info)
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
