/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NTLMv2 by whole messages (MS-NLMP). Nothing here answers a bare challenge,
 * and there is no other NTLM: what asks for one is refused.
 *
 * For op_ntlm_authenticate.c. Views point into the request; names are UTF-16LE.
 */
#ifndef LSAISO_NTLM_H
#define LSAISO_NTLM_H

#include "iso.h"

#define NTLM_KEY 16u

/* NegotiateFlags, MS-NLMP 2.2.2.5. */
#define NTLM_SIGNS	 0x00000030u /* SIGN, SEAL */
#define NTLM_TARGET_INFO 0x00800000u
#define NTLM_VERSION	 0x02000000u
#define NTLM_KEY_EXCH	 0x40000000u
/* UNICODE, NTLM, EXTENDED_SESSIONSECURITY, TARGET_INFO */
#define NTLM_REQUIRED 0x00880201u
/* DATAGRAM, ANONYMOUS */
#define NTLM_NEVER 0x00000840u
/* These and REQUEST_TARGET, ALWAYS_SIGN, IDENTIFY, 128, 56; LM_KEY is not among them. */
#define NTLM_ALLOWED (NTLM_REQUIRED | NTLM_SIGNS | NTLM_VERSION | NTLM_KEY_EXCH | 0xa0108004u)

/* AvId, MS-NLMP 2.2.2.1. Only names come before MsvAvFlags. */
enum {
	NTLM_AV_EOL,
	NTLM_AV_NB_COMPUTER,
	NTLM_AV_DNS_COMPUTER = 3,
	NTLM_AV_FLAGS = 6,
	NTLM_AV_TIMESTAMP,
	NTLM_AV_TARGET = 9,
	NTLM_AV_BINDINGS,
	NTLM_AVS
};

struct ntlm_challenge {
	uint32_t flags;		/* for the answer: what both sides have, of NTLM_ALLOWED */
	bool mic;		/* the answer has one */
	struct rd server;	/* ServerChallenge, 8 octets */
	struct rd pairs;	/* all of TargetInfo but its end */
	struct rd av[NTLM_AVS]; /* their values; at NULL: not there */
};

/*
 * Read a CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2) and, of a NEGOTIATE_MESSAGE that
 * is not empty, the flags. c: out, zeroed before; also filled on a refusal.
 *
 * Returns ISO_OK, ISO_E_RANGE (malformed; no end of TargetInfo, a pair twice,
 * a name that is too long), ISO_E_POLICY (not NTLMv2; what is to be signed would
 * be signed with a key that is not a random one).
 */
enum iso_status ntlm_read(struct rd challenge, struct rd negotiate,
			  struct ntlm_challenge *c) RPC_CHECKED;

/* Whom the challenge names: MsvAvDnsComputerName, else MsvAvNbComputerName; may be empty. */
struct rd ntlm_server(const struct ntlm_challenge *c);

/* HOST of a service principal name: SERVICE/HOST[:PORT][/...]. */
struct rd ntlm_host(struct rd spn);

/* Is a name on a list of configure, in any case? On an empty one all are. */
bool ntlm_listed(struct rd list, struct rd name);

/* HMAC-MD5 of three things after each other: what all of NTLMv2 is made of (3.3.2). */
void ntlm_hmac(const uint8_t key[NTLM_KEY], struct rd a, struct rd b, struct rd c,
	       uint8_t mac[NTLM_KEY]);

/* RC4K, 3.4.5.1. */
void ntlm_rc4(const uint8_t key[NTLM_KEY], const uint8_t in[NTLM_KEY], uint8_t out[NTLM_KEY]);

/*
 * The AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3, 3.1.5.1.2) and, with KEY_EXCH, the
 * session key, into rep, which has neither.
 *
 * req   its bindings are 16 octets or none
 * hash  of the password
 *
 * Returns ISO_OK, ISO_E_ENTROPY.
 */
enum iso_status ntlm_answer(const struct iso_req_ntlm_authenticate *req,
			    const struct ntlm_challenge *c, const uint8_t hash[NTLM_KEY],
			    struct iso_rep_ntlm_authenticate *rep) RPC_CHECKED;

#endif
