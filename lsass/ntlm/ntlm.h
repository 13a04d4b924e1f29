/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NTLM for the programs of a user: which NT hash in lsaiso answers for
 * DOMAIN\\user, whole messages to ask_ntlm_authenticate, and a table of who
 * still uses it. Fronts: lsass/front/winbind, lsass/front/admin.
 *
 * A hash is found in what a user's logons and caches hold: a logon inside
 * ([ntlm] mode), one that was made for NTLM alone (lsactl ntlm add,
 * CCACHE_SAVE), a hash that a Heimdal client stored (ntlm-key-DOMAIN).
 * Only the loop thread calls.
 */
#ifndef LSASS_NTLM_NTLM_H
#define LSASS_NTLM_NTLM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpc/rpc.h"

#define NTLM_NAME 256 /* a user, a domain: UTF-8 with its NUL */
#define NTLM_USES 256 /* rows of the table of uses; the oldest makes room */

struct config;
struct logons;
struct ntlm;

/* Who asks, by SO_PEERCRED: a user has his own logons, and nobody else's, root neither. */
struct ntlm_peer {
	uid_t uid;
	pid_t pid;
};

enum ntlm_result {
	NTLM_DONE,
	NTLM_NONE,    /* no hash for that name */
	NTLM_LOCKED,  /* there is one, of a locked session */
	NTLM_REFUSED, /* [ntlm] targets; not NTLMv2; a challenge that is none */
	NTLM_GONE,    /* lsaiso does not answer, or its session has ended */
};

struct ntlm_ask {
	struct ntlm_peer peer;
	const char *domain, *user; /* UTF-8; domain may be "" */
	struct rd negotiate;	   /* empty: not known */
	struct rd challenge;
};

struct ntlm_answer {
	uint8_t message[ISO_NTLM_OUT];
	size_t message_len;
	uint8_t session_key[16];
	bool has_key; /* else session_key is random: there is none to use */
};

/* NULL: no memory. Nothing is kept of a user here but the table of uses. */
struct ntlm *ntlm_new(const struct config *cf, struct logons *logons);
void ntlm_free(struct ntlm *nt);

/* The NetBIOS name of the domain: [ntlm] domain, or of the default realm. */
const char *ntlm_domain(const struct ntlm *nt);

/* Is there a hash that answers for that name? The probe of winbind's clients. */
enum ntlm_result ntlm_has(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain,
			  const char *user);

/* An AUTHENTICATE_MESSAGE. Whoever gets it wipes *an. */
enum ntlm_result ntlm_answer(struct ntlm *nt, const struct ntlm_ask *ask, struct ntlm_answer *an);

/*
 * A logon for NTLM alone, of a password that a program sent here (CCACHE_SAVE):
 * sealed to lsaiso at once. The caller wipes the password. One of the same
 * name takes the place of an earlier one.
 */
enum ntlm_result ntlm_save(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain,
			   const char *user, const char *password);

#endif
