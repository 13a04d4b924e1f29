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

#define KDC_REFUSAL_MAX 512u /* octets of a KRB-ERROR of ours, and of its text */

/* RFC 4120 7.5.9 */
#define KDC_ERR_BADOPTION	 13
#define KDC_ERR_SVC_UNAVAILABLE	 29
#define KRB_AP_ERR_MSG_TYPE	 40
#define KRB_ERR_RESPONSE_TOO_BIG 52
#define KRB_ERR_GENERIC		 60
#define KRB_ERR_FIELD_TOOLONG	 61

struct call;
struct mouths;

/* The endpoint (kdc.c). */
struct kdc {
	struct loop *lo;
	struct kdc_view view;
	krb5_context crypto;
	struct call *calls;    /* all of them */
	struct mouths *mouths; /* listen.c */
	struct kdc_counts counts;
};

/*
 * What became of a request.
 *
 *   CALL_LATER     somebody has it, and will call_answer or call_refuse
 *   CALL_UNKNOWN   no stand-in of ours is in it: it goes to the KDC as it is
 */
enum call_fate { CALL_LATER, CALL_UNKNOWN };

typedef void call_replied(struct call *ca, struct rd reply);

struct call {
	struct call *next, *prev; /* all of the endpoint's */
	struct kdc *kdc;
	uid_t uid;	      /* of the sender */
	bool known;	      /* uid is; else nothing but relaying is done for it */
	bool stream;	      /* an answer may be long */
	struct rd message;    /* the request, owned */
	struct real_ask *ask; /* on its way to a KDC; NULL: not */
	call_replied *done;   /* who gets the reply */
	bool relayed;	      /* as it was */
	unsigned int again;   /* tgs.c: so often it was made anew */
	bool senders_alone;   /* the answer is under a key that only its sender has */
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
 * To the KDC of realm (of the request: call_realm); done gets the reply, once, and may end
 * the call. message is copied. When no KDC answers the call is refused, and done is not called.
 */
void call_send(struct call *ca, struct rd realm, struct rd message, call_replied *done);

/* realm [2] of the body of a KDC-REQ; empty: there is none. */
struct rd call_realm(struct rd message);

/*
 * A ticket whose key only lsaiso has, for a client: where its stand-in is looked for.
 *
 * client  wire.h principal
 * part    EncASRepPart or EncTGSRepPart, with the stand-in
 * offset  KDC clock minus ours, seconds
 */
struct call_ticket {
	uid_t owner;
	uint32_t session, generation;
	struct rd client, ticket, part, blob;
	int32_t offset;
};
int32_t call_keep(const struct call *ca, const struct call_ticket *ti)
    __attribute__((warn_unused_result));

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

/* The other end of a connection, or who sent a datagram. */
struct peer {
	uid_t uid;
	uint64_t cookie; /* of its socket, which no other has ever had; 0: of a UNIX socket */
};

/*
 * Whose socket is at the other end (NETLINK_SOCK_DIAG; of a UNIX socket
 * SO_PEERCRED). Of a stream: at any time. Of datagrams: of the moment, so
 * who asks again before the answer goes out must find the same cookie.
 *
 * diag    kdc_view.diag_fd
 * fd      our end of the stream; -1: it is about datagrams
 * ours    our address
 * theirs  where it came from
 *
 * Returns 0, or -1: nobody's any more, of another machine or network namespace, or it
 * cannot be told.
 */
struct sockaddr;
int peer_find(int diag, int fd, const struct sockaddr *ours, const struct sockaddr *theirs,
	      struct peer *peer) __attribute__((warn_unused_result));
/* Can it be told of who comes there, to a socket of IP? The kernel may lack the module. */
bool peer_told(int diag, bool stream, const struct sockaddr *ours);

/* ---- listen.c */

/* Serve n sockets; NULL with errno. */
struct mouths *listen_start(struct kdc *kd, int first_fd, size_t n);
/* No request begins any more. */
void listen_no_more(struct mouths *ms);
/* After that, and when nobody waits for an answer any more. */
void listen_stop(struct mouths *ms);
/* To whoever sent it; ca is freed by the caller afterwards. */
void listen_answer(struct call *ca, struct rd reply);
/* The call ends without an answer. */
void listen_forget(struct call *ca);
/* Requests that wait for their turn. */
uint32_t listen_waiting(const struct mouths *ms);
/* kdc_socket_name */
bool listen_name(const struct mouths *ms, size_t i, char *text, size_t n);

#endif
