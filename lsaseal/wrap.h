/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recovery passphrase: making one, reading one as people type it, and
 * wrapping the root key with it.
 *
 * PBKDF2-HMAC-SHA512 (RFC 8018 5.2) makes an AES-SIV key (RFC 5297) of
 * passphrase and salt; the head of the file (its kind, date, root id, host,
 * iterations and salt) is authenticated with the key.
 */
#ifndef LSASEAL_WRAP_H
#define LSASEAL_WRAP_H

#include "lsaseal/file.h"
#include "rpc/rpc.h"

/*
 * A passphrase of our making: eight groups of five, each four characters of
 * five random bits and one that checks the group: 160 random bits. The
 * alphabet is Crockford's: no I, L, O, U.
 */
#define WRAP_GROUPS 8u
#define WRAP_GROUP  5u
#define WRAP_TEXT   (WRAP_GROUPS * (WRAP_GROUP + 1)) /* with dashes between, and NUL */
#define WRAP_BITS   (WRAP_GROUPS * (WRAP_GROUP - 1) * 5)
_Static_assert(WRAP_BITS >= 128, "not to be guessed");

/*
 * Iterations of a new file. About a second of one core of today: it slows
 * guessing of somebody's own passphrase; one of our making needs none.
 */
#define WRAP_ITERATIONS 2000000u

/* Somebody's own must have so many characters at least. */
#define WRAP_OWN_MIN 16u

/* random: 20 octets (WRAP_BITS / 8). text: out, WRAP_TEXT octets. */
void wrap_passphrase(const uint8_t *random, char text[WRAP_TEXT]);

/*
 * Bring what was typed into the form above: any case, dashes and blanks
 * anywhere or nowhere, O for 0, I and L for 1.
 * typed  changed in place; at least WRAP_TEXT octets
 * Returns 0, the number (1..) of the first group that is mistyped, or -1: not
 * eight groups.
 */
int wrap_read(char *typed);

/* The AES-SIV key of a passphrase; wrap: out, 64 octets, wiped by the caller. */
void wrap_derive(const char *passphrase, struct rd salt, uint32_t iterations, uint8_t wrap[64]);

/* Fill fi->wrapped; the rest of fi, of kind FILE_RECOVERY, is there. 0 or -1. */
int wrap_seal(struct file *fi, const uint8_t wrap[64], const uint8_t key[ISO_ROOT_KEY])
    __attribute__((warn_unused_result));
/* 0, or -1: another passphrase, or changed octets. key is zeroed then. */
int wrap_open(const struct file *fi, const uint8_t wrap[64], uint8_t key[ISO_ROOT_KEY])
    __attribute__((warn_unused_result));

#endif
