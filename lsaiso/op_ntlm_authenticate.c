/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(ntlm_authenticate)
{
	struct session *s = NULL;
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);

	(void)rep;
	return st ?: ISO_E_POLICY;
}
