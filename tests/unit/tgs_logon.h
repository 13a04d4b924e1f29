/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tgs_live.c: logons in a real lsaiso, requests to a pool, proof that a ticket works. */
#ifndef TESTS_UNIT_TGS_LOGON_H
#define TESTS_UNIT_TGS_LOGON_H

#include <krb5.h>

#include "lsass/tgs/creds.h"
#include "lsass/tgs/tgs.h"

#define OWNER 1234 /* uid of every logon */

extern krb5_context live_ctx;
extern struct tgs *live_pool;
extern int live_event_fd;

/* A logon: a session of lsaiso, a TGT with a stand-in key, its blob. */
struct logon {
	struct creds_octets cred, client;
	uint32_t session, generation;
	struct iso_rep_cred_absorb absorbed;
	krb5_keyblock real; /* as kinit got it; only the test keeps it */
	struct rd ticket;
};

/* What came back. */
struct answer {
	bool came;
	int32_t code;
	size_t n;
	krb5_creds *creds; /* the last one */
	bool last_has_blob, first_has_blob;
	struct creds_octets first;
};

/* What is asked for. */
struct want {
	const char *server;
	int32_t type;
	int32_t etype;
	uint64_t cache_id;
	const struct logon *second; /* user to user */
	int32_t offset;
};

/* name as a wire.h principal; name type as given. */
struct creds_octets logon_princ(const char *name, int32_t type);
/* Put the key of wire into lo's session and a random stand-in in its place. */
void logon_absorb(struct logon *lo, const struct wire_cred *wire);
/* Take the TGT of a FILE ccache over, into a session of its own. */
void logon_on(struct logon *lo, const char *ccache);
void logon_off(struct logon *lo);
struct tgs_tgt logon_tgt(const struct logon *lo);
/* A tgs_done; arg is a struct answer. */
void logon_take(void *arg, int32_t code, const struct tgs_ticket *tickets, size_t n);
void logon_forget(struct answer *an);
uint64_t logon_now_ms(void);
/* Run the loop until an answer is there. */
void logon_wait(const struct answer *an, unsigned int seconds);
/* Ask live_pool; the tgs_submit number. */
uint64_t logon_submit(const struct logon *lo, const struct want *want, struct answer *an);
/* Ask and wait; the code. */
int32_t logon_ask(const struct logon *lo, const struct want *want, struct answer *an);
/* Make an AP-REQ with it and have the service's own key (or user_key) read it. */
void logon_works(krb5_creds *creds, const krb5_keyblock *user_key);
struct tgs_stats logon_stats(void);

#endif
