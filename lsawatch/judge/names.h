/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a name imitate one of ours? No state; process.c asks. */
#ifndef LSAWATCH_NAMES_H
#define LSAWATCH_NAMES_H

#include <stdbool.h>

/* Worst last. */
enum name_like { NAME_OTHER, NAME_NEAR, NAME_ALIKE, NAME_SAME };

/*
 * name  of a process or a file, UTF-8 or not
 * of    out: which of ours it is like; unchanged if NAME_OTHER
 *
 *   NAME_SAME   it is one of ours
 *   NAME_ALIKE  it looks like one: letters of other alphabets, l for I or 1,
 *               o for 0, s for 5, capitals, accents, invisible characters
 *   NAME_NEAR   one letter more, less or other, or two swapped; but none of
 *               the programs that are known to be called so
 */
enum name_like name_like(const char *name, const char **of);

#endif
