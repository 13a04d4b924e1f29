/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A logon: one AS exchange of genuine libkrb5 with a stand-in for the
 * long-term key, the two KDC hooks of its context handing to lsaiso what
 * needs the real one. Blocks for as long as KDCs take: for worker threads.
 *
 * send hook  PA-ENC-TIMESTAMP of libkrb5, under the stand-in -> its time
 *            goes to ask_krb_as_seal -> the one that lsaiso made
 * recv hook  METHOD-DATA -> only what this can do is left for libkrb5
 *            (no SPAKE, PKINIT); etype, salt and parameters for ask_krb_s2k
 *            AS-REP -> enc-part goes to ask_krb_as_open -> under the
 *            stand-in (RFC 4120 7.5.1, key usage 3), with the checksum of
 *            RFC 6806 section 11 made anew (key usage 56)
 *
 * The key of the ticket stays in lsaiso; what is called the session key
 * outside is a stand-in of the same length.
 */
#ifndef LSASS_LOGON_AS_H
#define LSASS_LOGON_AS_H

#include <krb5.h>
#include <stdatomic.h>

#include "lsass/logon/armor.h"
#include "lsass/tgs/creds.h"
#include "rpc/rpc.h"

#define AS_KEYS_MAX	8   /* etypes of one exchange */
#define AS_TEXT_MAX	256 /* octets of what the KDC said, with its NUL */
#define AS_CHANGE_PW	"kadmin/changepw"
#define AS_ANCHOR_ETYPE 18 /* aes256-cts-hmac-sha1-96, where no KDC names a type */

/* How principal is to be read. */
enum as_form {
	AS_AUTO,       /* as below if what follows the @ is no realm: it has a small letter,
			* and krb5.conf knows no such realm */
	AS_PRINCIPAL,  /* krb5_parse_name */
	AS_ENTERPRISE, /* the whole is a name (kinit -E): the KDC says whose */
};

/* A long-term key in lsaiso. */
struct as_key {
	int32_t etype;
	struct rd blob; /* ISO_KIND_KEY that may ISO_MAY_AS */
};

/* The key that a session began with, and how it was made of the password. */
struct as_anchor {
	uint8_t blob[ISO_BLOB_MAX];
	size_t len; /* 0: lsaiso gave none */
	int32_t etype;
	uint8_t salt[ISO_SALT_MAX];
	size_t salt_len;
	uint8_t params[ISO_PARAMS_MAX];
	size_t params_len;
};

/* Whose word the code of a failure is. */
enum as_who {
	AS_NOBODY, /* no failure */
	AS_KDC,	   /* KRB-ERROR, or a reply that this password does not open */
	AS_ISO,	   /* lsaiso refused: status */
	AS_HERE,   /* libkrb5 and the network: no KDC answered, a name that is none, no memory */
};

/* Zero it, fill in what is given, as_run, then as_free. */
struct as_exchange {
	/* given: views and texts live until as_run returns */
	krb5_context ctx; /* of context_get; its clock and hooks are left alone */
	uint32_t session, generation;
	uint32_t owner;
	const char *principal; /* as its user wrote it: the name in the boxes */
	enum as_form form;
	struct rd password; /* blob that may ISO_MAY_S2K; empty: keys */
	const struct as_key *keys;
	size_t nkeys;
	const char *service;	      /* NULL: a TGT; AS_CHANGE_PW; without realm */
	int32_t lifetime;	      /* seconds; 0: as krb5.conf has it */
	int32_t renewable;	      /* the same */
	const struct as_armor *armor; /* NULL: no FAST */
	const atomic_bool *cancelled; /* may be NULL; true: ECANCELED before the next request */

	/* out, of success: free with as_free */
	struct creds_octets cred;   /* wire.h cred; its key is a stand-in */
	struct creds_octets client; /* wire.h principal of it, as the KDC has it */
	uint8_t blob[ISO_BLOB_MAX]; /* the key of the ticket */
	size_t blob_len;
	struct as_anchor anchor;
	struct creds_octets info2; /* ETYPE-INFO2 as the KDC said it, empty: it did not */
	int64_t password_expires;  /* seconds since 1970; 0: the KDC does not say */
	int32_t kdc_offset;	   /* seconds, KDC's clock minus ours (kdc_timesync) */
	bool checked;		   /* the KDC proved that it got the request as it was sent */
	bool armored;		   /* by FAST */
	bool fast;		   /* the KDC knows FAST: in the sealed part it says so */

	/* out, of failure */
	enum as_who who;
	enum iso_status status; /* of AS_ISO */
	uint32_t nt_status;	/* of a Windows or Samba KDC: why a logon is refused; 0: none */
	char text[AS_TEXT_MAX]; /* e-text of AS_KDC; printable */
};

/*
 * Run it. Returns 0 or a krb5_error_code. With AS_KDC, among others:
 *
 *   KRB5KDC_ERR_PREAUTH_FAILED,
 *   KRB5KRB_AP_ERR_BAD_INTEGRITY      another password
 *   KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN   nobody of that name
 *   KRB5KDC_ERR_CLIENT_REVOKED        locked, disabled, expired: nt_status may say
 *   KRB5KDC_ERR_KEY_EXP               the password has expired: get AS_CHANGE_PW
 *   KRB5KDC_ERR_POLICY                not now, not from here
 *   KRB5KRB_AP_ERR_SKEW               clocks differ and kdc_timesync is off
 *
 * with AS_HERE
 *
 *   KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE, KRB5_REALM_UNKNOWN
 *   KRB5_PARSE_MALFORMED, KRB5_CONFIG_NODEFREALM
 *   KRB5_PREAUTH_FAILED               the KDC wants something that is no password, or a key
 *                                     of a type that is not permitted here
 *   ECANCELED, ENOMEM
 *
 * with AS_ISO
 *
 *   KRB5KRB_AP_ERR_TKT_EXPIRED        the session, or a blob, has ended
 *   KRB5KDC_ERR_ETYPE_NOSUPP          weak: etypes that lsaiso refuses, too few iterations
 *   KRB5KDC_ERR_SVC_UNAVAILABLE       no lsaiso, or it is busy
 */
int32_t as_run(struct as_exchange *as) __attribute__((warn_unused_result));
void as_free(struct as_exchange *as); /* wipes */

/*
 * How a key of that type is made of a password of the client, by what the KDC said in an
 * exchange that succeeded. False: its salt is too long.
 */
bool as_how(const struct as_exchange *as, int32_t etype, struct as_anchor *how);

#endif
