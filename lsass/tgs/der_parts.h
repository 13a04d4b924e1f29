/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers and writers of whole messages (der.h, der_as.h, those of
 * lsass/logon) are made of. Strict, as der.h says. A reader takes what it
 * names off the front of in and returns 0, or -1: something else is there.
 */
#ifndef LSASS_TGS_DER_PARTS_H
#define LSASS_TGS_DER_PARTS_H

#include <stdbool.h>

#include "lsass/tgs/der.h"

/* X.690 8.1.2 */
#define DER_INTEGER    0x02
#define DER_BIT_STRING 0x03
#define DER_OCTETS     0x04
#define DER_GEN_TIME   0x18
#define DER_GEN_STRING 0x1b
#define DER_SEQUENCE   0x30
#define DER_CONTEXT(n) ((uint8_t)(0xa0 | (n)))
#define DER_TICKET     0x61 /* [APPLICATION 1] */

#define DER_AP_REQ	0x6e /* [APPLICATION 14] */
#define DER_AP_REQ_TYPE 14   /* RFC 4120 7.5.7 */

#define DER_PVNO 5 /* RFC 4120 5.4.1: version of every message */

/* ---- reading */

/* An element of this tag; the one element, of this tag, that fills in. */
int der_take(struct rd *in, uint8_t tag, struct der *el) __attribute__((warn_unused_result));
int der_only(struct rd in, uint8_t tag, struct der *el) __attribute__((warn_unused_result));

/* Field [n] EXPLICIT, holding one element of this tag. */
int der_field(struct rd *in, uint8_t n, uint8_t tag, struct der *el)
    __attribute__((warn_unused_result));
/* Is field [n] next? Skip it, whatever it holds, if it is. */
bool der_next_is(const struct rd *in, uint8_t n);
int der_skip(struct rd *in, uint8_t n) __attribute__((warn_unused_result));

/* [n] INTEGER within Int32; of this value. */
int der_field_int(struct rd *in, uint8_t n, int32_t *value) __attribute__((warn_unused_result));
int der_field_is(struct rd *in, uint8_t n, int32_t wanted) __attribute__((warn_unused_result));
/* [n] KerberosTime, within the 32 bits that ccaches have; 0 if it may be absent and is. */
int der_field_time(struct rd *in, uint8_t n, uint32_t *value) __attribute__((warn_unused_result));
int der_field_time_if(struct rd *in, uint8_t n, uint32_t *value)
    __attribute__((warn_unused_result));
/* [n] EncryptedData */
int der_field_sealed(struct rd *in, uint8_t n, struct der_sealed *sealed)
    __attribute__((warn_unused_result));
/* [n] PrincipalName; the realm stays as it was. */
int der_field_name(struct rd *in, uint8_t n, struct wire_princ *name)
    __attribute__((warn_unused_result));
/* A PA-DATA: its type, its value, all of it. */
int der_take_padata(struct rd *list, int32_t *type, struct rd *value, struct rd *all)
    __attribute__((warn_unused_result));

/* ---- writing, from the end of a buffer to its front */

struct back {
	uint8_t *buf;
	size_t at;  /* what is written begins here */
	size_t end; /* and ends here */
	bool full;  /* something did not fit: nothing more is written */
};

void back_put(struct back *b, const void *octets, size_t n);
void back_octet(struct back *b, size_t octet);
/* Close an element whose contents are what was written since at was mark. */
void back_wrap(struct back *b, size_t mark, uint8_t tag);
/* [n] EXPLICIT INTEGER; [n] EXPLICIT EncryptedData, without kvno */
void back_int(struct back *b, uint8_t n, int32_t value);
void back_sealed(struct back *b, uint8_t n, const struct der_sealed *sealed);
/* AP-REQ, RFC 4120 5.5.1; options: 0, or DER_MUTUAL_REQUIRED */
#define DER_MUTUAL_REQUIRED 0x20 /* first octet of APOptions */
void back_ap_req(struct back *b, uint8_t options, struct rd ticket,
		 const struct der_sealed *authenticator);
/* out: what was written. 0, or -1: it did not fit. */
int back_done(struct back *b, struct wr *out) __attribute__((warn_unused_result));

#endif
