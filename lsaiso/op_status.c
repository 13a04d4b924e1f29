/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(status)
{
	uint64_t now = iso_now(iso);

	session_tick(iso, now);
	pending_purge(iso, now);
	memcpy(rep->boot_id, iso->boot_id, sizeof(rep->boot_id));
	rep->phase = iso->phase;
	rep->policy = iso->policy;
	rep->uptime_ms = now - iso->start_ms;
	rep->sessions = iso->open;
	rep->sessions_max = ISO_SESSIONS;
	rep->pending = iso->waiting;
	rep->pending_max = ISO_PENDINGS;
	rep->served = iso->count.served;
	rep->refused = iso->count.refused;
	rep->absorbed = iso->count.absorbed;
	rep->sealed = iso->count.sealed;
	rep->released = iso->count.released;
	rep->withheld = iso->count.withheld;
	rep->dropped = iso->count.dropped;
	rep->root_kind = iso->root_kind;
	memcpy(rep->root_id, iso->root_id, sizeof(rep->root_id));
	memcpy(rep->public_key, iso->public, sizeof(rep->public_key));
	return ISO_OK;
}
