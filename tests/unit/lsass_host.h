/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of lsass: ask.h answered by the trusted core itself, in the
 * same process (iso_host.h), a private state folder, and credentials made up
 * from text.
 */
#ifndef TESTS_LSASS_HOST_H
#define TESTS_LSASS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config.h"
#include "lsass/cache/store.h"

struct iso;

/* A fresh trusted core with another boot id; earlier sessions are gone. */
void host_start(void);
/* The same with this policy and these targets (names, a NUL after each). */
void host_start_ntlm(uint32_t policy, struct rd targets);
/* One with a root key that is kept, all policies on, and entropy that repeats. */
void host_start_kept(uint64_t seed);
struct iso *host_core(void); /* the core itself, for tests that look inside */
/* No lsaiso: every call answers ISO_GONE. */
void host_gone(void);
void host_back(void);		     /* the one that was there before host_gone */
uint32_t host_sessions(void);	     /* open now */
void host_boot(uint8_t boot_id[16]); /* of the core that runs */

/* Defaults of lsaiso.conf with a state folder of its own; NULL: none kept. */
void host_config(struct config *cf, const char *folder);
char *host_folder(void);       /* made; the caller hands it to host_rmdir */
void host_rmdir(char *folder); /* with all that is in it; frees the name */
uint32_t host_now(void);

/* A credential as text. Zeros: etype 18, key of its length, ends in an hour. */
struct spec {
	const char *client; /* "alice@R" by default */
	const char *server; /* "a/b@R" */
	int etype, key_len;
	uint8_t key;
	uint32_t end, renew, flags;
	bool is_skey;
	const char *ticket, *second;
};
struct made {
	size_t len;
	uint8_t at[2048];
};
struct made make_cred(const struct spec *sp);
struct made make_princ(const char *text);
/* A match credential with client and server (NULL: without). */
struct made make_match(const struct spec *sp);
struct rd made_rd(const struct made *ma);

/* Append to a message. */
void add_u8(struct made *ma, uint8_t value);
void add_u32(struct made *ma, uint32_t value);
void add_data(struct made *ma, const void *at, size_t n);
void add_raw(struct made *ma, const void *at, size_t n);

/* Do the octets hold n times the same octet? */
bool holds_run(const void *at, size_t len, uint8_t octet, size_t n);

#endif
