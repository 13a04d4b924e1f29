/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where in a program's file the functions are that are given keys. For uprobes. */
#ifndef TESTS_THEFT_SYMBOLS_H
#define TESTS_THEFT_SYMBOLS_H

#include "theft.h"

#define SPOTS 16

struct spot {
	char path[256]; /* a name by which anybody can open the file */
	uint64_t offset;
	char name[64];
};

/*
 * Functions of the program and the libraries that it has mapped. When the
 * target's map is refused, $THEFT_IMAGE names the program's file.
 * Returns how many; the attack ends as "cannot" if there are none.
 */
size_t symbols_find(const struct theft *t, struct spot spots[SPOTS]);

/* The same for one function, in what the target has mapped: its address there, or 0. */
uint64_t symbols_address(const struct theft *t, const char *name);

#endif
