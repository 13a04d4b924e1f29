/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of this machine, out of its keytab: each came in a box of its own
 * to a session of root's, what is here are the sealed blobs. Kept by the loop
 * thread; a worker thread is given a copy.
 */
#ifndef LSASS_LOGON_MACHINE_H
#define LSASS_LOGON_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

#define MACHINE_KEYS_MAX 16

struct machine_key {
	int32_t etype;
	uint32_t kvno;
	uint8_t blob[ISO_BLOB_MAX]; /* may ISO_MAY_AS and ISO_MAY_CHECK */
	size_t len;
};

struct machine_keys {
	uint32_t session, generation; /* of root's */
	uint32_t owner;		      /* 0; an instance of an ordinary user: that uid */
	char name[ISO_NAME_MAX + 1];  /* principal, as in the boxes, to log on with */
	char host[ISO_NAME_MAX + 1];  /* principal that others get tickets for:
				       * host/name@REALM, with the same keys */
	struct machine_key keys[MACHINE_KEYS_MAX];
	size_t n; /* 0: this machine has none */
};

#endif
