/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sssd.conf: SSSD writes addresses of KDCs to files that its locate plug-in reads, and
 * libkrb5 asks that before krb5.conf. krb5_use_kdcinfo = False ends it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lsactl/setup.h"

#define SSSD_CONF   "/etc/sssd/sssd.conf"
#define SSSD_FOLDER "/etc/sssd/conf.d"

/* key = value; false: another line. */
static bool
relation(const char *line, char key[64], char value[64])
{
	return sscanf(line, " %63[a-z0-9_] = %63s", key, value) == 2;
}

static bool
is_section(const char *line, bool *domain)
{
	line += strspn(line, " \t");
	if (*line != '[')
		return false;
	*domain = strncmp(line, "[domain/", 8) == 0;
	return true;
}

/* Its provider speaks Kerberos, or it is told about kdcinfo. */
static bool
wants(const struct lines *li, size_t from, bool *is_off, size_t *at)
{
	bool domain, kerberos = false;
	char key[64], value[64];

	*is_off = false;
	*at = 0;
	for (size_t i = from; i < li->n && !is_section(li->at[i], &domain); i++) {
		if (!relation(li->at[i], key, value))
			continue;
		if (strcmp(key, "krb5_use_kdcinfo") == 0) {
			*at = i;
			*is_off = strcasecmp(value, "false") == 0;
			kerberos = true;
		}
		if (strstr(key, "provider") != NULL &&
		    (strcmp(value, "krb5") == 0 || strcmp(value, "ad") == 0 ||
		     strcmp(value, "ipa") == 0))
			kerberos = true;
	}
	return kerberos;
}

static void
edit(struct lines *li)
{
	bool domain, off;
	size_t at;

	for (size_t i = 0; i < li->n; i++) {
		if (!is_section(li->at[i], &domain) || !domain || !wants(li, i + 1, &off, &at) ||
		    off)
			continue;
		if (at != 0)
			lines_hide(li, at);
		i += lines_block(li, i + 1, "krb5_use_kdcinfo = False\n");
	}
}

static int
plan_one(struct setup *se, const char *path)
{
	struct setup_file *fi = setup_add(se, path, false);

	if (fi == NULL)
		return -1;
	edit(&fi->then);
	return 0;
}

int
setup_sssd_plan(struct setup *se)
{
	struct dirent **found = NULL;
	char path[4096];
	int n, bad;

	/* A private instance is no matter of this host's SSSD. */
	if (strcmp(se->ct->config_path, CONFIG_DEFAULT_FILE) != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s%s", se->root, SSSD_CONF);
	bad = plan_one(se, path);
	(void)snprintf(path, sizeof(path), "%s%s", se->root, SSSD_FOLDER);
	n = scandir(path, &found, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(found[i]->d_name);

		(void)snprintf(path, sizeof(path), "%s%s/%s", se->root, SSSD_FOLDER,
			       found[i]->d_name);
		if (bad == 0 && found[i]->d_name[0] != '.' && len > 5 &&
		    strcmp(found[i]->d_name + len - 5, ".conf") == 0)
			bad = plan_one(se, path);
		free(found[i]);
	}
	free(found);
	return bad;
}
