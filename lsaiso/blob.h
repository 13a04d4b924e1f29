/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed credentials: what the broker keeps instead of a secret.
 *
 * Octets, little-endian: header, nonce, AES-SIV output (RFC 5297). The whole
 * header is associated data, the key is derived from the session's key per
 * kind of credential, so a blob ends with its session.
 *
 *    0  4  "LSAB"                       24  4  owner, uid
 *    4  1  version                      28 16  boot id
 *    5  1  kind, ISO_KIND_*             44  8  created, own clock, ms
 *    6  2  may, ISO_MAY_*               52  8  expires, own clock, ms
 *    8  4  etype                        60 32  SHA-256 of the client octets
 *   12  4  flags, 0                     92 16  nonce
 *   16  4  session                     108 16  SIV
 *   20  4  generation                  124  n  secret, encrypted
 */
#ifndef LSAISO_BLOB_H
#define LSAISO_BLOB_H

#include "iso.h"

#define BLOB_VERSION 1u
#define BLOB_HEADER  92u
#define BLOB_NONCE   16u
#define BLOB_SIV     16u
#define BLOB_OVER    (BLOB_HEADER + BLOB_NONCE + BLOB_SIV)
_Static_assert(BLOB_OVER + ISO_KEY_MAX <= ISO_BLOB_MAX, "the largest blob fits");

/* What the header says beside the session. */
struct blob {
	uint8_t kind;
	uint16_t may;
	int32_t etype;
	uint64_t expires_ms; /* own clock */
	uint8_t client[ISO_HASH];
};

/* SHA-256 of the client octets. */
void blob_client_hash(struct rd client, uint8_t hash[ISO_HASH]);

/*
 * Turn the end of a credential into a deadline of our own clock.
 *
 * endtime  seconds since 1970; skew: the clock that it was made by minus ours
 * Returns ISO_OK, ISO_E_EXPIRED.
 */
enum iso_status blob_deadline(struct iso *iso, int64_t endtime, int32_t skew, uint64_t *expires_ms)
    __attribute__((warn_unused_result));

/*
 * Seal secret, 1..ISO_KEY_MAX octets, into session s.
 * out  at least ISO_BLOB_MAX octets; len: out
 * Returns ISO_OK, ISO_E_RANGE, ISO_E_ENTROPY.
 */
enum iso_status blob_seal(struct iso *iso, const struct session *s, const struct blob *b,
			  struct rd secret, struct wr out, uint32_t *len)
    __attribute__((warn_unused_result));

/*
 * Open a blob of session s, which the caller found by session_find.
 *
 * want    kind, may (every bit must be allowed) and client that the call needs
 * got     out, the header
 * secret  out, ISO_KEY_MAX octets; the caller wipes them
 * len     out, octets of secret
 *
 * Returns ISO_OK, ISO_E_BLOB (not authentic here: another session, restart,
 * any changed octet), ISO_E_KIND, ISO_E_EXPIRED, ISO_E_OWNER (another user or
 * client).
 */
enum iso_status blob_open(struct iso *iso, const struct session *s, struct rd blob,
			  const struct blob *want, struct blob *got, uint8_t secret[ISO_KEY_MAX],
			  size_t *len) __attribute__((warn_unused_result));

#endif
