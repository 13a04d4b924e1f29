/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lsactl audit show and lsactl audit verify share. */
#ifndef LSACTL_AUDIT_H
#define LSACTL_AUDIT_H

#include <limits.h>

#include "lib/uselog.h"
#include "lsactl/lsactl.h"

/*
 * Files of the use log that we may read ourselves, so that nobody need be
 * believed: root's, and everybody's whose own instance it is.
 */
struct audit_files {
	char directory[PATH_MAX];
	char **names; /* oldest first */
	int n;
};

/* 0, or -1 with errno; files_end in any case. */
int audit_files(const struct ctl *ct, struct audit_files *fi);
void audit_files_end(struct audit_files *fi);

/* Open one of them; boot: out, of its name. -1 with errno. */
int audit_open(const struct audit_files *fi, const char *name, char boot[USELOG_BOOT]);

/* What lsaiso proves of itself: who it is, and the head of its chain. */
struct audit_head {
	uint8_t boot_id[ISO_BOOT_ID];
	char boot[USELOG_BOOT];
	uint64_t sequence;
	uint8_t chain[ISO_HASH];
};

/*
 * Have it proved, past lsass, by who has the private key of pinned.
 * Returns 0; or -1 and error says why not.
 */
int audit_head(const struct ctl *ct, const uint8_t pinned[ISO_PUBLIC], struct audit_head *head,
	       char *error, size_t n);

/*
 * The public key to believe: of the file that root (lsainit) wrote. If there
 * is none, what lsass says, and warning says that. 0, or -1 and error.
 */
int audit_pin(const struct ctl *ct, uint8_t key[ISO_PUBLIC], char *warning, char *error, size_t n);

/*
 * Check a file; head: of the running lsaiso if it is its file, else NULL.
 * Returns {boot, file, records, first, last, chain, findings: [{kind, text}]}.
 */
json_t *audit_check(const struct audit_files *fi, const char *name, const struct audit_head *head);

/* Add a finding to such an object. */
void audit_found(json_t *to, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

subcommand cmd_audit_verify;

#endif
