/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "iso_host.h"

struct box
client_box(struct iso *iso, struct iso_rep_session_open s, uint32_t owner, const char *name,
	   struct rd secret, int32_t etype, uint32_t flags)
{
	struct iso_req_logon_challenge ask = { .session = s.session,
					       .generation = s.generation,
					       .owner = owner };
	struct iso_rep_logon_challenge got = { 0 };
	struct box box = {
		.session = s.session, .generation = s.generation, .owner = owner, .flags = flags
	};

	assert_int_equal(iso_call(iso, ISO_OP_logon_challenge, &ask, &got), ISO_OK);
	assert_int_not_equal(got.challenge, 0);
	box.challenge = got.challenge;
	assert_int_equal(box_fill(&box, name, secret, etype), 0);
	return box;
}

enum iso_status
client_give(struct iso *iso, struct iso_rep_session_open s, uint32_t owner, const struct box *box,
	    struct iso_rep_logon_absorb *rep)
{
	uint8_t sealed[ISO_BOX];
	struct iso_req_logon_absorb req = { .session = s.session,
					    .generation = s.generation,
					    .owner = owner,
					    .box = { sealed, sizeof(sealed) } };

	assert_int_equal(box_seal(iso->public, box, sealed), 0);
	return iso_call(iso, ISO_OP_logon_absorb, &req, rep);
}

void
client_password(struct iso *iso, struct iso_rep_session_open s, uint32_t owner, const char *name,
		const char *password, uint32_t flags, struct iso_rep_logon_absorb *rep)
{
	struct box box = client_box(iso, s, owner, name,
				    (struct rd){ (const uint8_t *)password, strlen(password) }, 0,
				    flags);

	assert_int_equal(client_give(iso, s, owner, &box, rep), ISO_OK);
}
