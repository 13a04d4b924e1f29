/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsactl setup: the lines that make the KDC endpoint the only KDC of this host, in
 * the files of Kerberos, of SSSD and of our own. A plan first: what each file is, is
 * without us, and will be.
 *
 *   cmd_setup.c    the command: plan, check, show, write, take back
 *   setup_files.c  files of the plan, their differences
 *   setup_krb5.c   krb5.conf and what it includes; where the real KDCs are kept
 *   setup_sssd.c   sssd.conf; sssd.c reads it
 *   setup_try.c    can the endpoint listen, are the real KDCs found
 */
#ifndef LSACTL_SETUP_H
#define LSACTL_SETUP_H

#include "lib/kdc.h"
#include "lsactl/edit.h"
#include "lsactl/lsactl.h"

#define SETUP_FILES  64
#define SETUP_REALMS 64
#define SETUP_MOST   (4u << 20) /* octets of a file */
#define SETUP_SAVED  ".lsaiso-saved"

struct setup_file {
	char path[4096];    /* with --root before it */
	bool exists, whole; /* whole: all of it is ours */
	char *is, *clean;   /* now; without our lines, NULL: there would be none */
	struct lines then;  /* clean at first, to be edited; of a whole one: all of it */
};

struct setup_realm {
	char name[256];
	size_t stanzas;	   /* that it has in krb5.conf and what that includes */
	bool asked;	   /* by name, or the default: it must be found */
	struct lines real; /* what the stanzas have in them */
};

struct setup {
	struct ctl *ct;
	const char *root;  /* "": this host */
	char config[4096]; /* lsaiso.conf, with root */
	char hosts[4096];  /* KRB5_CONFIG of the host's programs, without root */
	char folder[4096]; /* of our files: that of lsaiso.conf, without root */
	struct kdc_address listen[KDC_LISTEN_MAX];
	int nlisten;
	bool listen_ours;			/* nobody else wrote [kdc] listen */
	char listen_text[256], krb5_rest[4096]; /* values of the drop-in */
	struct setup_file files[SETUP_FILES];
	size_t n;
	struct setup_realm realms[SETUP_REALMS];
	size_t nrealms;
	char notes[2048]; /* for people, lines */
};

void setup_note(struct setup *se, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- setup_files.c */
/* Read it and put it into the plan; NULL: no more room, or it cannot be read: said. */
struct setup_file *setup_add(struct setup *se, const char *path, bool whole);
/* It is in the plan. */
struct setup_file *setup_find(struct setup *se, const char *path);
bool setup_differs(const struct setup_file *fi, const char *then);
/* What it will be: allocated, NULL: no file, or no memory (failed). */
char *setup_then(const struct setup_file *fi, bool undo, bool *failed);
/* diff -u to stdout. */
void setup_diff(const struct setup_file *fi, const char *then);
/* Write, or remove; the original is saved beside it, until it is back. 0, or -1: said. */
int setup_write(const struct setup_file *fi, const char *then, bool undo);
void setup_free(struct setup *se);

/* ---- setup_krb5.c: 0, or -1: said */
int setup_krb5_read(struct setup *se);
int setup_krb5_plan(struct setup *se, int argc, char **argv);

/* ---- setup_sssd.c */
int setup_sssd_plan(struct setup *se);

/* ---- setup_try.c: 0, or -1: said */
int setup_try(struct setup *se);

#endif
