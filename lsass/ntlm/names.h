/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of NTLM: UTF-8 here, UTF-16LE and capitals in messages. Capitals are
 * those of Unicode, one for one, whatever the locale of lsass; as in Windows
 * nothing beyond the first 65536 has any.
 */
#ifndef LSASS_NTLM_NAMES_H
#define LSASS_NTLM_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lsass/ntlm/ntlm.h"

struct name16 {
	uint8_t at[ISO_NTLM_NAME];
	size_t len; /* octets */
};

/* False: not UTF-8, or too long. */
bool names_utf16(const char *text, bool capitals, struct name16 *to);

/* The same name, whatever the case of its letters? What is not UTF-8 is no name. */
bool names_same(const char *a, const char *b);

/* A name of a message for people, logs and JSON: what is not printable ASCII shows as ?. */
void names_show(struct rd utf16, char *text, size_t n);

/*
 * A principal, quoted as RFC 1964 has it: its only component and its realm.
 * realm  "" if there is none. False: more components than one, or too long.
 */
bool names_principal(const char *text, char user[NTLM_NAME], char realm[NTLM_NAME]);

/* What stands before the first dot, in capitals, as long as a NetBIOS name may be. */
#define NAMES_LABEL 16
void names_label(const char *name, char label[NAMES_LABEL]);

#endif
