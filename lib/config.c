/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lsaiso.conf: the table of config_keys.h filled from INI files. */
#define _GNU_SOURCE
#include "lib/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/ops.h"

#define TEXT(x)	 TEXT_(x)
#define TEXT_(x) #x

static const struct config_key keys[] = {
#define CF_STR(sec, name, mem, dflt, text)                                                         \
	{ .section = (sec),                                                                        \
	  .key = (name),                                                                           \
	  .kind = CONFIG_STR,                                                                      \
	  .offset = offsetof(struct config, mem),                                                  \
	  .def = (dflt),                                                                           \
	  .help = (text) },
#define CF_NUM(sec, name, mem, dflt, least, most, text)                                            \
	{ .section = (sec),                                                                        \
	  .key = (name),                                                                           \
	  .kind = CONFIG_NUM,                                                                      \
	  .offset = offsetof(struct config, mem),                                                  \
	  .def = TEXT(dflt),                                                                       \
	  .help = (text),                                                                          \
	  .min = (least),                                                                          \
	  .max = (most) },
#define CF_YES(sec, name, mem, dflt, text)                                                         \
	{ .section = (sec),                                                                        \
	  .key = (name),                                                                           \
	  .kind = CONFIG_YES,                                                                      \
	  .offset = offsetof(struct config, mem),                                                  \
	  .def = (dflt),                                                                           \
	  .help = (text) },
#define CF_ONE(sec, name, mem, dflt, list, text)                                                   \
	{ .section = (sec),                                                                        \
	  .key = (name),                                                                           \
	  .kind = CONFIG_ONE,                                                                      \
	  .offset = offsetof(struct config, mem),                                                  \
	  .def = (dflt),                                                                           \
	  .words = (list),                                                                         \
	  .help = (text) },
	CONFIG_KEYS(CF_STR, CF_NUM, CF_YES, CF_ONE)
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* One file being read: where we are, and the first thing that is wrong. */
struct reading {
	struct config *cf;
	const char *file;
	FILE *in;
	int line;
	bool failed;
	bool seen[NKEYS]; /* in this file */
	bool *ever;	  /* in any file */
	char *error;
	size_t n;
};

const struct config_key *
config_key_at(size_t i)
{
	return i < NKEYS ? &keys[i] : NULL;
}

const struct config_key *
config_key_find(const char *section, const char *key)
{
	for (size_t i = 0; i < NKEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].key, key) == 0)
			return &keys[i];
	}
	return NULL;
}

static void __attribute__((format(printf, 2, 3))) fail(struct reading *re, const char *format, ...)
{
	va_list ap;
	int at;

	if (re->failed)
		return;
	re->failed = true;
	if (re->line > 0)
		at = snprintf(re->error, re->n, "%s:%d: ", re->file, re->line);
	else
		at = snprintf(re->error, re->n, "%s: ", re->file);
	if (at < 0 || (size_t)at >= re->n)
		return;
	va_start(ap, format);
	(void)vsnprintf(re->error + at, re->n - (size_t)at, format, ap);
	va_end(ap);
}

/* ---- the value of one key */

static char **
string_of(struct config *cf, const struct config_key *key)
{
	return (char **)(void *)((char *)cf + key->offset);
}

static int
set_string(struct config *cf, const struct config_key *key, const char *value)
{
	char **member = string_of(cf, key);
	char *copy = strdup(value);

	if (copy == NULL)
		return -1;
	free(*member);
	*member = copy;
	return 0;
}

/* Decimal digits only; false also when it does not fit 64 bits. */
static bool
parse_number(const char *text, uint64_t *number)
{
	*number = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) || __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*text - '0'), number))
			return false;
	}
	return true;
}

static bool
one_of(const char *words, const char *value)
{
	size_t n = strlen(value);

	while (*words != '\0') {
		size_t len = strcspn(words, "|");

		if (len == n && memcmp(words, value, n) == 0)
			return true;
		words += len + (words[len] == '|');
	}
	return false;
}

/* These have forms of their own, which who uses them checks. */
static bool
has_form(const struct config_key *key)
{
	static const char *const rows[][2] = {
		{ "isolation", "channel" },  { "isolation", "host_key" },
		{ "delegation", "targets" }, { "ntlm", "targets" },
		{ "ntlm", "domain" },	     { "winbind", "others" },
		{ "kdc", "listen" }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(key->section, rows[i][0]) == 0 && strcmp(key->key, rows[i][1]) == 0)
			return true;
	}
	return false;
}

bool
config_is_path(const struct config_key *key)
{
	return key->kind == CONFIG_STR && (key->def[0] == '/' || key->def[0] == '\0') &&
	       !has_form(key);
}

