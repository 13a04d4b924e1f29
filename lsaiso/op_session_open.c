/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#define LIFETIME_MAX 31622400u /* seconds, 366 days; ops.h */

ISO_HANDLER(session_open)
{
	enum iso_status st = ISO_E_RANGE;

	if (req->lifetime >= 1 && req->lifetime <= LIFETIME_MAX)
		st = session_open(iso, req->owner, (uint64_t)req->lifetime * 1000, &rep->session);
	if (st == ISO_OK)
		rep->generation = iso->session[rep->session].generation;
	iso->note.session = rep->session;
	iso->note.generation = rep->generation;
	iso->note.owner = req->owner;
	return st;
}
