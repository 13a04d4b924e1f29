/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A keytab as octets (MIT's file format, version 2): where each key is, so that it
 * can be written over and all else stays as it is. For lsactl keytab.
 */
#ifndef LSACTL_KTFILE_H
#define LSACTL_KTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

#define KTFILE_SIZE_MAX	   (16u << 20)
#define KTFILE_ENTRIES_MAX 4096u

enum kt_what {
	KT_REAL,    /* a key that can be kept */
	KT_STANDIN, /* one that lsass knows */
	KT_TWICE,   /* the same principal, type and version as one before */
	KT_WEAK,    /* of a type that is not taken here */
};

struct kt_entry {
	char name[ISO_NAME_MAX + 1]; /* as libkrb5 writes it */
	int32_t etype;
	uint32_t kvno;
	size_t key; /* offset in the file */
	size_t len;
	bool service; /* a name of two parts: something may accept with it */
	enum kt_what what;
};

struct kt_file {
	uint8_t *octets;
	size_t len;
	struct kt_entry *entries;
	size_t n;
	size_t holes; /* of removed entries that are not all zeroes */
};

/*
 * Read octets, which are kf's from then on, in any case. error: out, a sentence.
 * Returns 0 or -1; kt_free in any case.
 */
int kt_parse(struct kt_file *kf, uint8_t *octets, size_t len, const char *path, char *error,
	     size_t n) __attribute__((warn_unused_result));
/* Zeroes where entries were removed: keys may be there still. */
void kt_clear_holes(struct kt_file *kf);
void kt_free(struct kt_file *kf); /* wipes */

#endif
