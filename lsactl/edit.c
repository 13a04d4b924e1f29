/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* vasprintf */
#endif
#include "lsactl/edit.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_BEGIN  "# >>> lsaiso setup"
#define MARK_TEXT   ": by \"lsactl setup --apply\"; \"lsactl setup --undo\" takes it away"
#define MARK_JOINED " (the line before had no end)"
#define MARK_END    "# <<< lsaiso setup"
#define MARK_HAD    "# lsaiso setup had: "

/* ---- lines */

/* Room for one more line. */
static bool
grow(struct lines *li)
{
	size_t room = li->room == 0 ? 64 : 2 * li->room;
	char **more;

	if (li->n < li->room)
		return true;
	more = reallocarray(li->at, room, sizeof(*more));
	if (more == NULL)
		return false;
	li->at = more;
	li->room = room;
	return true;
}

static void
put(struct lines *li, size_t before, char *line)
{
	if (line == NULL || !grow(li)) {
		li->failed = true;
		free(line);
		return;
	}
	for (size_t i = li->n++; i > before; i--)
		li->at[i] = li->at[i - 1];
	li->at[before] = line;
}

static void
drop(struct lines *li, size_t i)
{
	free(li->at[i]);
	li->at[i] = NULL;
	for (li->n--; i < li->n; i++)
		li->at[i] = li->at[i + 1];
}

void
lines_read(struct lines *li, const char *text)
{
	memset(li, 0, sizeof(*li));
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		lines_put(li, li->n, "%.*s", (int)n, text);
		li->joined = text[n] == '\0';
		text += n + (text[n] == '\n');
	}
}

char *
lines_text(const struct lines *li)
{
	size_t n = 1, at = 0;
	char *text;

	for (size_t i = 0; i < li->n; i++)
		n += strlen(li->at[i]) + 1;
	text = li->failed ? NULL : malloc(n);
	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < li->n; i++) {
		size_t len = strlen(li->at[i]);

		memcpy(text + at, li->at[i], len);
		at += len;
		if (i + 1 < li->n || !li->joined)
			text[at++] = '\n';
	}
	text[at] = '\0';
	return text;
}

void
lines_free(struct lines *li)
{
	for (size_t i = 0; i < li->n; i++)
		free(li->at[i]);
	free(li->at);
	memset(li, 0, sizeof(*li));
}

void
lines_put(struct lines *li, size_t before, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		line = NULL;
	va_end(args);
	put(li, before, line);
}

size_t
lines_block(struct lines *li, size_t before, const char *text)
{
	bool joined = li->joined && before == li->n;
	size_t was = li->n, at = before;

	lines_put(li, at++, "%s%s%s", MARK_BEGIN, joined ? MARK_JOINED : "", MARK_TEXT);
	while (*text != '\0' && !li->failed) {
		size_t n = strcspn(text, "\n");

		lines_put(li, at++, "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
	if (!li->failed)
		lines_put(li, at, "%s", MARK_END);
	if (joined)
		li->joined = false;
	return li->n - was;
}

void
lines_hide(struct lines *li, size_t i)
{
	char *line = NULL;

	if (asprintf(&line, "%s%s", MARK_HAD, li->at[i]) < 0) {
		li->failed = true;
		return;
	}
	free(li->at[i]);
	li->at[i] = line;
}

/* A block without its end is the administrator's matter: only its mark is ours. */
static size_t
block_end(const struct lines *li, size_t i)
{
	for (size_t j = i + 1; j < li->n; j++) {
		if (strncmp(li->at[j], MARK_BEGIN, strlen(MARK_BEGIN)) == 0)
			return i;
		if (strcmp(li->at[j], MARK_END) == 0)
			return j;
	}
	return i;
}

size_t
lines_undo(struct lines *li)
{
	const char *joined = MARK_BEGIN MARK_JOINED;
	size_t n = 0;

	for (size_t i = 0; i < li->n; i++) {
		if (strncmp(li->at[i], MARK_HAD, strlen(MARK_HAD)) == 0) {
			memmove(li->at[i], li->at[i] + strlen(MARK_HAD),
				strlen(li->at[i] + strlen(MARK_HAD)) + 1);
			n++;
		} else if (strncmp(li->at[i], MARK_BEGIN, strlen(MARK_BEGIN)) == 0) {
			bool was = strncmp(li->at[i], joined, strlen(joined)) == 0;
			size_t left = block_end(li, i) - i + 1;

			while (left-- > 0)
				drop(li, i);
			if (was && i == li->n)
				li->joined = true;
			i--; /* what took its place; from 0 it comes round */
			n++;
		}
	}
	return n;
}

/* ---- krb5.conf */

static void
copy(char *to, size_t room, const char *from, size_t n)
{
	while (n > 0 && isspace((unsigned char)from[n - 1]))
		n--;
	if (n >= room)
		n = room - 1;
	memmove(to, from, n);
	to[n] = '\0';
}

static enum krb5_line
include(struct krb5_place *pl, const char *at)
{
	size_t n = strcspn(at, " \t");

	copy(pl->key, sizeof(pl->key), at, n);
	at += n + strspn(at + n, " \t");
	copy(pl->value, sizeof(pl->value), at, strlen(at));
	return KRB5_INCLUDE;
}

static enum krb5_line
opened(struct krb5_place *pl)
{
	if (pl->depth++ == 0)
		copy(pl->group, sizeof(pl->group), pl->key, strlen(pl->key));
	return KRB5_OPEN;
}

static enum krb5_line
relation(struct krb5_place *pl, const char *at)
{
	size_t n = strcspn(at, "=");
	const char *value = at + n + 1;

	if (at[n] == '\0')
		return KRB5_OTHER;
	copy(pl->key, sizeof(pl->key), at, n);
	n = strlen(pl->key);
	if (n > 0 && pl->key[n - 1] == '*') /* final */
		copy(pl->key, sizeof(pl->key), pl->key, n - 1);
	value += strspn(value, " \t");
	copy(pl->value, sizeof(pl->value), value, strlen(value));
	if (pl->value[0] == '"' && (n = strlen(pl->value)) > 1 && pl->value[n - 1] == '"') {
		memmove(pl->value, pl->value + 1, n - 2);
		pl->value[n - 2] = '\0';
	}
	return strcmp(pl->value, "{") == 0 ? opened(pl) : KRB5_RELATION;
}

enum krb5_line
krb5_step(struct krb5_place *pl, const char *line)
{
	const char *at = line + strspn(line, " \t");

	if (*at == '\0' || *at == '#' || *at == ';' || *at == '\r')
		return KRB5_OTHER;
	if (strncmp(at, "include", 7) == 0 &&
	    (strncmp(at + 7, "dir ", 4) == 0 || strncmp(at + 7, "dir\t", 4) == 0 || at[7] == ' ' ||
	     at[7] == '\t'))
		return include(pl, at);
	if (*at == '[') {
		copy(pl->section, sizeof(pl->section), at + 1, strcspn(at + 1, "]"));
		pl->group[0] = '\0';
		pl->depth = 0;
		return KRB5_SECTION;
	}
	if (*at == '}') {
		if (pl->depth > 0 && --pl->depth == 0)
			pl->group[0] = '\0';
		return KRB5_CLOSE;
	}
	if (*at == '{') /* name = on the line before */
		return opened(pl);
	return relation(pl, at);
}
