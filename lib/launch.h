/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the programs, their manifest and the keys that may sign it are, and
 * whether an open file is what the manifest says. lsainit asks before it
 * starts something, `lsactl verify` for people; both by the same rules:
 *
 *              installed            from a build folder B     staged, D/usr/sbin
 *   programs   LIBEXECDIR           B/NAME/NAME               D/usr/libexec/lsaiso
 *   manifest   LIBEXECDIR/manifest  B/manifest                D/usr/libexec/lsaiso/manifest
 *   keys       SYSCONFDIR/lsaiso/keys  B/lsasign              [launch] keys
 *
 * [run] programs moves the first two, [launch] manifest and keys one each.
 */
#ifndef LIB_LAUNCH_H
#define LIB_LAUNCH_H

#include <limits.h>
#include <stdbool.h>

#include "lib/config.h"
#include "lib/manifest.h"
#include "lib/measure.h"
#include "lib/trust.h"

#define LAUNCH_CANDIDATES 4

/*
 * The i-th place where program name may be; the first that exists is it.
 * False: there are no more.
 */
bool launch_candidate(const struct config *cf, const char *name, unsigned int i,
		      char path[PATH_MAX]);

/* A manifest that was checked. */
struct launch {
	char manifest_path[PATH_MAX], keys_path[PATH_MAX];
	struct trust trust;
	struct manifest manifest;
	const struct sign_public *by; /* in trust */
};

/*
 * Read keys, manifest and signature, check the signature, then read the text.
 * error, at most n octets: what is wrong and what to do.
 *
 * Returns 0, or -1 with error; then the two paths are set nevertheless.
 */
int launch_read(const struct config *cf, struct launch *la, char *error, size_t n)
    __attribute__((warn_unused_result));

/* The keys alone, for tokens. 0, or -1 with error. */
int launch_keys(const struct config *cf, struct trust *trust, char *error, size_t n)
    __attribute__((warn_unused_result));

enum launch_state {
	LAUNCH_GOOD,
	LAUNCH_UNNAMED,	   /* the manifest does not have it */
	LAUNCH_CHANGED,	   /* other octets */
	LAUNCH_UNREADABLE, /* could not be read */
};

/*
 * Is the open file the program that the manifest names?
 *
 * path   for the message
 * is     out, or NULL: what it is
 * error  out, at most n octets, unless LAUNCH_GOOD
 */
enum launch_state launch_match(const struct launch *la, const char *name, int fd, const char *path,
			       struct measure *is, char *error, size_t n)
    __attribute__((warn_unused_result));

#endif