/* A path where the default is one; nothing else has a rule of its own. */
static void
check_string(struct reading *re, const struct config_key *key, const char *value)
{
	bool path = config_is_path(key);

	if (value[0] == '\0' && key->def[0] != '\0') {
		fail(re, "[%s] %s is empty; remove the line to have the default, %s", key->section,
		     key->key, key->def);
	} else if (path && value[0] != '\0' && value[0] != '/') {
		fail(re, "[%s] %s must be a full path, beginning with /", key->section, key->key);
	} else if ((strcmp(key->key, "socket") == 0 || strcmp(key->key, "real") == 0) &&
		   strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		fail(re,
		     "[%s] %s is too long for a socket (%zu octets at most); use a shorter path",
		     key->section, key->key, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	}
	for (const char *at = value; *at != '\0'; at++) {
		if (iscntrl((unsigned char)*at))
			fail(re, "[%s] %s has a control character", key->section, key->key);
	}
}

static void
set(struct reading *re, const struct config_key *key, const char *value)
{
	uint64_t number;
	void *member = (char *)re->cf + key->offset;

	switch (key->kind) {
	case CONFIG_NUM:
		if (!parse_number(value, &number) || number < key->min || number > key->max) {
			fail(re, "[%s] %s must be a number from %ju to %ju", key->section, key->key,
			     (uintmax_t)key->min, (uintmax_t)key->max);
			return;
		}
		memcpy(member, &number, sizeof(number));
		return;
	case CONFIG_YES:
		if (!one_of("yes|no", value)) {
			fail(re, "[%s] %s must be yes or no", key->section, key->key);
			return;
		}
		*(bool *)member = value[0] == 'y';
		return;
	case CONFIG_ONE:
		if (!one_of(key->words, value)) {
			fail(re, "[%s] %s must be one of: %s", key->section, key->key, key->words);
			return;
		}
		break;
	case CONFIG_STR:
		check_string(re, key, value);
		break;
	}
	if (!re->failed && set_string(re->cf, key, value) != 0)
		fail(re, "out of memory");
}

void
config_value(const struct config *cf, const struct config_key *key, char *text, size_t n)
{
	const void *member = (const char *)cf + key->offset;
	uint64_t number;

	switch (key->kind) {
	case CONFIG_NUM:
		memcpy(&number, member, sizeof(number));
		(void)snprintf(text, n, "%ju", (uintmax_t)number);
		return;
	case CONFIG_YES:
		(void)snprintf(text, n, "%s", *(const bool *)member ? "yes" : "no");
		return;
	case CONFIG_STR:
	case CONFIG_ONE:
		(void)snprintf(text, n, "%s", *(char *const *)member);
		return;
	}
}

/* ---- what to say about a name that does not exist */

#define DISTANCE_MAX 32

/* Levenshtein distance of two short words; DISTANCE_MAX if one is long. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[DISTANCE_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la >= DISTANCE_MAX || lb >= DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

static bool
section_exists(const char *section)
{
	for (size_t i = 0; i < NKEYS; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return true;
	}
	return false;
}

static const char *
nearest(const char *section, const char *word)
{
	const char *best = NULL;
	size_t least = 4; /* further away is no typing error */

	for (size_t i = 0; i < NKEYS; i++) {
		const char *name = section == NULL ? keys[i].section : keys[i].key;
		size_t d = distance(word, name);

		if (section != NULL && strcmp(keys[i].section, section) != 0)
			continue;
		if (d < least && d < strlen(name)) {
			least = d;
			best = name;
		}
	}
	return best;
}

static void
fail_unknown(struct reading *re, const char *section, const char *name)
{
	const char *elsewhere = NULL, *near;

	if (section[0] == '\0' && name[0] != '\0') {
		fail(re, "\"%s\" stands before the first [section]", name);
		return;
	}
	if (!section_exists(section)) {
		near = nearest(NULL, section);
		fail(re, "unknown section [%s]%s%s%s; lsaiso.conf(5) lists them", section,
		     near != NULL ? ", did you mean [" : "", near != NULL ? near : "",
		     near != NULL ? "]?" : "");
		return;
	}
	for (size_t i = 0; i < NKEYS && elsewhere == NULL; i++) {
		if (strcmp(keys[i].key, name) == 0)
			elsewhere = keys[i].section;
	}
	near = nearest(section, name);
	if (near != NULL)
		fail(re, "unknown key %s in [%s], did you mean %s?", name, section, near);
	else if (elsewhere != NULL)
		fail(re, "unknown key %s in [%s]; it belongs in [%s]", name, section, elsewhere);
	else
		fail(re, "unknown key %s in [%s]; lsaiso.conf(5) lists the keys", name, section);
}

/* ---- reading */

