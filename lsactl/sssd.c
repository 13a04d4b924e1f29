/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "lsactl/sssd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SSSD_MOST (1u << 20) /* octets of a file */

bool
sssd_section(const char *line, char domain[128])
{
	domain[0] = '\0';
	line += strspn(line, " \t");
	if (*line != '[')
		return false;
	if (sscanf(line, "[domain/%127[^]\n]", domain) != 1)
		domain[0] = '\0';
	return true;
}

static bool
one_of(const char *value, const char *a, const char *b, const char *c)
{
	return strcasecmp(value, a) == 0 || strcasecmp(value, b) == 0 || strcasecmp(value, c) == 0;
}

static enum sssd_said
said(const char *value)
{
	return strcasecmp(value, "false") == 0 ? SSSD_NO : SSSD_YES;
}

bool
sssd_line(struct sssd_domain *dom, const char *line)
{
	char key[64], value[256];

	/* key = value; else another line. */
	if (sscanf(line, " %63[a-z0-9_] = %255s", key, value) != 2)
		return false;
	dom->kerberos |= strstr(key, "provider") != NULL && one_of(value, "krb5", "ad", "ipa");
	dom->kerberos |= strcmp(key, "ldap_sasl_mech") == 0 &&
			 one_of(value, "GSSAPI", "GSS-SPNEGO", "GS2-KRB5");
	if (strcmp(key, "id_provider") == 0)
		(void)snprintf(dom->id, sizeof(dom->id), "%.15s", value);
	if (strcmp(key, "auth_provider") == 0)
		(void)snprintf(dom->auth, sizeof(dom->auth), "%.15s", value);
	if (strcmp(key, "krb5_validate") == 0)
		dom->validate = said(value);
	if (strcmp(key, "krb5_use_fast") == 0)
		dom->fast = one_of(value, "try", "demand", "true") ? SSSD_YES : SSSD_NO;
	if (strcmp(key, "krb5_fast_principal") == 0)
		dom->armour = true;
	if (strcmp(key, "krb5_keytab") == 0)
		(void)snprintf(dom->keytab, sizeof(dom->keytab), "%s",
			       strncmp(value, "FILE:", 5) == 0 ? value + 5 : value);
	if (strcmp(key, "krb5_use_kdcinfo") != 0)
		return false;
	dom->kdcinfo = said(value);
	dom->kerberos = true;
	return true;
}

static struct sssd_domain *
named(struct sssd_domain list[SSSD_DOMAINS], size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	if (*n == SSSD_DOMAINS)
		return NULL;
	list[*n] = (struct sssd_domain){ 0 };
	(void)snprintf(list[*n].name, sizeof(list[*n].name), "%s", name);
	return &list[(*n)++];
}

size_t
sssd_merge(struct sssd_domain list[SSSD_DOMAINS], size_t n, const char *text)
{
	struct sssd_domain *dom = NULL;
	char line[512], name[128];

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		(void)snprintf(line, sizeof(line), "%.*s", (int)(len < 511 ? len : 511), text);
		if (sssd_section(line, name))
			dom = name[0] != '\0' ? named(list, &n, name) : NULL;
		else if (dom != NULL)
			(void)sssd_line(dom, line);
		text += len + (text[len] == '\n');
	}
	return n;
}

int
sssd_each_file(const char *root, int (*one)(void *arg, const char *path), void *arg)
{
	struct dirent **found = NULL;
	char path[4096];
	int n, bad;

	(void)snprintf(path, sizeof(path), "%s%s", root, SSSD_CONF);
	bad = one(arg, path);
	(void)snprintf(path, sizeof(path), "%s%s", root, SSSD_FOLDER);
	n = scandir(path, &found, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(found[i]->d_name);

		(void)snprintf(path, sizeof(path), "%s%s/%s", root, SSSD_FOLDER, found[i]->d_name);
		if (bad == 0 && found[i]->d_name[0] != '.' && len > 5 &&
		    strcmp(found[i]->d_name + len - 5, ".conf") == 0)
			bad = one(arg, path);
		free(found[i]);
	}
	free(found);
	return bad;
}

struct merged {
	struct sssd_domain *list;
	size_t n;
};

static int
merge_file(void *arg, const char *path)
{
	struct merged *me = arg;
	FILE *f = fopen(path, "re");
	char *text = calloc(1, SSSD_MOST + 1);
	int bad = f == NULL && errno != ENOENT ? -1 : 0;

	if (f != NULL && text != NULL) {
		text[fread(text, 1, SSSD_MOST, f)] = '\0';
		me->n = sssd_merge(me->list, me->n, text);
	}
	if (f != NULL)
		(void)fclose(f);
	free(text);
	return bad;
}

int
sssd_read(struct sssd_domain list[SSSD_DOMAINS])
{
	struct merged me = { .list = list };

	return sssd_each_file("", merge_file, &me) == 0 ? (int)me.n : -1;
}

bool
sssd_validates(const struct sssd_domain *dom)
{
	const char *auth = dom->auth[0] != '\0' ? dom->auth : dom->id;

	if (strcmp(auth, "ad") == 0 || strcmp(auth, "ipa") == 0)
		return dom->validate != SSSD_NO;
	return strcmp(auth, "krb5") == 0 && dom->validate == SSSD_YES;
}

bool
sssd_armours(const struct sssd_domain *dom)
{
	return dom->fast == SSSD_YES && !dom->armour;
}
