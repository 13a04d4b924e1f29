/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of lsactl keytab share. */
#ifndef LSACTL_KEYTABS_H
#define LSACTL_KEYTABS_H

#include "lsactl/ktfile.h"
#include "lsactl/lsactl.h"
#include "lsactl/replace.h"

/* A keytab that was opened, read and taken apart. */
struct opened {
	struct replace re;
	struct kt_file kf;
	json_t *known; /* ListKeytabs: "keys" and "kept" */
};

/*
 * Open it. flags: of replace_open. Of each entry it is said what it is. Returns 0, or -1 with the
 * reason on stderr; keytabs_close in any case.
 */
int keytabs_open(const struct ctl *ct, struct opened *op, const char *path, unsigned int flags);
void keytabs_close(struct opened *op);

/*
 * The keys of that principal that are KT_REAL, to lsaiso.
 *
 * path    of the keytab of which they are
 * more    further parameters of the last KeytabKey, for all; NULL: none
 *
 * Returns the last answer, to be released, or NULL with the reason on stderr.
 */
json_t *keytabs_send(const struct ctl *ct, const struct opened *op, const char *principal,
		     const char *path, bool fresh);

/* Does lsass know that key as a stand-in? id: out, of it. */
#define STANDIN_ID (2 * 16 + 1)
bool keytabs_is_standin(const json_t *known, const uint8_t *key, size_t len, char id[STANDIN_ID]);

/* keytabs_rotate.c */
int keytabs_rotate(struct ctl *ct, const char *path, const char *principal);

#endif
