/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "offline.h"
#include "op.h"

#define TRY_WRONG 0u
#define TRY_RIGHT 1u
#define TRY_EARLY 2u

/* Counted before it is known what comes out. */
static uint32_t
judge(struct iso *iso, const struct verifier *v, struct rd password, struct offline *o)
{
	uint8_t hash[ISO_HASH];
	bool right = false;

	if (iso_now(iso) < o->next_ms)
		return TRY_EARLY;
	offline_count(iso, o, false);
	verifier_hash(v, password, hash);
	right = ct_equal(hash, v->hash, sizeof(hash));
	wipe(hash, sizeof(hash));
	if (right)
		offline_count(iso, o, true);
	return right ? TRY_RIGHT : TRY_WRONG;
}

ISO_HANDLER(offline_try)
{
	const struct offline_call call = { req->session, req->generation, req->owner, req->password,
					   req->name };
	uint8_t password[ISO_SECRET_MAX];
	struct offline_who who = { 0 };
	struct verifier v = { 0 };
	struct offline *o = NULL;
	size_t len = 0;
	enum iso_status st = offline_begin(iso, &call, &who, password, &len);

	st = st ?: verifier_open(iso, &who, req->verifier, &v);
	if (st == ISO_OK) {
		o = offline_find(iso, &who, v.tries);
		st = o != NULL ? ISO_OK : ISO_E_FULL;
	}
	if (st == ISO_OK) {
		rep->verdict = judge(iso, &v, (struct rd){ password, len }, o);
		iso->note.verdict = rep->verdict;
		if (o->next_ms > iso->now_ms)
			rep->wait = (uint32_t)((o->next_ms - iso->now_ms + 999) / 1000);
		v.tries = o->tries;
		st = verifier_seal(iso, &who, &v, rep->verifier.at, &rep->verifier.len);
	}
	wipe(password, sizeof(password));
	wipe(&v, sizeof(v));
	return st;
}
