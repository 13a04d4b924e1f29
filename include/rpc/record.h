/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Records of use. lsaiso makes one for each call whose effect is not
 * ISO_FX_NONE, and keeps a chain over them:
 *
 *   chain(0) = SHA-256("lsaiso audit 1", boot_id)
 *   chain(n) = SHA-256(chain(n - 1), record n), n = 1, 2, ...
 *
 * The latest records wait in lsaiso for audit_read; who stores them can
 * remove, change or reorder none without the chain telling.
 */
#ifndef RPC_RECORD_H
#define RPC_RECORD_H

#include <stdint.h>

#define RECORD_CHAIN_LABEL "lsaiso audit 1" /* without its NUL */
#define RECORD_TARGET	   56u
#define RECORD_FORWARDED   2u /* ISO_RELEASED, and it is the key of a forwarded TGT */

/* Little-endian, as it is in memory, no holes. */
struct record {
	uint64_t sequence;		     /* from 1 */
	uint64_t time_us;		     /* since 1970, as the host's clock said */
	uint32_t session, generation, owner; /* of the call; 0 where it names none */
	uint16_t op;
	uint16_t status;     /* enum iso_status */
	uint32_t verdict;    /* of krb_tgs_open (or RECORD_FORWARDED), offline_try; else 0 */
	uint32_t target_len; /* of the whole name: longer than RECORD_TARGET when it was cut */
	/* Service ("HTTP/web.example"), or principal of a logon; zero after its end.
	 * Of krb_for_user the names of the user, " by " and the principal that asks.
	 * Of krb_tgs_open it is the decrypted name. */
	uint8_t target[RECORD_TARGET];
};

#define RECORD_SIZE 96u
_Static_assert(sizeof(struct record) == RECORD_SIZE, "no holes");

#endif
