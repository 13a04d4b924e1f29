/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of configuration files that can be taken back, whatever else was
 * changed since: lines that are ours stand between two marks, lines that are in the
 * way become comments. Nothing else of a file is touched.
 */
#ifndef LSACTL_EDIT_H
#define LSACTL_EDIT_H

#include <stdbool.h>
#include <stddef.h>

/* A text by lines; failed: no memory, at any time. */
struct lines {
	char **at;
	size_t n, room;
	bool joined; /* the last line has no end */
	bool failed;
};

void lines_read(struct lines *li, const char *text);
char *lines_text(const struct lines *li); /* to be freed; NULL: no memory */
void lines_free(struct lines *li);

/* A line before that one. */
void lines_put(struct lines *li, size_t before, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Lines of text, with marks around them, before that line. Returns how many lines came in. */
size_t lines_block(struct lines *li, size_t before, const char *text);
/* That line becomes a comment. */
void lines_hide(struct lines *li, size_t i);
/* Take back blocks and comments of ours. Returns how many there were. */
size_t lines_undo(struct lines *li);

/* ---- krb5.conf, as MIT's and Heimdal's parsers read its lines */

enum krb5_line {
	KRB5_OTHER,    /* comment, empty, what cannot be read */
	KRB5_SECTION,  /* [name] */
	KRB5_OPEN,     /* key = { */
	KRB5_CLOSE,    /* } */
	KRB5_RELATION, /* key = value */
	KRB5_INCLUDE,  /* include, includedir: key; value: the path */
};

/* Where the walk is; after a line that opens or closes: within, or outside again. */
struct krb5_place {
	char section[64];
	char group[256]; /* [section] group = { */
	int depth;
	char key[256], value[1024]; /* of the last line */
};
enum krb5_line krb5_step(struct krb5_place *pl, const char *line);

#endif
