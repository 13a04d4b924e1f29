/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "offline.h"

#include <nettle/pbkdf2.h>

#include "audit.h"
#include "blob.h"
#include "session.h"
#include "wipe.h"

static struct seal
sealing(const struct offline_who *who)
{
	return (struct seal){ .kind = SEAL_VERIFIER,
			      .with = { (const uint8_t *)who, sizeof(*who) } };
}

enum iso_status
verifier_seal(const struct iso *iso, const struct offline_who *who, const struct verifier *v,
	      uint8_t *at, uint32_t *len)
{
	const struct seal how = sealing(who);

	return seal_put(iso, &how, (struct rd){ (const uint8_t *)v, sizeof(*v) }, at, len);
}

enum iso_status
verifier_open(const struct iso *iso, const struct offline_who *who, struct rd sealed,
	      struct verifier *v)
{
	const struct seal how = sealing(who);

	return seal_open(iso, &how, sealed, (struct wr){ (uint8_t *)v, sizeof(*v) });
}

void
verifier_hash(const struct verifier *v, struct rd password, uint8_t hash[ISO_HASH])
{
	pbkdf2_hmac_sha256(password.len, password.at, v->iterations, sizeof(v->salt), v->salt,
			   ISO_HASH, hash);
}

enum iso_status
offline_begin(struct iso *iso, const struct offline_call *call, struct offline_who *who,
	      uint8_t password[ISO_SECRET_MAX], size_t *len)
{
	struct blob want = { .kind = ISO_KIND_PASSWORD, .may = ISO_MAY_S2K }, got;
	struct session *s = NULL;
	enum iso_status st = session_find(iso, call->session, call->generation, call->owner, &s);

	audit_text(iso, call->name);
	if (st == ISO_OK && (iso->policy & ISO_POLICY_OFFLINE) == 0)
		st = ISO_E_POLICY;
	if (st != ISO_OK)
		return st;
	blob_client_hash(call->name, want.client);
	memcpy(who->name, want.client, sizeof(who->name));
	who->owner = call->owner;
	return blob_open(iso, s, call->password, &want, &got,
			 (struct wr){ password, ISO_SECRET_MAX }, len);
}

/* Two to the power of tries, in seconds. */
static uint64_t
delay_ms(uint32_t tries)
{
	return tries < 12 ? (uint64_t)1000 << tries : OFFLINE_WAIT_MS;
}

/*
 * A line with wrong tries makes room only after a day without any: who fills
 * the table to be forgotten waits longer than one that does not.
 */
struct offline *
offline_find(struct iso *iso, const struct offline_who *who, uint32_t tries)
{
	uint64_t now = iso_now(iso), wait = tries == 0 ? 0 : delay_ms(tries);
	struct offline *room = NULL;

	for (uint32_t i = 0; i < ISO_OFFLINES; i++) {
		struct offline *o = &iso->offline[i];

		if (memcmp(&o->who, who, sizeof(*who)) == 0)
			return o;
		if (o->tries == 0 || o->next_ms + OFFLINE_FORGET_MS <= now)
			room = o;
	}
	if (room == NULL)
		return NULL;
	room->who = *who;
	room->tries = tries;
	room->next_ms = iso->start_ms + (wait > OFFLINE_START_MS ? wait : OFFLINE_START_MS);
	return room;
}

void
offline_count(struct iso *iso, struct offline *o, bool right)
{
	o->tries = right ? 0 : o->tries + 1;
	o->next_ms = iso_now(iso) + (right ? 0 : delay_ms(o->tries));
}
