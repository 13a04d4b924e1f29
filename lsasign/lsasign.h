/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsasign, the tool of whoever signs: one function per subcommand. Exit codes
 * as those of lsactl: 0 done, 1 failed or refused, 2 wrong usage. A private
 * key is in memory only while it is used, and is never printed.
 */
#ifndef LSASIGN_LSASIGN_H
#define LSASIGN_LSASIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/sign.h"

#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct options {
	const char *key;     /* --key, private */
	const char *keys;    /* --keys, folder of public ones */
	const char *version; /* --version-of */
	const char *out;     /* --output */
	const char *boot_id; /* --boot-id */
	int svn;	     /* --svn; -1: not given */
	bool keep;	     /* --keep */
};

typedef int subcommand(const struct options *op, int argc, char **argv);

/* main.c */
/* "lsasign: ..." on stderr; EXIT_FAILED. */
int failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* keys.c */
subcommand cmd_keygen, cmd_public;
/* A private key file that nobody else can read. 0, or -1: said why. */
int read_private(const char *path, struct sign_private *key);

/* manifest.c */
subcommand cmd_manifest, cmd_sign, cmd_verify, cmd_fsverity;

/* token.c */
subcommand cmd_token;

#endif
