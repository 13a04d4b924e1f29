/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sssd.conf: SSSD writes addresses of KDCs to files that its locate plug-in reads, and
 * libkrb5 asks that before krb5.conf. krb5_use_kdcinfo = False ends it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <string.h>

#include "lsactl/setup.h"
#include "lsactl/sssd.h"

/* It speaks Kerberos, or is told about kdcinfo: at. */
static bool
wants(const struct lines *li, size_t from, bool *is_off, size_t *at)
{
	struct sssd_domain dom = { 0 };
	char name[128];

	*at = 0;
	for (size_t i = from; i < li->n && !sssd_section(li->at[i], name); i++) {
		if (sssd_line(&dom, li->at[i]))
			*at = i;
	}
	*is_off = dom.kdcinfo == SSSD_NO;
	return dom.kerberos;
}

static void
edit(struct lines *li)
{
	char name[128];
	bool off;
	size_t at;

	for (size_t i = 0; i < li->n; i++) {
		if (!sssd_section(li->at[i], name) || name[0] == '\0' ||
		    !wants(li, i + 1, &off, &at) || off)
			continue;
		if (at != 0)
			lines_hide(li, at);
		i += lines_block(li, i + 1, "krb5_use_kdcinfo = False\n");
	}
}

struct plan {
	struct setup *se;
	struct sssd_domain list[SSSD_DOMAINS];
	size_t n;
};

static int
plan_one(void *arg, const char *path)
{
	struct plan *pl = arg;
	struct setup_file *fi = setup_add(pl->se, path, false);

	if (fi == NULL)
		return -1;
	pl->n = sssd_merge(pl->list, pl->n, fi->clean);
	edit(&fi->then);
	return 0;
}

/* What works with a keytab of real keys only. Not written for him: each way costs something. */
static void
note(struct setup *se, const struct sssd_domain *dom)
{
	if (dom->keytab[0] != '\0' && strcmp(dom->keytab, se->ct->cf.logon_keytab) != 0)
		return;
	if (sssd_validates(dom))
		setup_note(se,
			   "sssd.conf, %s: with stand-ins in the host's keytab, SSSD will refuse "
			   "every password (krb5_validate): see SSSD in lsaiso-kdc(7) before "
			   "lsactl keytab import\n",
			   dom->name);
	if (sssd_armours(dom))
		setup_note(se,
			   "sssd.conf, %s: krb5_use_fast does not work with stand-ins: see SSSD "
			   "in lsaiso-kdc(7)\n",
			   dom->name);
}

int
setup_sssd_plan(struct setup *se)
{
	struct plan pl = { .se = se };
	int bad;

	/* A private instance is no matter of this host's SSSD. */
	if (strcmp(se->ct->config_path, CONFIG_DEFAULT_FILE) != 0)
		return 0;
	bad = sssd_each_file(se->root, plan_one, &pl);
	for (size_t i = 0; bad == 0 && !se->ct->setup.undo && i < pl.n; i++)
		note(se, &pl.list[i]);
	return bad;
}
