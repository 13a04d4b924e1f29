/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Output for people: colours, times, tables. */
#define _GNU_SOURCE
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsactl/lsactl.h"

const char *
paint(const struct ctl *ct, enum colour colour)
{
	if (!ct->colour)
		return "";
	switch (colour) {
	case PLAIN:
		return "\033[0m";
	case BOLD:
		return "\033[1m";
	case RED:
		return "\033[1;31m";
	case GREEN:
		return "\033[32m";
	case YELLOW:
		return "\033[33m";
	case DIM:
		return "\033[2m";
	}
	return "";
}

void
print_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)putchar('\n');
}

const char *
show_time(long long seconds, char text[32])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (seconds == 0 || localtime_r(&when, &tm) == NULL ||
	    strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(text, 32, "-");
	return text;
}

const char *
show_span(long long s, char text[32])
{
	if (s < 0)
		s = 0;
	if (s >= 86400)
		(void)snprintf(text, 32, "%lldd %lldh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(text, 32, "%lldh %lldm", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(text, 32, "%lldm %llds", s / 60, s % 60);
	else
		(void)snprintf(text, 32, "%llds", s);
	return text;
}

/* Names as klist -e has them; numbers of the IANA registry. */
const char *
etype_name(int etype, char text[32])
{
	switch (etype) {
	case 17:
		return "aes128-cts-hmac-sha1-96";
	case 18:
		return "aes256-cts-hmac-sha1-96";
	case 19:
		return "aes128-cts-hmac-sha256-128";
	case 20:
		return "aes256-cts-hmac-sha384-192";
	case 23:
		return "arcfour-hmac";
	case 25:
		return "camellia128-cts-cmac";
	case 26:
		return "camellia256-cts-cmac";
	default:
		(void)snprintf(text, 32, "etype %d", etype);
		return text;
	}
}

const char *
user_name(long long uid, char text[64])
{
	const struct passwd *pw = getpwuid((uid_t)uid);

	if (pw != NULL)
		(void)snprintf(text, 64, "%s", pw->pw_name);
	else
		(void)snprintf(text, 64, "%lld", uid);
	return text;
}

const char *
get_text(const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));

	return text != NULL ? text : "-";
}

long long
get_number(const json_t *from, const char *key)
{
	return json_integer_value(json_object_get(from, key));
}

/* ---- tables */

#define COLUMNS_MAX 9

struct cell {
	struct cell *next;
	enum colour colour;
	char text[];
};

struct table {
	const char *const *heads;
	size_t columns, column; /* of the next cell */
	size_t width[COLUMNS_MAX];
	struct cell *first, **end;
};

static void __attribute__((noreturn)) die_of_memory(void)
{
	(void)fputs("lsactl: out of memory\n", stderr);
	exit(EXIT_FAILED);
}

struct table *
table_new(const char *const *heads, size_t columns)
{
	struct table *ta = calloc(1, sizeof(*ta));

	if (ta == NULL || columns == 0 || columns > COLUMNS_MAX)
		die_of_memory();
	ta->heads = heads;
	ta->columns = columns;
	ta->end = &ta->first;
	for (size_t i = 0; i < columns; i++)
		ta->width[i] = strlen(heads[i]);
	return ta;
}

void
table_cell(struct table *ta, enum colour colour, const char *text)
{
	size_t *width = &ta->width[ta->column];
	size_t len = strlen(text);
	struct cell *cell = malloc(sizeof(*cell) + len + 1);

	if (cell == NULL)
		die_of_memory();
	cell->next = NULL;
	cell->colour = colour;
	memcpy(cell->text, text, len + 1);
	*ta->end = cell;
	ta->end = &cell->next;
	if (++ta->column == ta->columns)
		ta->column = 0;
	if (len > *width)
		*width = len;
}

static void
print_cell(const struct table *ta, const struct ctl *ct, size_t column, enum colour colour,
	   const char *text)
{
	bool last = column + 1 == ta->columns;

	(void)printf("%s%s%s", colour != PLAIN ? paint(ct, colour) : "", text,
		     colour != PLAIN ? paint(ct, PLAIN) : "");
	(void)printf("%*s", last ? 0 : (int)(ta->width[column] - strlen(text) + 2), "");
	if (last)
		(void)putchar('\n');
}

void
table_print(struct table *ta, const struct ctl *ct)
{
	for (size_t i = 0; i < ta->columns; i++)
		print_cell(ta, ct, i, BOLD, ta->heads[i]);
	for (size_t i = 0; ta->first != NULL; i = i + 1 < ta->columns ? i + 1 : 0) {
		struct cell *cell = ta->first;

		print_cell(ta, ct, i, cell->colour, cell->text);
		ta->first = cell->next;
		free(cell);
	}
	free(ta);
}

int
list_command(struct ctl *ct, const char *method, const char *member, const char *const *heads,
	     size_t columns, void (*add_row)(struct table *ta, const json_t *one), const char *none)
{
	json_t *is = call(ct, method, with_uid(ct));
	const json_t *list = json_object_get(is, member), *one;
	struct table *ta;
	size_t i;

	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json) {
		print_json(is);
	} else if (json_array_size(list) == 0) {
		(void)puts(none);
	} else {
		ta = table_new(heads, columns);
		json_array_foreach(list, i, one) add_row(ta, one);
		table_print(ta, ct);
	}
	json_decref(is);
	return EXIT_DONE;
}
