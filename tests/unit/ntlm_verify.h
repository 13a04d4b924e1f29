/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server does with an AUTHENTICATE_MESSAGE (MS-NLMP 3.2.5.1.2, 3.3.2),
 * with an MD5 and an RC4 of its own: nothing here is of nettle or of lsaiso.
 */
#ifndef TESTS_NTLM_VERIFY_H
#define TESTS_NTLM_VERIFY_H

#include <stdbool.h>

#include "rpc/rpc.h"

void v_hmac(struct rd key, struct rd data, uint8_t mac[16]);

struct v_exchange {
	uint8_t hash[16];	 /* of the password */
	struct rd upper, domain; /* UTF-16LE */
	struct rd negotiate;	 /* empty: not known to who answered */
	struct rd challenge;
};

/* What was found; views point into the message. */
struct v_seen {
	uint32_t flags, av_flags;
	bool has_av_flags, has_mic;
	struct rd domain, user, workstation, temp;
	struct rd av[16]; /* of the answer by AvId; at NULL: not there */
	uint64_t time;
	uint8_t owf[16], base[16], key[16]; /* key: ExportedSessionKey */
};

/* NULL when all is well; else what is not. */
const char *v_check(const struct v_exchange *x, struct rd message, struct v_seen *seen);

#endif
