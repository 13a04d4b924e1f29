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

#define NTLM_NAME  256 /* a user, a domain: UTF-8 with its NUL */
#define NTLM_SHOWN 256 /* a program, a server, a user of the table: printable ASCII, NUL */
#define NTLM_USES  256 /* rows of the table of uses; the oldest of whom has most makes room */
#define NTLM_ADDED 16  /* logons for NTLM alone, of one user */

struct config;
struct held;
struct logon;
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

/* "DOMAIN\\user" taken apart; false: it is not that. */
bool ntlm_split(const char *name, char domain[NTLM_NAME], char user[NTLM_NAME]);

/* ---- for lsass/front/admin */

/*
 * Finish a begun logon, whose name is DOMAIN\\user, with a box: for NTLM alone. It
 * lives without a cache, is locked and ended as others are, and takes the place of
 * an earlier one of that name. On failure the caller ends it.
 *
 * Returns ISO_OK; ISO_E_POLICY: [ntlm] mode is off; ISO_E_RANGE: the name; ISO_E_FULL:
 * the user has NTLM_ADDED; else what lsaiso says.
 */
enum iso_status ntlm_add(struct ntlm *nt, struct held *he, const uint8_t box[ISO_BOX]);

/*
 * A password was changed: no hash of it is kept any more, of whomever, for a server
 * counts wrong ones and locks accounts. principal: as its user wrote it.
 * Returns how many those were.
 */
size_t ntlm_changed(struct ntlm *nt, const char *principal);

enum ntlm_source {
	NTLM_LOGON,   /* a logon inside */
	NTLM_ALONE,   /* for NTLM alone */
	NTLM_HEIMDAL, /* a Heimdal client stored it */
};

/* A hash that there is, or of a logon inside that there was. Views. */
struct ntlm_hash {
	enum ntlm_source source;
	struct logon *logon;
	const char *domain, *user; /* that it answers for */
	uint32_t since;		   /* seconds since 1970; 0: not known */
	bool locked;
	bool stale; /* gone: the password was changed */
};

/* Call fn for each of everybody's; true stops. */
void ntlm_each(struct ntlm *nt, bool (*fn)(const struct ntlm_hash *, void *), void *arg);

/* End what ntlm_add, ntlm_save or a Heimdal client brought of that name. Returns how many. */
size_t ntlm_remove(struct ntlm *nt, uid_t owner, const char *domain, const char *user);

/* A row of the table of uses: who talks NTLM, as whom, to whom. */
struct ntlm_use {
	uid_t uid;
	char program[NTLM_SHOWN]; /* path, or what the kernel calls it, if that is not to be had */
	char server[NTLM_SHOWN];
	char user[NTLM_SHOWN];
	bool listed; /* at the last use */
	uint64_t count, refused;
	int64_t first, last; /* seconds since 1970 */
};
const struct ntlm_use *ntlm_use_at(const struct ntlm *nt, size_t i); /* NULL: no more rows */

struct ntlm_stats {
	uint64_t answered, refused, unlisted; /* unlisted: of those answered */
	size_t hashes;
};
void ntlm_stats(struct ntlm *nt, struct ntlm_stats *stats);

#endif
