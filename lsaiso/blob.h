/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed credentials: what the broker keeps instead of a secret.
 *
 * Octets, little-endian: header, then what seal.h makes of the secret. The whole
 * header is associated data, the key is derived from the session's key per kind
 * of credential, so a blob ends with its session. A password has zeroes after it, which are not
 * part of it: its blob does not tell how long it is.
 */
#ifndef LSAISO_BLOB_H
#define LSAISO_BLOB_H

#include "iso.h"
#include "seal.h"

#define BLOB_VERSION 1u

/* On the wire as it is in memory: little-endian, no holes. */
struct blob {
	uint8_t magic[4]; /* "LSAB" */
	uint8_t version;
	uint8_t kind;			 /* ISO_KIND_* */
	uint16_t may;			 /* ISO_MAY_* */
	uint64_t created_ms, expires_ms; /* own clock */
	uint64_t flags;			 /* BLOB_KEEP, or 0 */
	int32_t etype;
	uint32_t session, generation, owner;
	uint8_t boot_id[ISO_BOOT_ID];
	uint8_t client[ISO_HASH]; /* SHA-256 of the client octets */
};

#define BLOB_KEEP 1u /* of a password: a key made of it lasts as long as the session */

#define BLOB_HEADER 96u
#define BLOB_OVER   (BLOB_HEADER + SEAL_OVER)
_Static_assert(sizeof(struct blob) == BLOB_HEADER, "the header has no holes");
_Static_assert(BLOB_OVER + ISO_KEY_MAX <= ISO_BLOB_MAX, "the largest key fits");
_Static_assert(BLOB_OVER + ISO_SECRET_MAX <= ISO_SEALED_MAX, "the largest password fits");

/* SHA-256 of the client octets. */
void blob_client_hash(struct rd client, uint8_t hash[ISO_HASH]);

/*
 * Turn the end of a credential into a deadline of our own clock.
 *
 * endtime  seconds since 1970; skew: the clock that it was made by minus ours
 * Returns ISO_OK, ISO_E_EXPIRED.
 */
enum iso_status blob_deadline(struct iso *iso, int64_t endtime, int32_t skew,
			      uint64_t *expires_ms) RPC_CHECKED;

/*
 * Seal secret, 1..ISO_SECRET_MAX octets, into session s.
 * b    kind, may, flags, etype, expires_ms and client; the rest is filled in here
 * out  BLOB_OVER octets longer than secret; len: out
 * Returns ISO_OK, ISO_E_RANGE, ISO_E_ENTROPY.
 */
enum iso_status blob_seal(struct iso *iso, const struct session *s, struct blob *b,
			  struct rd secret, struct wr out, uint32_t *len) RPC_CHECKED;

/*
 * Open a blob of session s, which the caller has found.
 *
 * want    kind, may (every bit must be allowed) and client that the call needs
 * got     out, the header
 * secret  room for the longest that the call takes: more is ISO_E_BLOB; the
 *         caller wipes it
 * len     out, octets of secret
 *
 * Returns ISO_OK, ISO_E_BLOB (not authentic here: another session, restart,
 * any changed octet), ISO_E_KIND, ISO_E_EXPIRED, ISO_E_OWNER (another user or
 * client), ISO_E_LOCKED (of a locked session, and older than the lock; the
 * anchor is never too old).
 */
enum iso_status blob_open(struct iso *iso, const struct session *s, struct rd blob,
			  const struct blob *want, struct blob *got, struct wr secret,
			  size_t *len) RPC_CHECKED;

#endif
