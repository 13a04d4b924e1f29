/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an answer of NTLM is made of here: a client that signs, a server of a
 * domain with all its names and the time.
 */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include "rpc/rpc.h"

#define NTLM_OFFER_LEN	   40u
#define NTLM_CHALLENGE_LEN 170u

static const uint8_t ntlm_offer[NTLM_OFFER_LEN + 1] = "NTLMSSP\0\1\0\0\0\x15\x82\x08\xe2";

static const uint8_t ntlm_challenge[NTLM_CHALLENGE_LEN + 1] =
    "NTLMSSP\0\2\0\0\0\x08\0\x08\0\x38\0\0\0\x15\x82\x89\xe2\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\0"
    "\x6a\0\x6a\0\x40\0\0\0\x0a\0\x63\x45\0\0\0\x0fT\0E\0S\0T\0"
    "\2\0\x08\0T\0E\0S\0T\0\1\0\6\0W\0E\0B\0"
    "\4\0\x14\0t\0e\0s\0t\0.\0l\0o\0c\0a\0l\0"
    "\3\0\x1c\0w\0e\0b\0.\0t\0e\0s\0t\0.\0l\0o\0c\0a\0l\0"
    "\5\0\x08\0t\0e\0s\0t\0\7\0\x08\0\0\0\x80\x3e\xd5\xde\xb1\1\0\0\0\0";

static const uint8_t ntlm_user[] = "a\0l\0i\0c\0e\0", ntlm_upper[] = "A\0L\0I\0C\0E\0",
		     ntlm_domain[] = "T\0E\0S\0T\0", ntlm_hash[] = "an NT hash, such";

/* The request, but for session and key. */
static inline struct iso_req_ntlm_authenticate
ntlm_request(void)
{
	return (struct iso_req_ntlm_authenticate){
		.user = { ntlm_user, sizeof(ntlm_user) - 1 },
		.upper = { ntlm_upper, sizeof(ntlm_upper) - 1 },
		.domain = { ntlm_domain, sizeof(ntlm_domain) - 1 },
		.negotiate = { ntlm_offer, NTLM_OFFER_LEN },
		.challenge = { ntlm_challenge, NTLM_CHALLENGE_LEN },
	};
}

#endif
