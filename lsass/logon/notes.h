/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A logon as octets of the journal, and back: JSON, so that a later version
 * can add members. The journal seals it; a blob in it is lsaiso's. Used by
 * lsass/logon/logons.c.
 */
#ifndef LSASS_LOGON_NOTES_H
#define LSASS_LOGON_NOTES_H

#include "lsass/logon/logons.h"

/* malloc; NULL: no memory. n: out, octets */
char *note_write(const struct held *he, size_t *n);
/* NULL: it is not a note, or no memory. */
struct held *note_read(const uint8_t *at, size_t n);

#endif
