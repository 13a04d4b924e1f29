/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of a logon share: as.c runs it, as_hooks.c stands between
 * libkrb5 and the KDC, as_keys.c has the keys, real (blobs) and stand-in.
 * Included by these only.
 */
#ifndef LSASS_LOGON_AS_PRIVATE_H
#define LSASS_LOGON_AS_PRIVATE_H

#include "lsass/logon/as.h"
#include "lsass/tgs/der_as.h"

#define AS_SKEW_MAX 86400 /* seconds that lsaiso lets a clock differ */

/* A key made of the password, and of what. */
struct as_made {
	struct as_anchor how; /* its blob is not the key, but the anchor */
	uint8_t blob[ISO_BLOB_MAX];
	size_t len; /* 0: none yet */
};

struct as_state {
	struct as_exchange *as;
	krb5_context ctx; /* its own: hooks and clock offset end with it */
	krb5_principal client;
	krb5_keytab keytab; /* of stand-ins */
	krb5_keyblock stand_in[AS_KEYS_MAX];
	krb5_enctype etypes[AS_KEYS_MAX]; /* in the order of krb5.conf */
	int netypes;
	/* what the KDC said so far of how to make keys: owned */
	struct creds_octets info2, pw_salt;
	struct as_made made;
	/* the request that is out: owned */
	struct creds_octets plain; /* as libkrb5 made it */
	struct creds_octets sent;  /* as the KDC gets it */
	uint32_t nonce;
	int32_t skew;	/* as libkrb5 thinks */
	bool challenge; /* in place of a timestamp (FAST) */
	bool armored;	/* the request */
	int32_t armor_etype;
	struct rd armor_key; /* of armor->begin: until the next */
	/* how it went */
	int32_t kdc_code; /* of the last KRB-ERROR; 0: none, or an AS-REP came since */
	int32_t broken;	  /* code of a hook that failed; 0: none */
	int32_t weak;	  /* etype that lsaiso would not make a key of; 0: none */
};

/* A hook fails: libkrb5 must not turn it into something else. Returns code. */
int32_t as_broken(struct as_state *st, enum as_who who, int32_t code);
/* The same, lsaiso's refusal, logged. */
int32_t as_refused(struct as_state *st, const char *what, enum iso_status status);

/* A copy of octets in place of what is there. 0 or ENOMEM. */
int32_t as_copy(struct creds_octets *to, struct rd from) __attribute__((warn_unused_result));

/*
 * Stand-ins for every etype of the exchange, and a keytab of them. 0 or a
 * krb5_error_code.
 */
int32_t as_keys_make(struct as_state *st) __attribute__((warn_unused_result));
/* The keytab has them for the client in this realm, too; it is the client's from now on. */
int32_t as_keys_move(struct as_state *st, struct rd realm) __attribute__((warn_unused_result));
void as_keys_free(struct as_state *st);

/* The stand-in of etype; NULL: it was not asked for. */
krb5_keyblock *as_stand_in(struct as_state *st, int32_t etype);

/*
 * The blob of the real key.
 *
 * padata  of the AS-REP; empty: before it
 * client  as the AS-REP has it; NULL: before it
 * blob    out, a view
 *
 * Returns 0 or what as_broken returned.
 */
int32_t as_real_key(struct as_state *st, int32_t etype, struct rd padata,
		    const struct wire_princ *client, struct rd *blob)
    __attribute__((warn_unused_result));

/* The two hooks; arg is a struct as_state. */
krb5_error_code as_on_send(krb5_context ctx, void *arg, const krb5_data *realm,
			   const krb5_data *message, krb5_data **new_message,
			   krb5_data **new_reply);
krb5_error_code as_on_receive(krb5_context ctx, void *arg, krb5_error_code code,
			      const krb5_data *realm, const krb5_data *message,
			      const krb5_data *reply, krb5_data **new_reply);

#endif