/* A section must exist, also an empty one, which inih does not report. */
static void
check_section(struct reading *re, const char *line)
{
	char section[64];
	size_t len = line[0] == '[' ? strcspn(line + 1, "]") : 0;

	if (line[0] != '[' || line[1 + len] != ']')
		return; /* no section, or one that is not closed: inih says so */
	(void)snprintf(section, sizeof(section), "%.*s", (int)len, line + 1);
	if (!section_exists(section))
		fail_unknown(re, section, "");
}

/*
 * fgets for inih, which does not tell its handler the line: we count. Takes
 * the indentation off (no continuation lines here) and a comment that
 * starts with " #" (inih itself knows " ;").
 */
static char *
read_line(char *to, int size, void *arg)
{
	struct reading *re = arg;
	char *line = NULL, *from;
	size_t room = 0;
	ssize_t got;

	if (re->failed)
		return NULL;
	got = getline(&line, &room, re->in);
	if (got < 0) {
		free(line);
		return NULL;
	}
	re->line++;
	from = line;
	if (memchr(line, '\0', (size_t)got) != NULL)
		fail(re, "a zero octet; this is not a text file");
	else if (size < 2 || got > size - 1)
		fail(re, "line longer than %d octets", size - 2);
	while (*from == ' ' || *from == '\t')
		from++;
	for (char *at = from; !re->failed && *at != '\0'; at++) {
		if (*at == '#' && at > from && (at[-1] == ' ' || at[-1] == '\t')) {
			*at = '\0';
			break;
		}
	}
	if (!re->failed)
		check_section(re, from);
	(void)snprintf(to, size > 0 ? (size_t)size : 0, "%s", re->failed ? "" : from);
	free(line);
	return re->failed ? NULL : to;
}

static int
on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *re = arg;
	const struct config_key *key = config_key_find(section, name);
	size_t i;

	if (re->failed)
		return 0;
	if (key == NULL) {
		fail_unknown(re, section, name);
		return 0;
	}
	i = (size_t)(key - keys);
	if (re->seen[i]) {
		fail(re, "[%s] %s stands twice in this file; remove one", section, name);
		return 0;
	}
	re->seen[i] = re->ever[i] = true;
	set(re, key, value != NULL ? value : "");
	return !re->failed;
}

/* What root obeys must not be writable by others. */
static void
check_owner(struct reading *re)
{
	struct stat sb;

	if (fstat(fileno(re->in), &sb) != 0)
		fail(re, "%s", strerror(errno));
	else if (S_ISDIR(sb.st_mode))
		fail(re, "is a folder, not a file");
	else if (geteuid() == 0 &&
		 ((sb.st_mode & S_IWOTH) != 0 || ((sb.st_mode & S_IWGRP) != 0 && sb.st_gid != 0)))
		fail(re, "can be written by others; chmod go-w %s", re->file);
}

static void
read_one(struct reading *re)
{
	int bad;

	memset(re->seen, 0, sizeof(re->seen));
	re->line = 0;
	re->in = fopen(re->file, "re");
	if (re->in == NULL) {
		fail(re, "%s", strerror(errno));
		return;
	}
	check_owner(re);
#ifdef HAVE_INI_MAX_LINE
	ini_max_line = 4096 + 128;
#endif
	bad = re->failed ? 0 : ini_parse_stream(read_line, re, on_value, re);
	if (bad > 0 && (!re->failed || bad < re->line)) {
		/* inih goes on after a line that it cannot read: that one was first. */
		re->failed = false;
		re->line = bad;
		fail(re, "neither [section] nor key = value nor a comment");
	} else if (bad < 0) {
		fail(re, "out of memory");
	}
	if (ferror(re->in))
		fail(re, "cannot be read");
	(void)fclose(re->in);
	re->in = NULL;
}

