/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "offline.h"
#include "op.h"

/*
 * Whether this is the user's password is not known here. So a new verifier
 * says nothing about the tries of an older one: those stay as they are.
 */
ISO_HANDLER(offline_make)
{
	const struct offline_call call = { req->session, req->generation, req->owner, req->password,
					   req->name };
	struct verifier v = { .iterations = OFFLINE_ITERATIONS };
	uint8_t password[ISO_SECRET_MAX];
	struct offline_who who = { 0 };
	size_t len = 0;
	enum iso_status st = offline_begin(iso, &call, &who, password, &len);

	st = st ?: iso_host_entropy((struct wr){ v.salt, sizeof(v.salt) });
	if (st == ISO_OK) {
		verifier_hash(&v, (struct rd){ password, len }, v.hash);
		st = verifier_seal(iso, &who, &v, rep->verifier.at, &rep->verifier.len);
	}
	wipe(password, sizeof(password));
	wipe(&v, sizeof(v));
	return st;
}
