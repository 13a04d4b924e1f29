/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keytabs whose keys are stand-ins: the real ones are kept sealed under the
 * root key of lsaiso (ops.h key_keep), so that they survive its restart, in the folder
 * "keytab" of [host] directory. Loop thread only.
 *
 * The stand-in of a key stays the same when the key changes (rotate): what is behind it
 * may be several key versions, of which the KDC knows one.
 */
#ifndef LSASS_KEYTAB_KEYTAB_H
#define LSASS_KEYTAB_KEYTAB_H

#include <stdbool.h>
#include <sys/types.h>

#include "lsass/wire.h"
#include "rpc/rpc.h"

struct config;
struct keytab;

#define KEYTAB_KEYS_MAX	    4096 /* of all keytabs together */
#define KEYTAB_VERSIONS_MAX 4	 /* of one key that are kept */

/* A real key, sealed. */
struct kept_key {
	uint32_t kvno;
	int64_t since;	/* seconds since 1970 */
	uint16_t len;
	uint8_t kept[ISO_KEPT_MAX];
};

/* A key of a keytab. */
struct standin_key {
	struct standin_key *next; /* of the same principal; newest kvno first */
	char name[ISO_NAME_MAX + 1]; /* principal, as in the box */
	int32_t etype;
	uint32_t kvno; /* in the file */
	uint8_t key[ISO_KEY_MAX]; /* the stand-in, as long as etype asks */
	uint8_t key_len;
	uid_t owner; /* of the file: who beside root may use it */
	char *path;  /* of the file, as it was imported */
	struct kept_key versions[KEYTAB_VERSIONS_MAX]; /* newest first */
	size_t nversions;
};

/* Reads what is kept; NULL: no memory. A file that is damaged is set aside and said. */
struct keytab *keytab_open(const struct config *cf);
void keytab_close(struct keytab *kt); /* wipes */

/* The first key of that client (name and realm), NULL: none of ours. */
struct standin_key *keytab_find(struct keytab *kt, const struct wire_princ *client);

/* For status. */
size_t keytab_count(const struct keytab *kt);

#endif
