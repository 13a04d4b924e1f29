/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The use log as it is stored: one file per start of lsaiso in [audit]
 * directory, written by lsass, checked by lsactl. Never for lsaiso.
 *
 * A file is a row of entries of one size. The first names the boot id, the
 * others are records as lsaiso made them, each with the value of the chain
 * after it (rpc/record.h). An entry whose record is all zero tells that
 * records before the next one were never collected, and gives the value of
 * the chain there: without it nothing after a gap could be checked.
 */
#ifndef LIB_USELOG_H
#define LIB_USELOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/ops.h"
#include "rpc/record.h"

struct config;

#define USELOG_MAGIC "lsause 1" /* without its NUL */
#define USELOG_BOOT  (2 * ISO_BOOT_ID + 1)
#define USELOG_NAME  64 /* of a file: "20261124T063012.345Z-<boot id>.log" */
#define USELOG_TEXT  64 /* of a target, for people */

struct uselog_entry {
	struct record of;
	uint8_t chain[ISO_HASH]; /* after it */
};
#define USELOG_ENTRY 128u
_Static_assert(sizeof(struct uselog_entry) == USELOG_ENTRY, "no holes");

/* The first entry, in its place. */
struct uselog_head {
	uint8_t magic[8];
	uint8_t boot_id[ISO_BOOT_ID];
	uint8_t zero[RECORD_SIZE - 8 - ISO_BOOT_ID];
	uint8_t chain[ISO_HASH]; /* chain(0) */
};
_Static_assert(sizeof(struct uselog_head) == USELOG_ENTRY, "it is an entry");

/* Where files of this instance are: out, at most n octets. 0, or -1: too long. */
int uselog_directory(const struct config *cf, char *path, size_t n)
    __attribute__((warn_unused_result));

/* Name of a file that is begun now, and whether a name is one; boot: out, hexadecimal. */
void uselog_name(const uint8_t boot_id[ISO_BOOT_ID], char name[USELOG_NAME]);
bool uselog_named(const char *name, char boot[USELOG_BOOT]);
void uselog_boot_text(const uint8_t boot_id[ISO_BOOT_ID], char boot[USELOG_BOOT]);

/*
 * Names of all files of a folder, oldest first; to be freed one by one and
 * together. Returns how many, or -1 with errno.
 */
int uselog_list(const char *directory, char ***names);

void uselog_head_make(const uint8_t boot_id[ISO_BOOT_ID], struct uselog_head *head);
/* Is it the head of a file of this boot? */
bool uselog_head_good(const struct uselog_head *head, const uint8_t boot_id[ISO_BOOT_ID]);

/* An entry that says: what was before next is lost, the chain is here. */
void uselog_gap_make(const uint8_t chain[ISO_HASH], struct uselog_entry *en);

/* The next value of the chain. */
void uselog_add(uint8_t chain[ISO_HASH], const struct record *re);

/* A place between two entries. */
struct uselog_at {
	uint64_t next;		 /* sequence number that is to come */
	uint8_t chain[ISO_HASH]; /* before it */
	bool gap;		 /* the entry before told of a gap */
};
void uselog_begin(const uint8_t boot_id[ISO_BOOT_ID], struct uselog_at *at);

enum uselog_step {
	USELOG_GOOD,	/* the record that was due */
	USELOG_GAP,	/* a gap is told; no record */
	USELOG_LOST,	/* after a told gap: records from before on are not there */
	USELOG_MISSING, /* the same without a word of it */
	USELOG_ORDER,	/* a record from before; the place stays */
	USELOG_CHANGED, /* this record or its chain value is not as it was made */
};

/*
 * Go over one entry. After what is wrong it goes on from the entry as it is,
 * so that each fault shows once.
 */
enum uselog_step uselog_step(struct uselog_at *at, const struct uselog_entry *en);

/*
 * A record for people and programs: names for numbers, what is not printable
 * ASCII of the target as ?. Octets of names that programs sent never reach a
 * terminal otherwise.
 */
json_t *uselog_json(const struct record *re);

#endif
