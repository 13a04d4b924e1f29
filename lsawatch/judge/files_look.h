/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an installed file is now. For judge/files.c alone. */
#ifndef LSAWATCH_FILES_LOOK_H
#define LSAWATCH_FILES_LOOK_H

#include "lsawatch/installed.h"

#define LOOK_SHA256 32

/* Of a file or, of a folder, all that counts in it as one. */
struct file_look {
	bool exists, readable; /* readable: octets were read, digest is of them */
	uint64_t dev, ino, size, mount, attributes;
	int64_t mtime_s, ctime_s;
	uint32_t mtime_ns, ctime_ns;
	uint32_t mode, uid, gid;
	bool capable; /* has file capabilities */
	uint8_t digest[LOOK_SHA256];
	char why[96]; /* not readable: why */
};

/* Everything but the digest: cheap. */
void file_look(const struct installed *in, struct file_look *lk);
/* The mount that a file was opened at; 0: this kernel does not tell. */
uint64_t file_look_mount(int fd);
/* Is it the same file, and was it not written since? */
bool file_look_same(const struct file_look *one, const struct file_look *other);
/* The digest, too. most: octets that are read of one file */
void file_look_into(const struct installed *in, uint64_t most, struct file_look *lk);
/* Owner, mode and attributes of both are the same; else what changed, in at most n octets. */
bool file_look_attributes(const struct file_look *before, const struct file_look *now, char *what,
			  size_t n);

#endif
