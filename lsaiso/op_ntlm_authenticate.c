/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm.h"
#include "op.h"

/* Note whom this is for, in ASCII. */
static void
note(struct iso *iso, struct rd name)
{
	for (size_t i = 0; i < name.len; i += 2) {
		uint8_t c = name.at[i + 1] == 0 && name.at[i] >= ' ' && name.at[i] <= '~'
				? name.at[i]
				: '?';

		audit_text(iso, (struct rd){ &c, 1 });
	}
}

/* Names are UTF-16LE, and nobody is no user. Is the server on the list, and what was asked for? */
static enum iso_status
judge(const struct iso *iso, const struct iso_req_ntlm_authenticate *req, struct rd server,
      struct iso_rep_ntlm_authenticate *rep)
{
	const struct rd list = { iso->targets, iso->targets_len };
	size_t lens = req->user.len | req->upper.len | req->domain.len | req->workstation.len |
		      req->target.len;

	if (lens % 2 != 0 || req->user.len == 0 || req->bindings.len % 16 != 0)
		return ISO_E_RANGE;
	rep->listed = ntlm_listed(list, server) &&
		      (req->target.len == 0 || ntlm_listed(list, ntlm_host(req->target)));
	rep->server.len = (uint32_t)server.len;
	if (server.len > 0)
		memcpy(rep->server.at, server.at, server.len);
	if ((iso->policy & ISO_POLICY_NTLM) == 0 ||
	    (!rep->listed && (iso->policy & ISO_POLICY_TARGETS) != 0))
		return ISO_E_POLICY;
	return ISO_OK;
}

ISO_HANDLER(ntlm_authenticate)
{
	struct session *s = NULL;
	struct ntlm_challenge c = { 0 };
	struct blob want = { .kind = ISO_KIND_NTLM }, got = { 0 };
	uint8_t hash[NTLM_KEY] = { 0 };
	size_t len = 0;
	enum iso_status st = session_find(iso, req->session, req->generation, req->owner, &s);
	enum iso_status read = ntlm_read(req->challenge, req->negotiate, &c);

	note(iso, c.name);
	st = st ?: read;
	st = st ?: judge(iso, req, c.name, rep);
	st = st ?: session_spend(iso, s);
	blob_client_hash(req->name, want.client);
	if (st == ISO_OK)
		st = blob_open(iso, s, req->key, &want, &got, (struct wr){ hash, sizeof(hash) },
			       &len);
	if (st == ISO_OK && len != sizeof(hash))
		st = ISO_E_BLOB;
	st = st ?: ntlm_message(req, &c, hash, rep);
	if (st == ISO_OK)
		s->uses++;
	wipe(hash, sizeof(hash));
	return st;
}
