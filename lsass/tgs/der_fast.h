/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DER of FAST in an AS exchange (RFC 6113 section 5.4). Used by lsass/logon and lsass/front/kdc.
 * Strict, views into the input, as der.h says; writing as der_as.h says.
 */
#ifndef LSASS_TGS_DER_FAST_H
#define LSASS_TGS_DER_FAST_H

#include "lsass/tgs/der_as.h"

/* Key usages, RFC 6113 section 5.4. */
#define FAST_USAGE_REQ_CHECKSUM 50
#define FAST_USAGE_REQ		51
#define FAST_USAGE_REP		52
#define FAST_USAGE_FINISHED	53

/* Checksum of RFC 4120 5.2.9 */
struct der_checksum {
	int32_t type;
	struct rd octets;
};

/* KrbFastResponse */
struct der_fast_response {
	struct rd padata; /* list of PA-DATA, without its SEQUENCE */
	int32_t etype;	  /* of the strengthen-key; 0: there is none */
	struct rd key;	  /* that key */
	bool finished;	  /* KrbFastFinished is there, and so is what follows */
	struct rd crealm; /* GeneralString, whole */
	struct rd cname;  /* PrincipalName, whole */
	struct der_checksum ticket;
	uint32_t nonce;
};

/* PA-FX-FAST-REPLY: what is sealed is a KrbFastResponse. */
int der_read_fast_reply(struct rd value, struct der_sealed *sealed)
    __attribute__((warn_unused_result));
int der_read_fast_response(struct rd octets, struct der_fast_response *response)
    __attribute__((warn_unused_result));

/* PA-FX-FAST of an AS-REQ: the ticket that its armour is made with, whole. */
int der_read_fast_armor(struct rd value, struct rd *ticket) __attribute__((warn_unused_result));

/*
 * Does an EncASRepPart say that the KDC knows FAST? By PA-FX-FAST (RFC 6806
 * section 11), or the bit of PA-SUPPORTED-ENCTYPES ([MS-KILE] 2.2.7).
 */
bool der_fast_known(struct rd part);

/* KrbFastReq with the padata and body of a plain request. */
int der_make_fast_req(const struct der_as_req *req, struct wr *out)
    __attribute__((warn_unused_result));

/*
 * AS-REQ whose only padata is PA-FX-FAST.
 * ap_req  AP-REQ, whole: the armour
 * sum     of the body
 * sealed  KrbFastReq
 */
int der_make_fast_as_req(struct rd body, struct rd ap_req, const struct der_checksum *sum,
			 const struct der_sealed *sealed, struct wr *out)
    __attribute__((warn_unused_result));

/* AS-REP with client and padata of the response; left out of that: 136, 137, 138. */
int der_make_fast_as_rep(const struct der_as_rep *rep, const struct der_fast_response *response,
			 struct wr *out) __attribute__((warn_unused_result));

/* KRB-ERROR: inner, with the response's padata as its e-data; left out as above. */
int der_make_fast_error(const struct der_error *inner, const struct der_fast_response *response,
			struct wr *out) __attribute__((warn_unused_result));

/* AP-REQ of RFC 4120 5.5.1; options: as back_ap_req of der_parts.h. */
int der_make_ap_req(uint8_t options, struct rd ticket, const struct der_sealed *authenticator,
		    struct wr *out) __attribute__((warn_unused_result));

#endif
