/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/cache/table.h"

#include <stdlib.h>

#define FIRST 4u

static struct node **
place(const struct table *ta, uint64_t hash)
{
	return &ta->buckets[hash & (ta->nbuckets - 1)];
}

static void
append(struct node **at, struct node *no)
{
	while (*at != NULL)
		at = &(*at)->next;
	no->next = NULL;
	*at = no;
}

static int
grow(struct table *ta)
{
	struct table bigger = { .nbuckets = ta->nbuckets == 0 ? FIRST : ta->nbuckets * 2 };

	bigger.buckets = calloc(bigger.nbuckets, sizeof(struct node *));
	if (bigger.buckets == NULL)
		return -1;
	for (uint32_t i = 0; i < ta->nbuckets; i++) {
		struct node *no = ta->buckets[i];

		while (no != NULL) {
			struct node *next = no->next;

			append(place(&bigger, no->hash), no);
			no = next;
		}
	}
	free(ta->buckets);
	ta->buckets = bigger.buckets;
	ta->nbuckets = bigger.nbuckets;
	return 0;
}

int
table_add(struct table *ta, struct node *no, uint64_t hash)
{
	if (ta->count >= ta->nbuckets && grow(ta) != 0 && ta->nbuckets == 0)
		return -1;
	no->hash = hash;
	append(place(ta, hash), no);
	ta->count++;
	return 0;
}

void
table_del(struct table *ta, struct node *no)
{
	struct node **at = place(ta, no->hash);

	while (*at != no)
		at = &(*at)->next;
	*at = no->next;
	no->next = NULL;
	ta->count--;
}

static struct node *
skip(struct node *no, uint64_t hash)
{
	while (no != NULL && no->hash != hash)
		no = no->next;
	return no;
}

struct node *
table_first(const struct table *ta, uint64_t hash)
{
	return ta->nbuckets == 0 ? NULL : skip(*place(ta, hash), hash);
}

struct node *
table_next(const struct node *no)
{
	return skip(no->next, no->hash);
}

void
table_free(struct table *ta)
{
	free(ta->buckets);
	*ta = (struct table){ 0 };
}
