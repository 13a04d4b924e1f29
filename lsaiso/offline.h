/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifiers for logons without a KDC, and how often somebody may try. For
 * offline_make and offline_try.
 *
 * A verifier is what is below, sealed (seal.h) under a key made of the root key
 * alone, so it outlives sessions and, with a kept root key, restarts.
 * Associated data: whose it is.
 *
 * Tries are counted per principal and owner, not per verifier, in a table of
 * fixed size: another or an older verifier of the same principal is no new
 * beginning. The count is in the verifier too, for the next start.
 */
#ifndef LSAISO_OFFLINE_H
#define LSAISO_OFFLINE_H

#include "iso.h"
#include "seal.h"

#define OFFLINE_ITERATIONS 400000u  /* of PBKDF2: 54 ms with SHA instructions */
#define OFFLINE_START_MS   5000u    /* nobody tries earlier after a start */
#define OFFLINE_WAIT_MS	   3600000u /* the longest delay, reached at the 12th try */
#define OFFLINE_FORGET_MS  86400000u
#define OFFLINE_SALT	   16u

/* As it is sealed: little-endian, no holes. */
struct verifier {
	uint32_t iterations;
	uint32_t tries; /* wrong ones since the last right one */
	uint8_t salt[OFFLINE_SALT];
	uint8_t hash[ISO_HASH]; /* PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2) */
};

_Static_assert(sizeof(struct verifier) == 56, "no holes");
_Static_assert(SEAL_OVER + sizeof(struct verifier) <= ISO_VERIFIER_MAX, "fits");

/* at: ISO_VERIFIER_MAX octets; len: out. Returns ISO_OK, ISO_E_ENTROPY. */
enum iso_status verifier_seal(const struct iso *iso, const struct offline_who *who,
			      const struct verifier *v, uint8_t *at, uint32_t *len) RPC_CHECKED;

/* Returns ISO_OK, ISO_E_BLOB: of another root key, principal or owner, or changed. */
enum iso_status verifier_open(const struct iso *iso, const struct offline_who *who,
			      struct rd sealed, struct verifier *v) RPC_CHECKED;

/* The slow part. Time depends on v->iterations and the password's length. */
void verifier_hash(const struct verifier *v, struct rd password, uint8_t hash[ISO_HASH]);

/*
 * Policy, session and password of a call; who: out, whose it is.
 * password  out, ISO_SECRET_MAX octets, len of them; the caller wipes them
 * Returns ISO_OK, ISO_E_POLICY, what session_find and blob_open return.
 */
struct offline_call {
	uint32_t session, generation, owner;
	struct rd password, name;
};
enum iso_status offline_begin(struct iso *iso, const struct offline_call *call,
			      struct offline_who *who, uint8_t password[ISO_SECRET_MAX],
			      size_t *len) RPC_CHECKED;

/*
 * The line of the table for this principal and owner. One that is new there
 * begins with tries, as its verifier says, and waits as long after lsaiso's
 * start as that asks. NULL: all are taken.
 */
struct offline *offline_find(struct iso *iso, const struct offline_who *who, uint32_t tries);

/* Note a wrong or a right try, and when the next may be. */
void offline_count(struct iso *iso, struct offline *o, bool right);

#endif
