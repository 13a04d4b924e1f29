/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(logon_challenge)
{
	struct pending p = { .kind = PENDING_BOX,
			     .session = req->session,
			     .generation = req->generation,
			     .owner = req->owner };
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	st = st ?: pending_put(iso, &p);
	rep->challenge = p.id;
	return st;
}
