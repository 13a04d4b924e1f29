/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that gets a new content in one step, with its owner, mode and
 * attributes: ccaches and keytabs that become stand-ins, configuration.
 *
 * Links are followed only if they are root's or the caller's own; who is not root may change
 * nothing but files of their own.
 */
#ifndef LSACTL_REPLACE_H
#define LSACTL_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "rpc/rpc.h"

struct replace {
	int folder;	 /* of the file, -1: none */
	int fd;		 /* of the file as it is, locked as libkrb5 locks; -1: there is none */
	char name[256];	 /* in the folder */
	char path[4096]; /* where it is once links are followed */
	struct stat was; /* owner, mode, size; of a new file: those that it will have */
	bool writable;	 /* fd can overwrite what is there */
};

/* may_lack: a file that is not there is no error (root's, 0644). */
#define REPLACE_MAY_LACK 1u
/* The file is only looked at: no lock, and it may be anybody's that can be read. */
#define REPLACE_LOOK 2u

/*
 * Open path, take its lock (waits some seconds for who has it).
 * error  out, a sentence for people
 * Returns 0, or -1: not there, a link of somebody else's, another user's, not a regular file,
 * more than one name (a hard link), locked for too long. replace_close in any case.
 */
int replace_open(struct replace *re, const char *path, unsigned int flags, char *error, size_t n)
    __attribute__((warn_unused_result));

/*
 * All of it.
 * at   out, allocated, with a NUL after it; the caller wipes and frees it; "" of a file that is
 *      not there
 * Returns 0, or -1 and error: longer than most, cannot be read.
 */
int replace_read(const struct replace *re, size_t most, uint8_t **at, size_t *len, char *error,
		 size_t n) __attribute__((warn_unused_result));

/*
 * Put content there: written beside it, synced, renamed over it. With overwrite, what was there is
 * then overwritten, as far as the file system does that in place.
 * Returns 0; or -1 and error, and the file is as it was.
 */
int replace_write(struct replace *re, struct rd content, bool overwrite, char *error, size_t n)
    __attribute__((warn_unused_result));

/* Take the file away. 0, or -1 and error. */
int replace_remove(struct replace *re, char *error, size_t n) __attribute__((warn_unused_result));

void replace_close(struct replace *re);

#endif
