/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sssd.conf and its snippets say of Kerberos, for setup and doctor. */
#ifndef LSACTL_SSSD_H
#define LSACTL_SSSD_H

#include <stdbool.h>
#include <stddef.h>

#define SSSD_CONF    "/etc/sssd/sssd.conf"
#define SSSD_FOLDER  "/etc/sssd/conf.d"
#define SSSD_DOMAINS 16

enum sssd_said { SSSD_UNSAID, SSSD_NO, SSSD_YES };

/* [domain/NAME], of all files: a later line counts. */
struct sssd_domain {
	char name[128];
	bool kerberos;				/* it asks KDCs */
	char id[16], auth[16];			/* providers */
	enum sssd_said kdcinfo, validate, fast; /* krb5_use_kdcinfo ... */
	bool armour;				/* krb5_fast_principal */
	char keytab[256];			/* krb5_keytab; empty: the host's */
};

/* A section begins there. domain: out, NAME of [domain/NAME], or empty. */
bool sssd_section(const char *line, char domain[128]);
/* A line within a domain's section. True: it is krb5_use_kdcinfo. */
bool sssd_line(struct sssd_domain *dom, const char *line);
/* All of a file, into the first n of list. Returns how many there are then. */
size_t sssd_merge(struct sssd_domain list[SSSD_DOMAINS], size_t n, const char *text);
/* Its files in their order. Returns how many domains, -1: some may not be read. */
int sssd_read(struct sssd_domain list[SSSD_DOMAINS]);
/* sssd.conf, then what is to be read of conf.d: 0, or what one returned that was not 0. */
int sssd_each_file(const char *root, int (*one)(void *arg, const char *path), void *arg);

/* It takes passwords, and opens a ticket with the keytab's first key to know the KDC. */
bool sssd_validates(const struct sssd_domain *dom);
/* It armours with a TGT of the keytab's. */
bool sssd_armours(const struct sssd_domain *dom);

#endif
