/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two messages of a TGS exchange that lsaiso looks into, and the rule
 * that decides whose key may leave.
 */
#ifndef LSAISO_TGS_H
#define LSAISO_TGS_H

#include "blob.h"
#include "der.h"
#include "iso.h"
#include "krb.h"

/* KDCOptions, RFC 4120 section 5.4.1 and RFC 6806, RFC 4120 2.9; bit 0 is the highest. */
#define TGS_OPTION(n)		  (UINT32_C(1) << (31 - (n)))
#define TGS_OPT_FORWARDED	  TGS_OPTION(2)
#define TGS_OPT_PROXY		  TGS_OPTION(4)
#define TGS_OPT_CNAME_IN_ADDL_TKT TGS_OPTION(14)
#define TGS_OPT_ENC_TKT_IN_SKEY	  TGS_OPTION(28)
#define TGS_OPT_RENEW		  TGS_OPTION(30)
#define TGS_OPT_VALIDATE	  TGS_OPTION(31)
#define TGS_OPT_TGT_CLASS	  (TGS_OPT_RENEW | TGS_OPT_VALIDATE | TGS_OPT_PROXY)

/*
 * The type of a key that may be used here, or NULL: etypes 17 to 20, and 23
 * when configured. etype comes off the wire.
 */
const struct krb_type *policy_type(const struct iso *iso, int64_t etype);

/*
 * Open a blob that holds a key: a long-term one or that of a TGT, as may says.
 *
 * client  what the blob's client is the hash of: client octets, a name
 * key     out; the caller wipes it
 *
 * Returns what blob_open does; ISO_E_ETYPE (may not be used here).
 */
enum iso_status policy_key(struct iso *iso, const struct session *s, struct rd blob, uint16_t may,
			   struct rd client, struct krb_key *key) RPC_CHECKED;

/*
 * Make of a key its KRB-FX-CF2 with another one, which came over the wire:
 * that one comes first, and the result is of its type.
 * Returns ISO_OK, ISO_E_ETYPE (may not be used here, or another length).
 */
enum iso_status policy_mix(const struct iso *iso, int32_t etype, struct rd octets,
			   const char *pepper, struct krb_key *key,
			   const char *pepper_key) RPC_CHECKED;

/* What krb_tgs_seal takes from a KDC-REQ-BODY. */
struct tgs_body {
	uint32_t options;
	uint32_t nonce;
	struct der_name sname;
};

/*
 * Parse a KDC-REQ-BODY, RFC 4120 section 5.4.1, and apply policy.
 *
 * Returns ISO_OK, ISO_E_DER (malformed; no sname; enc-authorization-data, which
 * would need the subkey), ISO_E_POLICY (option refused), ISO_E_ETYPE (no allowed
 * etype listed).
 */
enum iso_status tgs_body_read(const struct iso *iso, struct rd der,
			      struct tgs_body *body) RPC_CHECKED;

/* TicketFlags, RFC 4120 section 5.3; RFC 6806 section 11: the answer to REQ-ENC-PA-REP is in
 * the part. */
#define TGS_FLAG_FORWARDED  TGS_OPTION(2)
#define TGS_FLAG_ENC_PA_REP TGS_OPTION(15)

/* What is taken from an EncKDCRepPart. Views point into it. */
struct tgs_part {
	int64_t etype;
	struct rd key;
	uint32_t nonce;
	uint32_t flags;
	int64_t endtime;
	struct rd srealm;
	struct der_name sname;
	struct rd padata; /* elements of encrypted-pa-data, each well-formed; may be empty */
	struct rd req_enc_pa_rep; /* value of that one; at NULL: not there */
};

/*
 * Parse an EncTGSRepPart, RFC 4120 section 5.4.2 (also under the tag of
 * EncASRepPart, as section 5.4.2 permits) with RFC 6806 section 11.
 *
 * Returns ISO_OK, ISO_E_DER.
 */
enum iso_status tgs_part_read(struct rd der, struct tgs_part *part) RPC_CHECKED;

/*
 * Judge the key of a part, and zero the values of encrypted-pa-data that are
 * not known to be harmless: some carry keys (KERB-KEY-LIST-REP, 162). der is
 * the buffer that part's views point into.
 * Returns ISO_OK, ISO_E_ETYPE (no key that may be used here).
 */
enum iso_status tgs_part_clean(const struct iso *iso, const struct tgs_part *part,
			       struct wr der) RPC_CHECKED;

/*
 * Keep a part's key here: seal it, leave random octets in its place.
 *
 * skew  clock that the ticket's end was made by minus ours, seconds
 * b     may and client; the rest is filled in
 * out   of the blob, ISO_BLOB_MAX octets; len: of it
 *
 * Returns ISO_OK, ISO_E_EXPIRED, ISO_E_ENTROPY.
 */
enum iso_status tgs_part_withhold(struct iso *iso, const struct session *s,
				  const struct tgs_part *part, struct wr der, int32_t skew,
				  struct blob *b, struct wr out, uint32_t *len) RPC_CHECKED;

/* Client octets as ops.h has them: crealm [1], cname [2]. ISO_OK, ISO_E_DER. */
enum iso_status tgs_client_check(struct rd client) RPC_CHECKED;

/*
 * Does a name, by itself, call for withholding? True if any component has
 * "krbtgt" in any case or an octet that directories fold or parse (outside
 * printable ASCII, '@', '\'), is empty, or the first is "kadmin" in any case.
 */
bool tgt_class_name(const struct der_name *sname);

/*
 * The whole rule: true unless the ticket is plainly a service ticket. sname
 * is the decrypted one, options those of the request as remembered.
 */
bool tgt_class(const struct der_name *sname, uint32_t options);

/*
 * Is this the TGT of its own realm, forwarded as the request asked, and for
 * nothing else? Other than that no TGT leaves, whatever the policy is.
 */
bool tgt_forwarded(const struct tgs_part *part, uint32_t options);

/*
 * What the key of an AS-REP's ticket may be used for: ISO_MAY_* of krbtgt and
 * of kadmin/changepw, as ops.h has them; 0: it is a ticket for anything else.
 */
uint16_t tgt_may(const struct der_name *sname);

#endif
