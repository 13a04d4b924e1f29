/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of this machine, out of its keytab: each came in a box of its own
 * to a session of root's, what is here are the sealed blobs. And what is had
 * by them: tickets to armour other logons with (FAST), in memory only, got
 * when the first is wanted. Any thread may call.
 */
#ifndef LSASS_LOGON_MACHINE_H
#define LSASS_LOGON_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "lsass/logon/fast.h"
#include "rpc/rpc.h"

struct config;
struct machine;

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

/* NULL: no memory. cf stays the caller's, until machine_free, after the last worker. */
struct machine *machine_new(const struct config *cf);
void machine_free(struct machine *ma);

/*
 * Keys in place of those before. before: out, of those, whose session the
 * caller closes if it is another; may be NULL.
 */
void machine_set(struct machine *ma, const struct machine_keys *keys, struct machine_keys *before);
void machine_get(struct machine *ma, struct machine_keys *keys);

/* There is another lsaiso, or none: what it sealed is worth nothing. */
void machine_forget(struct machine *ma);

/*
 * Where armour comes from, as [logon] fast says. Returns source, filled in
 * (it ends with ma), or NULL: logons go without.
 */
const struct fast_source *machine_armor(struct machine *ma, struct fast_source *source);

#endif
