/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A strict DER cursor over octets of others, and a small writer.
 *
 * Reading moves a struct rd forward; views point into it. Single-octet tags,
 * definite minimal lengths, minimal integers; anything else is ISO_E_DER. A
 * function that fails leaves the cursor anywhere: give the message up.
 */
#ifndef LSAISO_DER_H
#define LSAISO_DER_H

#include <stdbool.h>

#include "rpc/rpc.h"

#define DER_INTEGER    0x02u
#define DER_BIT_STRING 0x03u
#define DER_OCTETS     0x04u
#define DER_TIME       0x18u /* GeneralizedTime */
#define DER_STRING     0x1bu /* GeneralString */
#define DER_SEQUENCE   0x30u
#define DER_CONTEXT(n) ((uint8_t)(0xa0u + (n))) /* [n], constructed */
#define DER_APP(n)     ((uint8_t)(0x60u + (n))) /* [APPLICATION n], constructed */

/* Take one element of this tag; value: its contents. */
enum iso_status der_take(struct rd *in, uint8_t tag, struct rd *value)
    __attribute__((warn_unused_result));

/* Is this the next tag? */
bool der_next(struct rd in, uint8_t tag);

/* ISO_OK when nothing is left. */
enum iso_status der_end(struct rd in) __attribute__((warn_unused_result));

/*
 * Take context tag [n] that holds exactly one element of this tag:
 * the explicit tagging of RFC 4120. value: contents of the inner one.
 */
enum iso_status der_field(struct rd *in, unsigned int n, uint8_t tag, struct rd *value)
    __attribute__((warn_unused_result));

/* The same with an INTEGER of -2^31..2^32-1: Int32 and UInt32 of RFC 4120. */
enum iso_status der_field_int(struct rd *in, unsigned int n, int64_t *value)
    __attribute__((warn_unused_result));

/* The same with a KerberosTime, as seconds since 1970. */
enum iso_status der_field_time(struct rd *in, unsigned int n, int64_t *value)
    __attribute__((warn_unused_result));

/* The same with 32 flags, bit 0 of RFC 4120 the highest. */
enum iso_status der_field_flags(struct rd *in, unsigned int n, uint32_t *flags)
    __attribute__((warn_unused_result));

/* Skip optional [n]: any one element inside. */
enum iso_status der_skip(struct rd *in, unsigned int n) __attribute__((warn_unused_result));

/* One INTEGER as der_field_int, without the explicit tag. */
enum iso_status der_int(struct rd *in, int64_t *value) __attribute__((warn_unused_result));

/* A PrincipalName; strings: the elements of name-string, each well-formed. */
struct der_name {
	int64_t type;
	uint32_t count;
	struct rd strings;
};

/* Take [n] PrincipalName, RFC 4120 section 5.2.2. */
enum iso_status der_field_name(struct rd *in, unsigned int n, struct der_name *name)
    __attribute__((warn_unused_result));

/* ---- writing: backwards, so that each length is known when it is due */

/* at: the octet written last; left: room before it. Full: at is NULL. */
struct derw {
	uint8_t *at;
	size_t left;
};

/* A writer that ends where out ends. */
struct derw derw_start(struct wr out);
void derw_octets(struct derw *w, struct rd octets);
void derw_int(struct derw *w, int64_t value);
void derw_time(struct derw *w, int64_t seconds);
/* Close an element whose contents began (that is, end) at end. */
void derw_head(struct derw *w, uint8_t tag, const uint8_t *end);

#endif
