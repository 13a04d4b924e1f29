/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of JSON lines in [watch] directory that others rotate, read and delete. */
#ifndef LSAWATCH_LINES_H
#define LSAWATCH_LINES_H

#include <jansson.h>

#include "lsawatch/watch.h"

struct lines {
	const char *name; /* of the file */
	char path[4096];
	int fd; /* -1: not open */
	uint64_t dev, ino;
};

void lines_open(struct lines *li, const struct lsawatch *w);
/*
 * Append one object as one line, by one write: whole, or not at all. Opens the
 * file anew if it is not the one at its path any more; renames it to NAME.1
 * beyond [watch] octets. Takes the object; NULL: no memory. 0 or -1 with why.
 */
int lines_add(struct lines *li, const struct lsawatch *w, json_t *object, char *why, size_t n);
void lines_close(struct lines *li);

#endif
