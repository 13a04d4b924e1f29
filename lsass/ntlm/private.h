/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of lsass/ntlm share; nobody else includes it.
 *
 *   names.c   names of NTLM
 *   challenge.c  whom a challenge names
 *   find.c    which hashes there are, and which one answers
 *   added.c   logons for NTLM alone
 *   uses.c    the table of uses, and the log of them
 *   ntlm.c    the rest
 */
#ifndef LSASS_NTLM_PRIVATE_H
#define LSASS_NTLM_PRIVATE_H

#include "lsass/logon/logons.h"
#include "lsass/ntlm/names.h"

#define FOUND_MAX 8 /* hashes of one name that are tried */

struct use_row {
	struct ntlm_use use;
	int64_t said;  /* monotonic seconds of its last log line; 0: none */
	uint64_t kept; /* uses since that went without one */
};

struct ntlm {
	const struct config *cf;
	struct logons *logons;
	char realm[NTLM_NAME]; /* the default one; "": none is known */
	char domain[NTLM_NAME];
	struct name16 workstation;
	struct use_row rows[NTLM_USES];
	size_t nrows;
	int64_t minute; /* monotonic; of the lines below */
	uint32_t lines, quiet;
	struct ntlm_stats stats;
};

/* ---- challenge.c */

/* In UTF-16LE: its name of DNS, else of NetBIOS; empty: none, or it is no challenge. A view. */
struct rd challenge_server(struct rd message);

/* Is that, as names_show has it, on [ntlm] targets, or is there no list? lsaiso decides. */
bool challenge_listed(const struct config *cf, const char *server);

/* ---- find.c */

/* A hash, and what lsaiso wants to hear of it. Owns its texts; blob is a view. */
struct found {
	enum ntlm_source source;
	struct logon *logon;
	char domain[NTLM_NAME], user[NTLM_NAME], realm[NTLM_NAME];
	uint32_t since;
	bool locked, stale;
	struct rd blob;
	uint8_t name[ISO_CLIENT_MAX];
	size_t name_len;
	struct cache *cache; /* NTLM_HEIMDAL: where it is */
	struct cred *cred;
};

/* Is that a name of the domain whose realm this is? */
bool domain_means(const struct ntlm *nt, const char *domain, const char *realm);

/* Does it answer for that name? */
bool found_answers(const struct ntlm *nt, const struct found *fo, const char *domain,
		   const char *user);

/* Call fn for each hash of owner, or with all of everybody; true stops. */
struct found_scope {
	bool all;
	uid_t owner;
};
void found_each(struct ntlm *nt, struct found_scope scope, bool (*fn)(struct found *, void *),
		void *arg);

/* Those that answer, the best first. Returns how many. */
size_t found_for(struct ntlm *nt, uid_t owner, const char *domain, const char *user,
		 struct found list[FOUND_MAX]);

/* ---- uses.c */

struct use_of {
	const struct ntlm_peer *peer;
	const char *domain, *user;
	const char *server;
	bool listed, refused;
};
void use_note(struct ntlm *nt, const struct use_of *is);

#endif
