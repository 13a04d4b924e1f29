/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which files the watch keeps an eye on: the programs, their manifest, the
 * keys that may sign, the configuration, and the list of libraries that are
 * loaded into every program. Found once, at the start; sensors watch them,
 * judge/files.c judges them.
 */
#ifndef LSAWATCH_INSTALLED_H
#define LSAWATCH_INSTALLED_H

#include "lsawatch/watch.h"

enum installed_kind {
	INSTALLED_PROGRAM,
	INSTALLED_MANIFEST,
	INSTALLED_SIGNATURE,
	INSTALLED_KEYS, /* a folder */
	INSTALLED_CONFIGURATION,
	INSTALLED_PRELOAD,
};

struct installed {
	enum installed_kind kind;
	const char *suffix;   /* a folder, of which the files that end so count; NULL: one file */
	char path[512];	      /* absolute */
	char name[64];	      /* of a program: in the manifest */
	enum watch_part part; /* PART_NONE: none of the three runs it */
	const struct watch_image *image; /* of the part or the machine; NULL: none */
};

/* Find them, once. 0 or -1: no memory. */
int installed_open(const struct lsawatch *w);
/* All of them. */
const struct installed *installed_all(size_t *n);
/*
 * The one that a file is, or is counted to; NULL: none.
 *
 * folder  of the file, without a slash at the end
 * name    in it
 */
const struct installed *installed_find(const char *folder, const char *name);
/* The same by its whole path. */
const struct installed *installed_at(const char *path);
/* Is it one of the programs, wherever it is called from? */
bool installed_program(uint64_t dev, uint64_t ino);
/* The folder that a change of it is seen in. */
void installed_folder(const struct installed *in, char folder[512]);

#endif
