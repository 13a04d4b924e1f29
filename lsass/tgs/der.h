/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few DER shapes of RFC 4120 that the broker takes apart and puts
 * together: TGS-REQ, TGS-REP, EncTGSRepPart. Used by lsass/tgs and whoever
 * else carries KDC messages; octets come from KDCs and clients, none is
 * trusted.
 *
 * Strict: definite lengths in their shortest form, low tag numbers, fields
 * in order, nothing after the end. Reading gives views into the input.
 */
#ifndef LSASS_TGS_DER_H
#define LSASS_TGS_DER_H

#include <stdint.h>

#include "lsass/wire.h" /* struct wire_princ */
#include "rpc/rpc.h"	/* struct rd, struct wr */

/* Tags of whole messages: the first octet tells them apart. */
#define DER_AS_REQ    0x6a
#define DER_TGS_REQ   0x6c
#define DER_TGS_REP   0x6d
#define DER_KRB_ERROR 0x7e

/* RFC 4120 7.5.2, MS-SFU, RFC 6113: padata that the broker looks at. */
#define DER_PA_TGS_REQ	     1
#define DER_PA_FOR_USER	     129
#define DER_PA_S4U_X509_USER 130
#define DER_PA_FX_FAST	     136

#define DER_PADATA_MAX 32 /* elements of a padata list */

/* One element: its tag octet, all of it, what is inside. */
struct der {
	uint8_t tag;
	struct rd all, body;
};

/* EncryptedData without its kvno. */
struct der_sealed {
	int32_t etype;
	struct rd cipher;
};

struct der_tgs_req {
	struct rd padata;	  /* list of PA-DATA, without its SEQUENCE */
	struct rd ticket;	  /* of the AP-REQ, whole */
	struct der_sealed sealed; /* the ticket's enc-part: names the ticket */
	struct der_sealed authenticator;
	struct rd body; /* KDC-REQ-BODY, whole */
	bool for_user;	/* to be set: PA-FOR-USER is as the KDC wants it, and stays */
};

/* What the broker wants to know of a KDC-REQ-BODY (RFC 4120 5.4.1). */
struct der_body {
	uint32_t options;	 /* bit 0 is the highest */
	bool has_cname;		 /* an AS-REQ has */
	struct wire_princ cname; /* octets is empty, realm as below */
	struct rd realm;
	bool has_sname;
	struct wire_princ sname; /* the same */
	bool has_authdata;	 /* enc-authorization-data [10] */
};
#define DER_OPT_FORWARDED 0x20000000u /* KDCOptions bit 2 */

struct der_tgs_rep {
	struct rd padata;	    /* list of PA-DATA, without its SEQUENCE; empty: none */
	struct rd names;	    /* crealm [3], cname [4], ticket [5], as they are */
	struct rd ticket;	    /* whole */
	struct der_sealed enc_part; /* EncTGSRepPart */
};

/* What the broker wants to know of an EncTGSRepPart. */
struct der_part {
	int32_t etype;
	struct rd key;
	uint32_t flags;
	uint32_t authtime, starttime, endtime, renew_till; /* 0: absent */
	struct wire_princ server;			   /* octets is empty */
};

/*
 * Take one element off the front of in. Returns 0, or -1: short, long tag,
 * indefinite or overlong length.
 */
int der_next(struct rd *in, struct der *el) __attribute__((warn_unused_result));

/* Read a whole message. Return 0, or -1 if it is not exactly one. */
int der_read_tgs_req(struct rd message, struct der_tgs_req *req)
    __attribute__((warn_unused_result));
int der_read_tgs_rep(struct rd message, struct der_tgs_rep *rep)
    __attribute__((warn_unused_result));
int der_read_part(struct rd octets, struct der_part *part) __attribute__((warn_unused_result));
int der_read_body(struct rd octets, struct der_body *body) __attribute__((warn_unused_result));

/* EncryptedData of a Ticket (RFC 4120 5.3): what tells two tickets apart. */
int der_read_ticket(struct rd ticket, struct der_sealed *sealed)
    __attribute__((warn_unused_result));

/*
 * The same request with another authenticator: PA-TGS-REQ holds an AP-REQ
 * of the same ticket; FX-FAST, FOR-USER and S4U-X509-USER are left out (they
 * are made with a key that the KDC does not know; but see for_user); the body is untouched.
 *
 * out   written at its end; on success out->at and out->left are the message
 *
 * Returns 0, or -1: no room (DER_TGS_SLACK more than the request and the
 * authenticator together is enough), too many padata.
 */
#define DER_TGS_SLACK 128u
int der_make_tgs_req(const struct der_tgs_req *req, const struct der_sealed *authenticator,
		     struct wr *out) __attribute__((warn_unused_result));

/*
 * The same reply with another enc-part, without kvno; FX-FAST is left out.
 * out and return value as above.
 */
int der_make_tgs_rep(const struct der_tgs_rep *rep, const struct der_sealed *enc_part,
		     struct wr *out) __attribute__((warn_unused_result));

#endif
