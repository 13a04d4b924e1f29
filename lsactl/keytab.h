/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of a keytab is worth giving to lsaiso: the keys of one principal, of
 * the newest version. For lsactl logon --keytab.
 */
#ifndef LSACTL_KEYTAB_H
#define LSACTL_KEYTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

#define KEYTAB_KEYS_MAX 16

struct keytab_key {
	int32_t etype;
	uint32_t kvno;
	uint8_t octets[ISO_KEY_MAX];
	size_t len;
};

struct keytab {
	char name[ISO_NAME_MAX + 1]; /* whose keys: to log on with */
	char host[ISO_NAME_MAX + 1]; /* of a machine: host/name@REALM with the same keys, or name */
	/* Else one of the same version: two stand-ins of one key do not tell that it is one. */
	char host_too[ISO_NAME_MAX + 1];
	struct keytab_key
	    keys[KEYTAB_KEYS_MAX]; /* in the order of krb5.conf's permitted_enctypes */
	size_t n;
};

/*
 * Read it.
 *
 * principal  whose keys; NULL: of a machine its account (NAME$@REALM), else its
 *            first host/..., else the first that there is
 * machine    whose keys those of a machine are, for which host is looked for
 * rc4        etype 23 counts, too
 * error      out, a sentence that says what to do
 *
 * Returns 0 (at least one key; keytab_wipe it), or -1.
 */
int keytab_read(const char *path, const char *principal, bool machine, bool rc4, struct keytab *kt,
		char *error, size_t n) __attribute__((warn_unused_result));
void keytab_wipe(struct keytab *kt);

#endif
