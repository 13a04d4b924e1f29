/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords on their way to lsaiso: typed, sealed to lsaiso's public key,
 * wiped. Used by the subcommands that ask for one.
 */
#ifndef LSACTL_SECRET_H
#define LSACTL_SECRET_H

#include "lib/box.h"
#include "lsactl/lsactl.h"

#define SECRET_HEX (2 * ISO_BOX + 1)

/* What a box is for, as LogonStart answered. */
struct start {
	char session[32];
	char name[ISO_NAME_MAX + 1]; /* the principal, as it belongs in the box */
	uint64_t challenge;
	uint32_t number, generation, owner;
};

/*
 * All return 0, or -1 with the reason on stderr.
 */

/* LogonStart; ask is consumed. */
int secret_start(const struct ctl *ct, json_t *ask, struct start *st);

/*
 * Ask for a password, and seal it for st; it is wiped in any case.
 * flags  BOX_*
 * hex    out, the box
 */
int secret_ask(const struct ctl *ct, const char *prompt, const struct start *st, uint32_t flags,
	       char hex[SECRET_HEX]);

/* A new password, on a terminal asked for twice; sealed with BOX_NEW. */
int secret_ask_new(const struct ctl *ct, const char *prompt, const struct start *st,
		   char hex[SECRET_HEX]);

/* Seal a key of this principal, not st's: what lsass says is not asked. */
int secret_key(const struct ctl *ct, const struct start *st, const char *name, int32_t etype,
	       struct rd octets, char hex[SECRET_HEX]);

/* Seal the key of a ticket-granting ticket; client: DER as in lib/box.h. */
int secret_tgt(const struct ctl *ct, const struct start *st, struct rd client, int32_t etype,
	       struct rd octets, int64_t endtime, char hex[SECRET_HEX]);

/*
 * A random password that nobody sees, in two boxes of two challenges: one to make keys of, one to
 * change to.
 */
int secret_random(const struct ctl *ct, const struct start *one, const struct start *two,
		  char hex[SECRET_HEX], char new_hex[SECRET_HEX]);

/* ---- cmd_keytab.c */
/*
 * Log on with a key of ct->keytab. principal: NULL: the first one there.
 * Returns the answer to Logon, to be released, or NULL.
 */
json_t *keytab_logon(const struct ctl *ct, const char *principal, const char *cache);
/* Bring the machine's keys. The exit code. */
int keytab_machine(const struct ctl *ct);

#endif
