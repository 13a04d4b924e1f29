/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session with an NT hash, messages of clients and servers, and what holds
 * of every answer, for tests of ntlm_authenticate.
 */
#ifndef TESTS_NTLM_WORLD_H
#define TESTS_NTLM_WORLD_H

#include "iso_host.h"
#include "ntlm_verify.h"

#define OWNER	 1000u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define POLICY	 (ISO_POLICY_NTLM | ISO_POLICY_TARGETS)

/* NegotiateFlags, MS-NLMP 2.2.2.5 */
#define UNICODE	 0x00000001u
#define OEM	 0x00000002u
#define TARGET	 0x00000004u
#define SIGN	 0x00000010u
#define SEAL	 0x00000020u
#define DATAGRAM 0x00000040u
#define LM_KEY	 0x00000080u
#define NTLM	 0x00000200u
#define ANONYM	 0x00000800u
#define ALWAYS	 0x00008000u
#define EXTENDED 0x00080000u
#define IDENTIFY 0x00100000u
#define NON_NT	 0x00400000u
#define INFO	 0x00800000u
#define VERSION	 0x02000000u
#define B128	 0x20000000u
#define EXCH	 0x40000000u
#define B56	 0x80000000u
#define REQUIRED (UNICODE | NTLM | EXTENDED | INFO)
#define ALLOWED	 (REQUIRED | TARGET | SIGN | SEAL | ALWAYS | IDENTIFY | VERSION | B128 | EXCH | B56)

/* MS-NLMP 4.2.4.3, CHALLENGE_MESSAGE; its flags are 0xe28a8233 */
extern const char ntlm_sample[];

struct rd utf16(const char *text);
struct rd le(uint64_t value, size_t octets);
struct rd pair(uint16_t id, struct rd value);

/* Messages as a server and a client make them; the challenge is 1122334455667788. */
struct rd challenge_of(uint32_t flags, struct rd pairs);
struct rd offer_of(uint32_t flags);

/* What a server says of itself; NULL: it does not. */
struct rd names(const char *dns, const char *nb);

struct ntlm_world {
	struct iso *iso;
	struct iso_rep_session_open s;
	struct iso_rep_cred_absorb blob;
	uint8_t hash[16];
	struct iso_req_ntlm_authenticate req;
	struct iso_rep_ntlm_authenticate rep;
	struct v_exchange x;
	struct v_seen seen;
};

/*
 * A session with a hash, and a request that is answered, with the sample. list:
 * NULL ends it. Ends all that was made with d_: what a test makes comes after it.
 */
void ntlm_begin(struct ntlm_world *w, uint32_t policy, const char *const *list);

enum iso_status ntlm_call(struct ntlm_world *w);

/* What came back, as a server sees it, with what holds of every answer; into seen. */
void ntlm_check(struct ntlm_world *w);

#endif
