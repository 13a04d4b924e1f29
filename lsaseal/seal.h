/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsaseal: keeps lsaiso's root key where only this machine, started as it
 * was, gets it back. A short-lived program of its own, so that neither
 * lsainit nor lsactl ever has the key: it opens the TPM, hands the key to
 * lsaiso or seals it, wipes, and ends.
 *
 * Functions that fail have said why (complain) and return the exit code.
 */
#ifndef LSASEAL_SEAL_H
#define LSASEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config.h"
#include "lsaseal/exits.h"
#include "rpc/ops.h"

struct seal {
	const char *directory; /* [host] directory */
	const char *tcti;      /* [seal] tcti */
	const char *pcrs;      /* [seal] pcrs */
	const char *root;      /* [seal] root */
	bool replace, file, own, json;
	bool child; /* started by lsainit: messages are log lines */
};

/* One subcommand each; they return an exit code. */
enum seal_exit seal_boot(const struct seal *se);
enum seal_exit seal_enroll(const struct seal *se);
enum seal_exit seal_recover(const struct seal *se);
enum seal_exit seal_forget(const struct seal *se);
enum seal_exit seal_status(const struct seal *se);
/* out: a descriptor that gets the count as a line of text */
enum seal_exit seal_floor(const struct seal *se, bool raise, uint32_t to, int out);

/* ---- main.c */
/* One line for people: on stderr, or in the log of lsainit. Never a secret. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "7,11" -> bits; -1 and a complaint: not PCRs. */
int pcrs_parse(const char *text, uint32_t *mask);
/* The reverse. text: at least PCRS_TEXT octets. */
#define PCRS_TEXT 80u
void pcrs_text(uint32_t mask, char *text);
void hex_text(const uint8_t *at, size_t n, char *text);

/* ---- secret.c: the one place of secrets, locked, out of dumps, wiped */
struct secrets {
	uint8_t key[ISO_ROOT_KEY]; /* the root key */
	uint8_t tpm[ISO_ROOT_KEY]; /* random octets of the TPM */
	uint8_t wrap[64];	   /* from the passphrase */
	char passphrase[512];	   /* as typed, later as it is used */
	char again[512];
};
/* Non-dumpable, no core, locked, freed memory overwritten. NULL: complained. */
struct secrets *secrets_open(void);
/* Zero them, and what calls left on the stack. */
void secrets_wipe(struct secrets *s);
/* The name of a root key, as lsaiso makes it (iso_root_name). */
void root_id(const uint8_t key[ISO_ROOT_KEY], uint8_t id[ISO_ROOT_ID]);

#endif
