/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An intrusive hash table: nodes live in what they index, so adding never
 * fails once the table has buckets, and taking out costs nothing. The caller
 * brings the hash and compares. Equal hashes keep their order of insertion.
 */
#ifndef LSASS_CACHE_TABLE_H
#define LSASS_CACHE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct node {
	struct node *next;
	uint64_t hash;
};

struct table {
	struct node **buckets;
	uint32_t nbuckets; /* 0, or a power of two */
	uint32_t count;
};

/* The struct of which node is a member. */
#define NODE_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* 0, or -1: no memory for the first buckets (growth may fail without harm). */
int table_add(struct table *ta, struct node *no, uint64_t hash);
void table_del(struct table *ta, struct node *no); /* must be in the table */
/* The first node of that hash, and the one after no; NULL: no more. */
struct node *table_first(const struct table *ta, uint64_t hash);
struct node *table_next(const struct node *no);
void table_free(struct table *ta); /* the buckets; nodes are the caller's */

#endif