static int
is_conf(const struct dirent *de)
{
	size_t len = strlen(de->d_name);

	return de->d_name[0] != '.' && len > 5 && strcmp(de->d_name + len - 5, ".conf") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
read_folder(struct reading *re, const char *file)
{
	struct dirent **found = NULL;
	size_t len = strlen(file);
	char *folder = NULL, *path = NULL;
	int n = 0;

	if (asprintf(&folder, "%s%s", file,
		     len > 5 && strcmp(file + len - 5, ".conf") == 0 ? ".d" : ".conf.d") < 0) {
		fail(re, "out of memory");
		return;
	}
	n = scandir(folder, &found, is_conf, by_name);
	if (n < 0 && errno != ENOENT) {
		re->line = 0;
		fail(re, "%s: %s", folder, strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		if (!re->failed && asprintf(&path, "%s/%s", folder, found[i]->d_name) >= 0) {
			re->file = path;
			read_one(re);
			re->file = file;
			free(path);
		}
		free(found[i]);
	}
	free(found);
	free(folder);
}

/* A path that, unless it is set, is in that folder. */
static void
in_directory(struct reading *re, const char *folder, const struct config_key *key, const char *name)
{
	char *path = NULL;

	if (re->failed || re->ever[key - keys])
		return;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		fail(re, "out of memory");
	else
		set(re, key, path);
	free(path);
}

/* ---- [ntlm] */

#define TARGET_MAX 255u /* octets of a DNS name, RFC 1035 2.3.4 */
#define DOMAIN_MAX 15u	/* of a NetBIOS name of a domain */

/* One name of a list: a host, or *. and what it is below. */
static bool
is_target(const char *at, size_t n)
{
	bool dot = true; /* none yet, or the last one was one */

	if (n > 2 && at[0] == '*' && at[1] == '.') {
		at += 2;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		if (at[i] == '.' ? dot
				 : !isalnum((unsigned char)at[i]) && at[i] != '-' && at[i] != '_')
			return false;
		dot = at[i] == '.';
	}
	return n > 0 && n <= TARGET_MAX && !dot;
}

long
config_targets(const struct config *cf, char *to, size_t room, struct config_word *bad)
{
	const char *at = cf->ntlm_targets;
	size_t len = 0, n;

	*bad = (struct config_word){ 0 };
	for (at += strspn(at, " "); *at != '\0'; at += n + strspn(at + n, " ")) {
		n = strcspn(at, " ");
		*bad = (struct config_word){ at, n };
		if (!is_target(at, n) || n + 1 > room - len)
			return -1;
		memcpy(to + len, at, n);
		to[len + n] = '\0';
		len += n + 1;
	}
	return (long)len;
}

static void
check_ntlm(struct reading *re)
{
	const char *domain = re->cf->ntlm_domain;
	char list[ISO_TARGETS_MAX];
	struct config_word bad;

	if (!re->failed && config_targets(re->cf, list, sizeof(list), &bad) < 0) {
		if (is_target(bad.at, bad.n))
			fail(re,
			     "[ntlm] targets is too long: %u octets at most; *.NAME stands "
			     "for any name below NAME",
			     ISO_TARGETS_MAX);
		else
			fail(re,
			     "[ntlm] targets: %.*s is no name of a server; write names as web, "
			     "web.example.com or *.example.com, with spaces in between; empty: all",
			     bad.n < 64 ? (int)bad.n : 64, bad.at);
	}
	if (!re->failed &&
	    (strlen(domain) > DOMAIN_MAX || strpbrk(domain, "\\/:*?\"<>|@ .") != NULL))
		fail(re, "[ntlm] domain must be a NetBIOS name: at most %u octets, no dot",
		     DOMAIN_MAX);
}

/* What no single line can show. */
static void
finish(struct reading *re, const char *file)
{
	re->file = file;
	re->line = 0;
	in_directory(re, re->cf->run_directory, config_key_find("admin", "socket"), "admin.sock");
	in_directory(re, re->cf->run_directory, config_key_find("watch", "socket"), "watch.sock");
	in_directory(re, re->cf->run_directory, config_key_find("state", "directory"), "state");
	in_directory(re, re->cf->host_directory, config_key_find("watch", "directory"), "watch");
	if (!re->failed && strcmp(re->cf->admin_socket, re->cf->kcm_socket) == 0)
		fail(re, "[kcm] socket and [admin] socket are the same path");
	check_ntlm(re);
}

int
config_defaults(struct config *cf)
{
	char error[1];
	struct reading re = { .cf = cf, .file = "", .error = error, .n = sizeof(error) };

	memset(cf, 0, sizeof(*cf));
	for (size_t i = 0; i < NKEYS; i++)
		set(&re, &keys[i], keys[i].def);
	if (re.failed)
		config_free(cf);
	return re.failed ? -1 : 0;
}

int
config_read(struct config *cf, const char *file, char *error, size_t n)
{
	bool ever[NKEYS] = { false };
	struct reading re = { .cf = cf, .file = file, .ever = ever, .error = error, .n = n };

	if (n > 0)
		error[0] = '\0';
	if (config_defaults(cf) != 0) {
		fail(&re, "out of memory");
		return -1;
	}
	if ((strcmp(file, CONFIG_DEFAULT_FILE) != 0 || access(file, F_OK) == 0 || errno != ENOENT))
		read_one(&re);
	if (!re.failed)
		read_folder(&re, file);
	finish(&re, file);
	if (re.failed)
		config_free(cf);
	return re.failed ? -1 : 0;
}

void
config_free(struct config *cf)
{
	for (size_t i = 0; i < NKEYS; i++) {
		if (keys[i].kind == CONFIG_STR || keys[i].kind == CONFIG_ONE)
			free(*string_of(cf, &keys[i]));
	}
	memset(cf, 0, sizeof(*cf));
}
