/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logons while no KDC answers: what a password is compared with, and how
 * often, is lsaiso's (offline_make, offline_try). Here are the files with the
 * sealed verifiers, offline/UID-HASH in the state folder, one for each user
 * and principal as typed. They say nothing to who reads them, but an older
 * one must not come back: it would give back tries.
 *
 * Used by a logon in its worker thread: it waits for lsaiso's slow hash and
 * for the disk. Two threads may do so at once.
 */
#ifndef LSASS_LOGON_OFFLINE_H
#define LSASS_LOGON_OFFLINE_H

#include <stdint.h>

#include "rpc/rpc.h"

/* Who logs on. Views and texts live until the call returns. */
struct offline_logon {
	const char *state_directory; /* [state] directory */
	uint32_t session, generation, owner;
	const char *principal; /* as typed: the name in the box */
	struct rd password;    /* blob that may ISO_MAY_S2K */
};

enum offline_verdict {
	OFFLINE_RIGHT,	/* it is the password of the last logon with a KDC */
	OFFLINE_WRONG,	/* it is not; wait says when the next try may be */
	OFFLINE_EARLY,	/* nothing was tried; wait */
	OFFLINE_NONE,	/* nothing to compare with: never logged on here, other root key */
	OFFLINE_FAILED, /* lsaiso refused, or the count could not be written: no verdict */
};

/*
 * After a logon with this password that a KDC let in (and [logon] offline =
 * yes). Returns 0, or -1: there is no verifier now, and the log says why.
 */
int offline_keep(const struct offline_logon *on) __attribute__((warn_unused_result));

/*
 * When no KDC could be reached. The count is on the disk before this returns.
 * wait: out, seconds until the next try
 */
enum offline_verdict offline_check(const struct offline_logon *on, uint32_t *wait)
    __attribute__((warn_unused_result));

#endif
