/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The password typed now, made a key as the KDC had it then, against the key
 * that the session began with: no KDC is needed, and none can be lied about.
 * blob_open has no key, of a locked session, that was typed before the lock.
 */
#include "op.h"

/*
 * What came out is told, and counted. Of a session that is not locked the
 * right key may be an old one, which lsass keeps: it gives no tries back.
 */
static enum iso_status
judge(struct iso *iso, struct session *s, const struct krb_key *anchor, const struct krb_key *key)
{
	if (ct_equal(anchor->octets, key->octets, ISO_KEY_MAX) && anchor->type == key->type) {
		if ((s->flags & SESSION_LOCKED) != 0)
			s->tries = 0;
		s->flags &= (uint8_t)~SESSION_LOCKED;
		return ISO_OK;
	}
	s->tries++;
	if (s->tries >= ISO_UNLOCK_TRIES)
		session_close(iso, s);
	return ISO_E_SECRET;
}

ISO_HANDLER(session_unlock)
{
	struct krb_key anchor = { 0 }, key = { 0 };
	struct session *s = NULL;
	enum iso_status st = session_find_any(iso, req->session, req->generation, req->owner, &s);

	audit_text(iso, req->name);
	st = st ?: policy_key(iso, s, req->anchor, ISO_MAY_UNLOCK, req->name, &anchor);
	st = st ?: policy_key(iso, s, req->key, ISO_MAY_AS, req->name, &key);
	st = st ?: judge(iso, s, &anchor, &key);
	wipe(&anchor, sizeof(anchor));
	wipe(&key, sizeof(key));
	return st;
}
