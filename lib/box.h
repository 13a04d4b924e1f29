/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Sealing a secret for lsaiso (rpc/box.h): for lsactl and pam_lsa, which read
 * lsaiso's public key from a file of root's and trust nobody in between.
 */
#ifndef LIB_BOX_H
#define LIB_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/box.h"
#include "rpc/rpc.h"

/* Name of that file in [run] directory: 64 hexadecimal digits, end of line. */
#define BOX_KEY_FILE "public-key"

/*
 * Read the public key of the lsaiso that runs.
 *
 * path   of the file; not followed if it is a link
 * key    out
 * error  out, why not, and what to do, for people; ends with a zero octet
 *
 * Returns 0; or -1 when the file is not there (no lsaiso runs), is no regular
 * file of root's, or can be written by others. Who is not root may also use
 * a file of their own: that of an instance that they run.
 */
int box_public_key(const char *path, uint8_t key[ISO_PUBLIC], char *error, size_t n)
    __attribute__((warn_unused_result));

/*
 * Fill in a box for a password, or for a key of this etype (0: password).
 *
 * name    principal as the user wrote it, UTF-8
 * secret  1..ISO_SECRET_MAX octets; the caller wipes them, and box
 *
 * challenge, session, generation, owner and flags are the caller's to set.
 * Returns 0, or -1 with errno EINVAL (the length, or a password that ends
 * with a zero octet).
 */
int box_fill(struct box *box, const char *name, struct rd secret, int32_t etype)
    __attribute__((warn_unused_result));

/*
 * The same for the session key of a ticket-granting ticket that was in a file.
 *
 * client   DER of crealm [1] and cname [2], as krb_tgs_seal will have it
 * endtime  of the ticket, seconds since 1970, by our clock
 */
int box_fill_tgt(struct box *box, struct rd client, struct rd key, int32_t etype, int64_t endtime)
    __attribute__((warn_unused_result));

/*
 * Seal a box to a public key.
 * Returns 0, or -1 with errno: no random octets, EINVAL (a key of low order).
 * What it made on the way is wiped; box is the caller's.
 */
int box_seal(const uint8_t to[ISO_PUBLIC], const struct box *box, uint8_t out[ISO_BOX])
    __attribute__((warn_unused_result));

/* What there is to seal. info: at most 64 octets. */
struct box_message {
	struct rd info, aad, plain;
};

/*
 * HPKE as in rpc/box.h, for box_seal and for tests with published vectors.
 * ephemeral  private key, to be used once
 * out        BOX_ENC and BOX_TAG octets longer than plain
 * Returns 0, or -1 with errno EINVAL.
 */
int box_hpke(const uint8_t ephemeral[ISO_PUBLIC], const uint8_t to[ISO_PUBLIC],
	     const struct box_message *m, uint8_t *out) __attribute__((warn_unused_result));

#endif
