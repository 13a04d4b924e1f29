/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm.h"
#include "op.h"

/* Names are UTF-16LE, and nobody is not a user. */
static enum iso_status
check(const struct iso_req_ntlm_authenticate *req)
{
	size_t lens = req->user.len | req->upper.len | req->domain.len | req->workstation.len |
		      req->target.len;

	return lens % 2 == 0 && req->user.len > 0 && req->bindings.len % 16 == 0 ? ISO_OK
										 : ISO_E_RANGE;
}

/* Note whom this is for, in ASCII. */
static void
note(struct iso *iso, struct rd server)
{
	for (size_t i = 0; i < server.len; i += 2) {
		uint8_t c = server.at[i];

		if (c < ' ' || c > '~' || server.at[i + 1] != 0)
			c = '?';
		audit_text(iso, (struct rd){ &c, 1 });
	}
}

/* Is it on the list, and what the program asked for, too? */
static enum iso_status
judge(const struct iso *iso, const struct iso_req_ntlm_authenticate *req, struct rd server,
      struct iso_rep_ntlm_authenticate *rep)
{
	const struct rd list = { iso->targets, iso->targets_len };
	bool listed = ntlm_listed(list, server) &&
		      (req->target.len == 0 || ntlm_listed(list, ntlm_host(req->target)));

	rep->listed = listed;
	rep->server.len = (uint32_t)server.len;
	if (server.len > 0)
		memcpy(rep->server.at, server.at, server.len);
	if ((iso->policy & ISO_POLICY_NTLM) == 0)
		return ISO_E_POLICY;
	return listed || (iso->policy & ISO_POLICY_TARGETS) == 0 ? ISO_OK : ISO_E_POLICY;
}

ISO_HANDLER(ntlm_authenticate)
{
	struct session *s = NULL;
	struct ntlm_challenge c = { 0 };
	struct blob want = { .kind = ISO_KIND_NTLM }, got = { 0 };
	uint8_t hash[NTLM_KEY] = { 0 };
	size_t len = 0;
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);
	enum iso_status bad = ntlm_read(req->challenge, req->negotiate, &c);

	note(iso, ntlm_server(&c));
	bad = bad ?: check(req);
	st = st ?: bad;
	st = st ?: judge(iso, req, ntlm_server(&c), rep);
	st = st ?: session_spend(iso, s);
	blob_client_hash(req->name, want.client);
	if (st == ISO_OK)
		st = blob_open(iso, s, req->key, &want, &got, (struct wr){ hash, NTLM_KEY }, &len);
	if (st == ISO_OK && len != NTLM_KEY)
		st = ISO_E_BLOB;
	st = st ?: ntlm_answer(req, &c, hash, rep);
	if (st == ISO_OK)
		s->uses++;
	wipe(hash, sizeof(hash));
	return st;
}
