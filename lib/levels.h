/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each isolation level holds against and what it does not give, said
 * once: `lsactl status` and doctor show it, docs/caveats.md explains it.
 */
#ifndef LIB_LEVELS_H
#define LIB_LEVELS_H

#include <stddef.h>

struct config;
struct control_table;

struct level {
	const char *name;	  /* as in [isolation] level */
	const char *holds;	  /* against whom, one sentence */
	const char *const *lacks; /* what it does not give; NULL-terminated */
};

/* NULL if there is no level of that name. */
const struct level *level_find(const char *name);

/* What the memory that holds the keys is, in words. table may be NULL. */
const char *level_memory(const struct config *cf, const struct control_table *table);

/* A setting that gives less than the level promises. */
struct weaker {
	const char *setting; /* as written in lsaiso.conf, or how it was started */
	const char *means;
};

#define WEAKER_MAX 16

/*
 * What weakens this instance: at most WEAKER_MAX go to list; returns how many.
 * table may be NULL: then only what the configuration says.
 */
size_t level_weaker(const struct config *cf, const struct control_table *table,
		    struct weaker list[WEAKER_MAX]);

/* Version of this build, "0.1.0". */
extern const char lib_version[];

#endif
