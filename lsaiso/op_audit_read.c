/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(audit_read)
{
	const uint64_t end = iso->records + 1;
	uint64_t n = end > ISO_RECORDS ? end - ISO_RECORDS : 1;

	if (req->from > n)
		n = req->from < end ? req->from : end;
	rep->first = n;
	rep->next = end;
	memcpy(rep->chain, n < end ? iso->used[(n - 1) % ISO_RECORDS].before : iso->chain,
	       sizeof(rep->chain));
	for (; n < end && rep->records.len < ISO_RECORDS_MAX; n++) {
		memcpy(rep->records.at + rep->records.len, &iso->used[(n - 1) % ISO_RECORDS].of,
		       RECORD_SIZE);
		rep->records.len += RECORD_SIZE;
	}
	return ISO_OK;
}
