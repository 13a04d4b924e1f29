/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client that logs on: challenge, box, absorb, as lsactl and pam_lsa do it
 * (lib/box.h), against the core of the test. For tests of what comes after.
 */
#ifndef TESTS_ISO_CLIENT_H
#define TESTS_ISO_CLIENT_H

#include "iso.h"
#include "lib/box.h"

/* A box that answers a fresh challenge of this session; secret as in box_fill. */
struct box client_box(struct iso *iso, struct iso_rep_session_open s, uint32_t owner,
		      const char *name, struct rd secret, int32_t etype, uint32_t flags);

/* Seal it to the core's own public key and have it absorbed. */
enum iso_status client_give(struct iso *iso, struct iso_rep_session_open s, uint32_t owner,
			    const struct box *box, struct iso_rep_logon_absorb *rep);

/* All of it, for a password as text; fails the test unless it works. */
void client_password(struct iso *iso, struct iso_rep_session_open s, uint32_t owner,
		     const char *name, const char *password, uint32_t flags,
		     struct iso_rep_logon_absorb *rep);

#endif
