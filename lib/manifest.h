/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The manifest: what each program is, to the octet. Text, one form only:
 *
 *   lsaiso manifest 1
 *   created 2026-11-24T10:42:00Z
 *   program lsaiso size 167432 sha256 <64 hex digits> version 0.1.0 svn 1
 *   program lsass size ...
 *
 * Single blanks, lower case, no leading zeros, every line ends in a newline,
 * names are unlike; fields stand in this order and each once. Anything else
 * is refused. The signature beside it (lib/sign.h) is over all octets and is
 * checked before any of them is looked at.
 *
 * svn, the security version number, goes up when a fix must not be undone;
 * a manifest counts as the lowest that it has (lib/floor.h).
 */
#ifndef LIB_MANIFEST_H
#define LIB_MANIFEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/sign.h"

#define MANIFEST_OCTETS	  32768
#define MANIFEST_PROGRAMS 32
#define MANIFEST_NAME	  63 /* octets: a-z A-Z 0-9 . _ -, not beginning with . or - */
#define MANIFEST_VERSION  31 /* octets: likewise, and + ~ */
#define MANIFEST_CREATED  20 /* octets */
#define MANIFEST_SIZE	  (1ULL << 30)
#define MANIFEST_SVN	  63
#define MANIFEST_SHA256	  32

struct manifest_program {
	char name[MANIFEST_NAME + 1];
	char version[MANIFEST_VERSION + 1];
	uint64_t size; /* octets, 1..MANIFEST_SIZE */
	uint8_t sha256[MANIFEST_SHA256];
	unsigned int svn; /* 0..MANIFEST_SVN */
};

struct manifest {
	char created[MANIFEST_CREATED + 1];
	size_t n; /* 1..MANIFEST_PROGRAMS */
	struct manifest_program programs[MANIFEST_PROGRAMS];
};

/*
 * Read a manifest. Only for octets whose signature was checked, and tests.
 * Returns 0, or the number of the first line that is wrong.
 */
unsigned int manifest_parse(const char *text, size_t len, struct manifest *m)
    __attribute__((warn_unused_result));

/* The record of a program, or NULL. */
const struct manifest_program *manifest_find(const struct manifest *m, const char *name);
/* Lowest security version of its records. */
unsigned int manifest_svn(const struct manifest *m);
/* Write it; what manifest_parse would refuse is not caught here. 0, or -1. */
int manifest_write(const struct manifest *m, FILE *to);

/*
 * Signature first, then the text.
 *
 * by      out: the key that signed it
 * error   out, at most size octets: what is wrong and what to do
 *
 * Returns 0, or -1 with error.
 */
int manifest_verify(const struct sign_public *keys, size_t n, const char *text, size_t len,
		    const char *signature, size_t siglen, struct manifest *m,
		    const struct sign_public **by, char *error, size_t size)
    __attribute__((warn_unused_result));

/*
 * May whoever has this token end the guard of this boot?
 *
 * token    signature file over the boot id, made by `lsasign token`
 * boot_id  SIGN_BOOT_ID characters, as /proc/sys/kernel/random/boot_id has them
 *
 * Returns 0, or -1 with error.
 */
int token_verify(const struct sign_public *keys, size_t n, const char *token, size_t len,
		 const char *boot_id, char *error, size_t size) __attribute__((warn_unused_result));

#endif
