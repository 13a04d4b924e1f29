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
#define NTLM_AVS 11u /* kinds of AV_PAIR that are looked at: MS-NLMP 2.2.2.1 */

struct ntlm_challenge {
	uint32_t flags;		/* NegotiateFlags of the answer: what both sides have */
	bool mic;		/* the answer has one */
	const uint8_t *server;	/* ServerChallenge, 8 octets */
	struct rd name;		/* MsvAvDnsComputerName, else MsvAvNbComputerName, else empty */
	struct rd pairs;	/* all of TargetInfo but its end */
	struct rd av[NTLM_AVS]; /* values by AvId; at NULL: not there */
};

/*
 * Read a CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2) and, of a NEGOTIATE_MESSAGE that
 * is not empty, the flags. c: out, zeroed before; name also with ISO_E_POLICY.
 *
 * Returns ISO_OK, ISO_E_RANGE (malformed; no end of TargetInfo, a pair twice,
 * a name that is too long), ISO_E_POLICY (not NTLMv2; what is to be signed would
 * be signed with a key that is not a random one).
 */
enum iso_status ntlm_read(struct rd challenge, struct rd negotiate,
			  struct ntlm_challenge *c) RPC_CHECKED;

/* HOST of a service principal name: SERVICE/HOST[:PORT][/...]. */
struct rd ntlm_host(struct rd spn);

/*
 * Is a name on a list of configure, in any case? On an empty one all are; on any
 * other none that is not printable ASCII.
 */
bool ntlm_listed(struct rd list, struct rd name);

/*
 * The AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3, 3.1.5.1.2) and, with KEY_EXCH, the
 * session key, into rep, which has neither.
 *
 * req   its bindings are 16 octets or none
 * hash  of the password
 *
 * Returns ISO_OK, ISO_E_ENTROPY.
 */
enum iso_status ntlm_message(const struct iso_req_ntlm_authenticate *req,
			     const struct ntlm_challenge *c, const uint8_t hash[NTLM_KEY],
			     struct iso_rep_ntlm_authenticate *rep) RPC_CHECKED;

#endif
