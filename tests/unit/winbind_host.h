/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the test and the fuzz target of the winbind front: the front itself with
 * a loop that is turned by hand, clients on socket pairs, a winbindd behind it
 * that the test plays, and NTLM and logons made up.
 *
 *   user "alice"   has a hash, of domain "TEST"
 *   user "locked"  has one of a locked session
 *   user "nokey"   has one, and its answers come without a session key
 */
#ifndef TESTS_WINBIND_HOST_H
#define TESTS_WINBIND_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lsass/front/winbind/private.h"
#include "lsass/ntlm/ntlm.h"

#define HOST_UID 1000u
#define HOST_KEY 0xd7 /* octets of the session key */

/* What the front asked for last. */
struct winbind_asked {
	size_t has, answer, save, auth, gone;
	struct ntlm_peer peer;
	char domain[NTLM_NAME], user[NTLM_NAME], password[WB_NAME];
	size_t negotiate_len, challenge_len;
	uint8_t negotiate[64], challenge[64];
};
extern struct winbind_asked asked;

/* A front with a mouth for each version; real: with a winbindd behind it. */
void host_open(bool real);
void host_close(void);
void host_real(bool on); /* of one that was opened with a winbindd behind it */
struct winbind *host_front(void);

/* A client of that version: its end of the connection, which does not block. */
int host_client(uint32_t version, uid_t uid);
/* Run what is due, until nothing is. */
void host_turn(void);
void host_sweep(uint64_t later_ms); /* the clock goes on by that, then limits are looked at */
/* A connection that the front has made to the winbindd behind it; -1: none. */
int host_behind(void);

/* A request: zeros, but what all have. Returns its size. */
size_t host_request(uint32_t version, uint32_t number, uint8_t at[2200]);

#endif
