/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change of password (RFC 3244, version 1), of which neither the old one
 * nor the new one is seen here: both are blobs. A ticket for kadmin/changepw
 * is got with the old one, which the KDC gives also when that has expired;
 * lsaiso seals the new one for that server and opens its answer. In a worker
 * thread.
 */
#ifndef LSASS_LOGON_PASSWD_H
#define LSASS_LOGON_PASSWD_H

#include "lsass/logon/as.h"
#include "lsass/logon/fast.h"
#include "lsass/realm/servers.h"

#define PASSWD_TEXT_MAX 1024 /* octets for people, with their NUL */

/* RFC 3244 section 2 */
enum passwd_result {
	PASSWD_SUCCESS = 0,
	PASSWD_MALFORMED = 1,
	PASSWD_HARDERROR = 2,
	PASSWD_AUTHERROR = 3,
	PASSWD_SOFTERROR = 4, /* policy: too short, used before, too soon */
	PASSWD_ACCESSDENIED = 5,
	PASSWD_BAD_VERSION = 6,
	PASSWD_INITIAL_FLAG_NEEDED = 7,
};

/* Where it ended. */
enum passwd_step {
	PASSWD_DONE,
	PASSWD_OLD,	/* no ticket with the old password: code, who, ... of as */
	PASSWD_ISO,	/* lsaiso refused: status */
	PASSWD_SERVER,	/* no server was found, or none answered: code */
	PASSWD_REFUSED, /* the server says no: result, text */
	PASSWD_UNSURE,	/* it was sent, and no answer, or not the server's, came: code */
};

/* Zero it, fill in what is given, passwd_change. */
struct passwd {
	/* given: views and texts live until passwd_change returns */
	krb5_context ctx;
	uint32_t session, generation, owner;
	const char *principal;	   /* as its user wrote it: the name in both boxes */
	struct rd old;		   /* blob that may ISO_MAY_S2K; empty: keys */
	const struct as_key *keys; /* in place of it */
	size_t nkeys;
	struct rd fresh;		 /* blob that may ISO_MAY_NEW */
	const struct fast_source *armor; /* may be NULL */
	const atomic_bool *cancelled;	 /* may be NULL */
	/* out */
	enum passwd_step step;
	int32_t code; /* krb5_error_code */
	enum iso_status status;
	uint32_t result;
	bool proved;		    /* result came sealed; else anybody could have said it */
	char text[PASSWD_TEXT_MAX]; /* of PASSWD_REFUSED: printable UTF-8; a sentence or more */
	struct as_exchange as;	    /* of PASSWD_OLD: who, nt_status, text; holds nothing */
};
void passwd_change(struct passwd *pw);

/*
 * The same in two halves, of which the second may be in another thread (ctx is set anew).
 * passwd_ticket: true, and as is that of the ticket; or as above, and it holds nothing.
 */
bool passwd_ticket(struct passwd *pw) __attribute__((warn_unused_result));
void passwd_send(struct passwd *pw);

/* ---- passwd_net.c: where the server is, and the way there; for passwd.c and tests */

/*
 * The servers of a realm as krb5.conf has them: kpasswd_server, else DNS
 * (_kpasswd, unless dns_lookup_kdc is off), else admin_server or kdc with
 * port 464.
 */
void passwd_locate(krb5_context ctx, struct rd realm, struct servers *servers);

/*
 * One message to a server and its answer.
 *
 * make   the message for a socket of this local address, 4 or 16 octets; 0 or a
 *        krb5_error_code, which ends it
 * reply  out, owned
 * sent   out, something may have reached a server
 *
 * Returns 0, what make returned, or KRB5_KDC_UNREACH.
 */
typedef int32_t passwd_maker(void *arg, struct rd address, struct creds_octets *message);
int32_t passwd_ask(const struct server *servers, size_t n, const atomic_bool *cancelled,
		   passwd_maker *make, void *arg, struct creds_octets *reply, bool *sent)
    __attribute__((warn_unused_result));

#endif
