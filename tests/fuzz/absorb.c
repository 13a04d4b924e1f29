/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in a box once it is opened: any octets from struct box.kind on,
 * sealed to lsaiso and absorbed through the production path. What is taken
 * must be what the header says, and the blob must have it.
 */
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "host.h"
#include "iso_host.h"
#include "lib/box.h"
#include "tgs.h"

#define OWNER 1000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct iso *iso;
static struct iso_rep_session_open s;

static void
start(void)
{
	static struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };

	iso = iso_running(ISO_POLICY_ALL - ISO_POLICY_RC4);
	if (iso_call(iso, ISO_OP_session_open, &open, &s) != ISO_OK)
		abort();
}

/* By the words of rpc/box.h alone. */
static bool
fit(const struct box *b)
{
	static const uint8_t zero[sizeof(b->secret)];
	bool tgt = b->kind == ISO_KIND_TGT, key = tgt || b->kind == ISO_KIND_KEY;

	if ((!key && b->kind != ISO_KIND_PASSWORD) || (!tgt && b->endtime != 0) ||
	    (tgt && b->endtime <= (int64_t)(iso_host_clock(ISO_CLOCK_REAL) / 1000000)) ||
	    b->len < 1 || b->len > sizeof(b->secret) ||
	    memcmp(b->pad_, zero, sizeof(b->pad_)) != 0 ||
	    memcmp(b->secret + b->len, zero, sizeof(b->secret) - b->len) != 0)
		return false;
	if (key)
		return (b->flags & ~(tgt ? 0 : BOX_KEEP)) == 0 &&
		       (((b->etype == 17 || b->etype == 19) && b->len == 16) ||
			((b->etype == 18 || b->etype == 20) && b->len == 32));
	return b->etype == 0 && b->secret[b->len - 1] != 0 &&
	       (b->flags == 0 || b->flags == BOX_KEEP || b->flags == BOX_NEW);
}

static void
check(const struct box *b, const struct iso_rep_logon_absorb *rep)
{
	struct blob want = { .kind = (uint8_t)b->kind }, got;
	uint8_t secret[ISO_SECRET_MAX];
	size_t n = 0;

	want.may = b->kind == ISO_KIND_KEY     ? ISO_MAY_AS | ISO_MAY_CHECK
		   : b->kind == ISO_KIND_TGT   ? ISO_MAY_TGS
		   : (b->flags & BOX_NEW) != 0 ? ISO_MAY_NEW
					       : ISO_MAY_S2K;
	memcpy(want.client, b->name, sizeof(want.client));
	if (rep->kind != b->kind || rep->etype != b->etype ||
	    blob_open(iso, &iso->session[s.session], (struct rd){ rep->blob.at, rep->blob.len },
		      &want, &got, (struct wr){ secret, sizeof(secret) }, &n) != ISO_OK ||
	    got.may != want.may || got.etype != b->etype || n != b->len ||
	    memcmp(secret, b->secret, n) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ephemeral[ISO_PUBLIC] = { 7 };
	static struct iso_rep_logon_absorb rep;
	const size_t from = offsetof(struct box, kind);
	struct iso_req_logon_challenge ask;
	struct iso_rep_logon_challenge got;
	struct iso_req_logon_absorb req;
	uint8_t sealed[ISO_BOX];
	struct box box = { 0 };
	struct box_message m = { { (const uint8_t *)BOX_INFO, sizeof(BOX_INFO) - 1 },
				 { sealed, 0 },
				 { (const uint8_t *)&box, sizeof(box) } };
	enum iso_status st;

	if (iso == NULL)
		start();
	ask = (struct iso_req_logon_challenge){ .session = s.session,
						.generation = s.generation,
						.owner = OWNER };
	if (iso_call(iso, ISO_OP_logon_challenge, &ask, &got) != ISO_OK)
		abort();
	memcpy((uint8_t *)&box + from, data, size < sizeof(box) - from ? size : sizeof(box) - from);
	box.challenge = got.challenge;
	box.session = s.session;
	box.generation = s.generation;
	box.owner = OWNER;
	if (box_hpke(ephemeral, iso->public, &m, sealed) != 0)
		abort();
	req = (struct iso_req_logon_absorb){ .session = s.session,
					     .generation = s.generation,
					     .owner = OWNER,
					     .box = { sealed, sizeof(sealed) } };
	memset(&rep, 0, sizeof(rep));
	st = iso_call(iso, ISO_OP_logon_absorb, &req, &rep);
	if ((st == ISO_OK) != fit(&box))
		abort();
	if (st == ISO_OK)
		check(&box, &rep);
	return 0;
}
