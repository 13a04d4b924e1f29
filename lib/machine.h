/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this machine offers, tried or read, never guessed. For lsainit
 * --check and lsactl doctor.
 */
#ifndef LIB_MACHINE_H
#define LIB_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* Make, map and touch secret memory in a child. 0, or the errno. */
int machine_memfd_secret(void);

/*
 * The first line of a small file, without its newline.
 * Returns its length, or -1 with errno.
 */
int machine_line(const char *path, char *text, size_t n);

/* Whether word stands in a comma- or space-separated list. */
bool machine_has_word(const char *list, const char *word);

#endif
