/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "tests/unit/logon_box.h"

#include <string.h>

#include "lib/box.h"
#include "lsass/ask.h"

/* As a client does it, but for the public key: it is lsaiso's own word here. */
static enum iso_status
absorb(const struct logon_box *to, struct box *box, uint8_t *blob, size_t *len)
{
	struct iso_req_logon_challenge challenge = { .session = to->session,
						     .generation = to->generation,
						     .owner = to->owner };
	struct iso_rep_logon_challenge answer;
	struct iso_req_logon_absorb ask = { .session = to->session,
					    .generation = to->generation,
					    .owner = to->owner };
	struct iso_rep_logon_absorb absorbed;
	struct iso_req_status status_req = { 0 };
	struct iso_rep_status is;
	uint8_t sealed[ISO_BOX];
	enum iso_status status = ask_status(&status_req, &is);

	if (status == ISO_OK)
		status = ask_logon_challenge(&challenge, &answer);
	if (status != ISO_OK)
		return status;
	box->challenge = answer.challenge;
	box->session = to->session;
	box->generation = to->generation;
	box->owner = to->owner;
	if (box_seal(is.public_key, box, sealed) != 0)
		return ISO_E_ENTROPY;
	ask.box = (struct rd){ sealed, sizeof(sealed) };
	status = ask_logon_absorb(&ask, &absorbed);
	if (status != ISO_OK)
		return status;
	memcpy(blob, absorbed.blob.at, absorbed.blob.len);
	*len = absorbed.blob.len;
	return ISO_OK;
}

enum iso_status
logon_box_password(const struct logon_box *to, const char *name, const char *password, size_t n,
		   uint8_t *blob, size_t *len)
{
	enum iso_status status = ISO_E_RANGE;
	struct box box;

	box.flags = 0;
	if (box_fill(&box, name, (struct rd){ (const uint8_t *)password, n }, 0) == 0)
		status = absorb(to, &box, blob, len);
	explicit_bzero(&box, sizeof(box));
	return status;
}

enum iso_status
logon_box_key(const struct logon_box *to, const char *name, int32_t etype, struct rd key,
	      uint8_t *blob, size_t *len)
{
	enum iso_status status = ISO_E_RANGE;
	struct box box;

	if (box_fill(&box, name, key, etype) == 0) {
		box.flags = BOX_KEEP;
		status = absorb(to, &box, blob, len);
	}
	explicit_bzero(&box, sizeof(box));
	return status;
}
