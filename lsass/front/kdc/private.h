/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request in the endpoint: from a socket (listen.c) with its sender
 * (peer.c) to a decision (call.c), by a stand-in of a ticket (tgs.c) or of a keytab
 * (as.c) or unchanged, through lsass/realm and back. Loop thread only.
 */
#ifndef LSASS_FRONT_KDC_PRIVATE_H
#define LSASS_FRONT_KDC_PRIVATE_H

#include <krb5.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lsass/front/kdc/kdc.h"
#include "lsass/realm/real.h"
#include "rpc/rpc.h"

#define KDC_MESSAGE_MAX	 (1u << 20) /* octets of a request or reply over a stream */
#define KDC_DATAGRAM_MAX 65536u

struct call;

/*
 * What became of a request.
 *
 *   CALL_LATER     somebody has it, and will call_answer or call_refuse
 *   CALL_UNKNOWN   no stand-in of ours is in it: it goes to the KDC as it is
 */
enum call_fate { CALL_LATER, CALL_UNKNOWN };

struct call {
	struct call *next, *prev; /* all of the endpoint's */
	struct kdc *kdc;
	uid_t uid;	 /* of the sender */
	bool known;	 /* uid is; else nothing but relaying is done for it */
	bool stream;	 /* an answer may be long */
	struct rd message; /* the request, owned */
	struct real_ask *ask; /* on its way to a KDC; NULL: not */
	/* of tgs.c and as.c: what they need when the answer comes; freed by state_free */
	void *state;
	void (*state_free)(void *state); /* wipes */
	/* of listen.c */
	void *sender;
};

/* ---- call.c */

/* A request has come; call is owned from here on. */
void call_begin(struct call *ca);
/* Give the answer; ca is gone then. */
void call_answer(struct call *ca, struct rd reply);
/*
 * Answer with a KRB-ERROR of ours.
 *
 * code  RFC 4120 7.5.9 (KDC_ERR_POLICY is 12)
 * text  for people: what is wrong, what to do; no secret. Short
 */
void call_refuse(struct call *ca, int32_t code, const char *text);
/* The client has gone: end it without an answer. */
void call_drop(struct call *ca);
/*
 * To the realm's KDC; done gets the reply, once. message is copied, done may end the call.
 * The call's own realm [2] of KDC-REQ-BODY is where it goes.
 */
typedef void call_replied(struct call *ca, struct rd reply);
void call_send(struct call *ca, struct rd realm, struct rd message, call_replied *done);

/* A libkrb5 context for krb5_c_*; the endpoint's own, NULL never. */
krb5_context call_crypto(const struct call *ca);
/* What the endpoint was started with. */
const struct kdc_view *call_view(const struct call *ca);

/* ---- tgs.c: TGS-REQ (RFC 4120 5.4.1) with a ticket of which we have a stand-in */
enum call_fate tgs_begin(struct call *ca);

/* ---- as.c: AS-REQ of a principal whose keys are stand-ins in a keytab */
enum call_fate as_begin(struct call *ca);

/* ---- errors.c */

/* KRB-ERROR (RFC 4120 5.9.1) about realm, into out at its end; 0, or -1: no room. */
int error_make(int32_t code, struct rd realm, const char *text, struct wr *out)
    __attribute__((warn_unused_result));

/* ---- peer.c */

/*
 * Whose socket is at the other end (NETLINK_SOCK_DIAG; of a UNIX socket
 * SO_PEERCRED). Returns 0, or -1: nobody's any more, or it cannot be told.
 */
struct sockaddr;
int peer_uid(int fd, const struct sockaddr *theirs, const struct sockaddr *ours, bool stream,
	     uid_t *uid);

#endif
