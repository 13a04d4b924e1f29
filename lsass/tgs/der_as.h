/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DER of the messages of an AS exchange (RFC 4120 5.4, 5.9.1): taken apart
 * and put together again with one piece changed. Used by lsass/logon.
 * Strict, views into the input, as der.h says.
 */
#ifndef LSASS_TGS_DER_AS_H
#define LSASS_TGS_DER_AS_H

#include "lsass/tgs/der.h"

#define DER_AS_REP 0x6b /* first octet of the message */

/* RFC 4120 7.5.2, RFC 6113, RFC 6806, draft-ietf-kitten-krb-spake-preauth */
#define DER_PA_ENC_TIMESTAMP	   2
#define DER_PA_PW_SALT		   3
#define DER_PA_ETYPE_INFO	   11
#define DER_PA_ETYPE_INFO2	   19
#define DER_PA_FX_COOKIE	   133
#define DER_PA_FX_ERROR		   137
#define DER_PA_ENCRYPTED_CHALLENGE 138
#define DER_PA_REQ_ENC_PA_REP	   149
#define DER_PA_SPAKE		   151

struct der_as_req {
	struct rd padata; /* list of PA-DATA, without its SEQUENCE; empty: none */
	struct rd body;	  /* KDC-REQ-BODY, whole */
	uint32_t nonce;
};

struct der_as_rep {
	struct rd padata;	    /* as above */
	struct rd names;	    /* crealm [3], cname [4], ticket [5], as they are */
	struct wire_princ client;   /* octets is empty */
	struct rd ticket;	    /* whole */
	struct der_sealed enc_part; /* EncASRepPart */
};

struct der_error {
	struct rd front;  /* everything before e-data, as it is */
	uint32_t stime;	  /* seconds since 1970, by the KDC's clock */
	int32_t code;	  /* RFC 4120 7.5.9 */
	struct rd crealm; /* empty: absent; of a referral: where to go */
	struct rd text;	  /* the same; anything may be in it */
	struct rd data;	  /* e-data */
};

/* Entry of ETYPE-INFO2 (RFC 4120 5.2.7.5). */
struct der_info {
	int32_t etype;
	bool has_salt; /* false: the principal's default */
	struct rd salt;
	struct rd params; /* empty: the etype's default */
};

/* Read a whole message, or value. Return 0, or -1 if it is not exactly one. */
int der_read_as_req(struct rd message, struct der_as_req *req) __attribute__((warn_unused_result));
int der_read_as_rep(struct rd message, struct der_as_rep *rep) __attribute__((warn_unused_result));
int der_read_error(struct rd message, struct der_error *error) __attribute__((warn_unused_result));
int der_read_sealed(struct rd octets, struct der_sealed *sealed)
    __attribute__((warn_unused_result));
/* METHOD-DATA: list, as a padata above. */
int der_read_method_data(struct rd octets, struct rd *list) __attribute__((warn_unused_result));
/* PA-ENC-TS-ENC: seconds since 1970. */
int der_read_timestamp(struct rd octets, uint32_t *time) __attribute__((warn_unused_result));

/* The first PA-DATA of that type. False: there is none, or list is malformed before it. */
bool der_find_padata(struct rd list, int32_t type, struct rd *value);

/* What an ETYPE-INFO2 says of etype. False: nothing, or it is malformed. */
bool der_find_info(struct rd info2, int32_t etype, struct der_info *info);

/*
 * The checksum of REQ-ENC-PA-REP in an EncASRepPart (RFC 6806 section 11).
 * Returns 1: there is one; 0: there is none; -1: malformed.
 */
int der_find_checksum(struct rd part, int32_t *type, struct rd *checksum)
    __attribute__((warn_unused_result));

/*
 * Writing. out: written at its end; on success out->at and out->left are
 * what was written. Return 0, or -1: no room (DER_AS_SLACK more than all
 * that goes in is enough), or a malformed list.
 */
#define DER_AS_SLACK 128u

struct der_pa {
	int32_t type;
	struct rd value;
};

/* The same request with new in place of the PA-DATA of type drop. */
int der_make_as_req(const struct der_as_req *req, int32_t drop, const struct der_pa *new,
		    struct wr *out) __attribute__((warn_unused_result));
/* The same request with one more, of a type that it does not have. */
int der_add_as_req(const struct der_as_req *req, const struct der_pa *more, struct wr *out);
/* The same reply with another enc-part and no padata. */
int der_make_as_rep(const struct der_as_rep *rep, const struct der_sealed *enc_part, struct wr *out)
    __attribute__((warn_unused_result));
/* The same error with another e-data: n PA-DATA, or none. */
int der_make_error(const struct der_error *error, const struct der_pa *pa, size_t n, struct wr *out)
    __attribute__((warn_unused_result));
/* The same EncASRepPart with no such PA-DATA in its encrypted-pa-data (RFC 6806 section 11). */
int der_make_part_without(struct rd part, int32_t type, struct wr *out)
    __attribute__((warn_unused_result));
/* EncryptedData; ETYPE-INFO2 of one entry. */
int der_make_sealed(const struct der_sealed *sealed, struct wr *out)
    __attribute__((warn_unused_result));
int der_make_info(const struct der_info *info, struct wr *out) __attribute__((warn_unused_result));

#endif
