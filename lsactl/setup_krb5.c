/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * krb5.conf: every realm gets the endpoint as its only KDC. The stanzas as they were are
 * copied to a file for lsass, as final ones (REALM* = {), which hide those of later files.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lsactl/setup.h"

#define SSSD_SNIPPETS "/var/lib/sss/pubconf/"
#define DEEP	      8 /* includes within includes */

/* ---- the files */

/* As libkrb5 takes them: names of letters, digits, - and _, or with .conf at the end. */
static bool
is_included(const char *name)
{
	size_t n = strlen(name), i = 0;

	if (n == 0 || name[0] == '.')
		return false;
	if (n > 5 && strcmp(name + n - 5, ".conf") == 0)
		return true;
	while (isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_')
		i++;
	return i == n;
}

static int read_one(struct setup *se, const char *path, int deep);

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
read_folder(struct setup *se, const char *path, int deep)
{
	struct dirent **found = NULL;
	char file[4096];
	int n = scandir(path, &found, NULL, by_name), bad = 0;

	for (int i = 0; i < n; i++) {
		if (bad == 0 && is_included(found[i]->d_name) &&
		    snprintf(file, sizeof(file), "%s/%s", path, found[i]->d_name) <
			(int)sizeof(file))
			bad = read_one(se, file, deep);
		free(found[i]);
	}
	free(found);
	return bad;
}

/* path has the root before it; those that it includes have not. */
static int
read_one(struct setup *se, const char *path, int deep)
{
	struct krb5_place pl = { .depth = 0 };
	struct setup_file *fi;
	char file[4096];
	int bad = 0;

	if (setup_find(se, path) != NULL)
		return 0;
	if (deep > DEEP) {
		(void)fprintf(stderr, "lsactl: %s: includes are too deep\n", path);
		return -1;
	}
	fi = setup_add(se, path, false);
	if (fi == NULL)
		return -1;
	for (size_t i = 0; bad == 0 && i < fi->then.n; i++) {
		if (krb5_step(&pl, fi->then.at[i]) != KRB5_INCLUDE)
			continue;
		(void)snprintf(file, sizeof(file), "%s%s", se->root, pl.value);
		bad = strcmp(pl.key, "includedir") == 0 ? read_folder(se, file, deep + 1)
							: read_one(se, file, deep + 1);
	}
	return bad;
}

int
setup_krb5_read(struct setup *se)
{
	char list[sizeof(se->hosts)], path[2 * sizeof(se->hosts)];
	char *at = list, *one;
	int bad = 0;

	(void)snprintf(list, sizeof(list), "%s", se->hosts);
	while (bad == 0 && (one = strsep(&at, ":")) != NULL) {
		(void)snprintf(path, sizeof(path), "%s%s", se->root, one);
		if (one[0] != '\0')
			bad = read_one(se, path, 0);
	}
	return bad;
}

/* ---- the realms */

static struct setup_realm *
add_realm(struct setup *se, const char *name)
{
	struct setup_realm *re;

	if (name[0] == '\0' || strlen(name) >= sizeof(re->name) ||
	    strpbrk(name, " \t{}=\"#;[]") != NULL)
		return NULL;
	for (size_t i = 0; i < se->nrealms; i++) {
		if (strcmp(se->realms[i].name, name) == 0)
			return &se->realms[i];
	}
	if (se->nrealms == SETUP_REALMS) {
		setup_note(se, "realm %s is left out: there are too many\n", name);
		return NULL;
	}
	re = &se->realms[se->nrealms++];
	(void)snprintf(re->name, sizeof(re->name), "%s", name);
	return re;
}

static void
ask_for(struct setup *se, const char *name)
{
	struct setup_realm *re = add_realm(se, name);

	if (re != NULL)
		re->asked = true;
}

/* Which realms does that file speak of? */
static void
find_realms(struct setup *se, const struct lines *li)
{
	struct krb5_place pl = { .depth = 0 };

	for (size_t i = 0; i < li->n; i++) {
		enum krb5_line kind = krb5_step(&pl, li->at[i]);

		if (kind == KRB5_OPEN && pl.depth == 1 && strcmp(pl.section, "realms") == 0)
			(void)add_realm(se, pl.group);
		if (kind != KRB5_RELATION || pl.depth != 0)
			continue;
		if (strcmp(pl.section, "domain_realm") == 0)
			(void)add_realm(se, pl.value);
		else if (strcmp(pl.section, "libdefaults") == 0 &&
			 strcmp(pl.key, "default_realm") == 0)
			ask_for(se, pl.value);
	}
}

/* Those that an earlier setup has dealt with stay. */
static void
find_before(struct setup *se, const struct setup_file *real)
{
	struct lines li;

	lines_read(&li, real->is);
	find_realms(se, &li);
	lines_free(&li);
}

/* ---- the lines */

static bool
is_kdc(const char *key)
{
	return strcmp(key, "kdc") == 0 || strcmp(key, "primary_kdc") == 0 ||
	       strcmp(key, "master_kdc") == 0;
}

static char *
kdc_lines(const struct setup *se, const char *indent)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int which = 0;

	if (out == NULL)
		return NULL;
	/* One is enough; Heimdal 7 reads no brackets. */
	for (int i = 0; i < se->nlisten; i++) {
		if (se->listen[i].addr.ss_family == AF_INET) {
			which = i;
			break;
		}
	}
	(void)fprintf(out, "%skdc = %s\n", indent, se->listen[which].text);
	return fclose(out) == 0 ? text : NULL;
}

/* The stanzas of a realm in one file: copied, their KDCs hidden, the endpoint in the first. */
static void
edit_stanzas(struct setup_realm *re, struct lines *li, const char *kdcs)
{
	struct krb5_place pl = { .depth = 0 };

	for (size_t i = 0; i < li->n; i++) {
		bool within = strcmp(pl.section, "realms") == 0 && pl.depth > 0 &&
			      strcmp(pl.group, re->name) == 0;
		enum krb5_line kind = krb5_step(&pl, li->at[i]);

		if (within && pl.depth > 0)
			lines_put(&re->real, re->real.n, "%s", li->at[i]);
		if (kind == KRB5_OPEN && pl.depth == 1 && strcmp(pl.section, "realms") == 0 &&
		    strcmp(pl.group, re->name) == 0 && re->stanzas++ == 0)
			i += lines_block(li, i + 1, kdcs);
		else if (within && kind == KRB5_RELATION && pl.depth == 1 && is_kdc(pl.key))
			lines_hide(li, i);
	}
}

/* A realm that krb5.conf says nothing of: DNS does. */
static void
add_stanza(const struct setup_realm *re, struct setup_file *main_file, const char *kdcs)
{
	char *text = NULL;

	if (asprintf(&text, "[realms]\n\t%s = {\n%s\t}\n", re->name, kdcs) < 0) {
		main_file->then.failed = true;
		return;
	}
	(void)lines_block(&main_file->then, main_file->then.n, text);
	free(text);
}

/* What lsass reads before the host's krb5.conf. */
static void
write_real(const struct setup *se, struct lines *li)
{
	lines_put(li, li->n,
		  "# The real KDCs, for lsass alone. Written by \"lsactl setup --apply\", which");
	lines_put(li, li->n, "# copied the stanzas of krb5.conf; a * hides those of later files.");
	lines_put(li, li->n, "# A realm without kdc is looked for in DNS.");
	lines_put(li, li->n, "[realms]");
	for (size_t i = 0; i < se->nrealms; i++) {
		lines_put(li, li->n, "\t%s* = {", se->realms[i].name);
		for (size_t j = 0; j < se->realms[i].real.n; j++)
			lines_put(li, li->n, "%s", se->realms[i].real.at[j]);
		lines_put(li, li->n, "\t}");
	}
}

static bool
is_krb5(const struct setup_file *fi)
{
	return !fi->whole && strstr(fi->path, "sssd") == NULL;
}

int
setup_krb5_plan(struct setup *se, int argc, char **argv)
{
	char path[2 * sizeof(se->folder)];
	size_t n = se->n; /* all are krb5.conf and what it includes, so far */
	struct setup_file *real;
	char *kdcs = kdc_lines(se, "\t\t");

	(void)snprintf(path, sizeof(path), "%s%s/krb5.conf", se->root, se->folder);
	if (kdcs == NULL || n == 0 || setup_find(se, path) != NULL) {
		(void)fprintf(stderr,
			      "lsactl: %s is of the host's programs; keep lsaiso.conf in a "
			      "folder of its own\n",
			      path);
		free(kdcs);
		return -1;
	}
	real = setup_add(se, path, true);
	if (se->ct->setup.undo) { /* what it would be is of no interest */
		free(kdcs);
		return real != NULL ? 0 : -1;
	}
	for (int i = 0; i < argc; i++)
		ask_for(se, argv[i]);
	for (size_t i = 0; real != NULL && argc == 0 && i < n; i++)
		find_realms(se, &se->files[i].then);
	if (real != NULL)
		find_before(se, real);
	for (size_t i = 0; real != NULL && i < se->nrealms; i++) {
		for (size_t j = 0; j < n; j++)
			edit_stanzas(&se->realms[i], &se->files[j].then, kdcs);
		if (se->realms[i].stanzas == 0)
			add_stanza(&se->realms[i], &se->files[0], kdcs);
	}
	for (size_t i = 0; i < n; i++) {
		if (strstr(se->files[i].path, SSSD_SNIPPETS) != NULL && is_krb5(&se->files[i]) &&
		    strstr(se->files[i].clean, "kdc =") != NULL)
			setup_note(
			    se, "%s is written by SSSD, again and again: its kdc lines come back\n",
			    se->files[i].path);
	}
	if (real != NULL && se->nrealms > 0)
		write_real(se, &real->then);
	free(kdcs);
	if (real != NULL && se->nrealms > 0)
		return 0;
	if (real != NULL)
		(void)fprintf(stderr,
			      "lsactl: krb5.conf knows no realm; name one: lsactl setup REALM\n");
	return -1;
}
