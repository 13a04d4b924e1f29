/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The public keys that may sign: every *.pub of one folder. The folder and
 * each file must belong to root, or to the user that we run as, and be
 * writable by nobody else. One bad file and there is no trust at all.
 */
#ifndef LIB_TRUST_H
#define LIB_TRUST_H

#include "lib/sign.h"

#define TRUST_KEYS 16

struct trust {
	size_t n;
	struct sign_public keys[TRUST_KEYS]; /* in the order of their names */
};

/*
 * Read the folder. error, at most size octets: what is wrong and what to do.
 * Returns 0 with at least one key, or -1 with error.
 */
int trust_read(const char *folder, struct trust *trust, char *error, size_t size)
    __attribute__((warn_unused_result));

#endif
