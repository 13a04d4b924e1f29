/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A strict DER cursor over octets of others, and a small writer.
 *
 * Single-octet tags, definite minimal lengths, minimal integers. Every cursor
 * into one message shares one flag: after the first thing that is not as it
 * should be, *bad is true, every read gives nothing and every cursor is at
 * its end. So a message is read straight through and judged once.
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

struct der {
	struct rd rest;
	bool *bad;
};

/* Take one element of this tag; returns a cursor over its contents. */
struct der der_take(struct der *in, uint8_t tag);

/* Is this the next tag? */
bool der_next(const struct der *in, uint8_t tag);

/* Nothing may be left. */
void der_end(const struct der *in);

/*
 * Take context tag [n] that holds exactly one element of this tag: the
 * explicit tagging of RFC 4120. Returns the contents of the inner one.
 */
struct der der_field(struct der *in, unsigned int n, uint8_t tag);

/* Skip optional [n]: any one element inside. */
void der_skip(struct der *in, unsigned int n);

/* One INTEGER of -2^31..2^32-1: Int32 and UInt32 of RFC 4120; as [n]. */
int64_t der_int(struct der *in);
int64_t der_field_int(struct der *in, unsigned int n);

/* [n] KerberosTime (RFC 4120 5.2.3), as seconds since 1970. */
int64_t der_field_time(struct der *in, unsigned int n);

/* The same if it is there, else 0. */
int64_t der_maybe_time(struct der *in, unsigned int n);

/* [n] with 32 flags, bit 0 of RFC 4120 the highest. */
uint32_t der_field_flags(struct der *in, unsigned int n);

/* A PrincipalName; strings: the elements of name-string, each well-formed. */
struct der_name {
	int64_t type;
	uint32_t count;
	struct rd strings;
};

/* [n] PrincipalName, RFC 4120 section 5.2.2. */
struct der_name der_field_name(struct der *in, unsigned int n);

/* ---- KerberosTime: YYYYMMDDHHMMSSZ, years 1970..9999 */

#define KRBTIME_LEN 15u

/* Seconds since 1970, or -1 when text is not a time. */
int64_t krbtime_read(struct rd text);

/* The range's nearest end when seconds is outside of it. */
void krbtime_write(int64_t seconds, uint8_t text[KRBTIME_LEN]);

/* ---- writing: backwards, so that each length is known when it is due */

/* at: the octet written last; left: room before it. Full: at is NULL. */
struct derw {
	uint8_t *at;
	size_t left;
};

void derw_octets(struct derw *w, struct rd octets);
void derw_int(struct derw *w, int64_t value);
/* Close an element whose contents, read forwards, end at end. */
void derw_head(struct derw *w, uint8_t tag, const uint8_t *end);

/* [n] with one INTEGER, OCTET STRING, KerberosTime in it. */
void derw_field_int(struct derw *w, unsigned int n, int64_t value);
void derw_field_octets(struct derw *w, unsigned int n, struct rd octets);
void derw_field_time(struct derw *w, unsigned int n, int64_t seconds);

/* [n] with the shape that EncryptionKey, Checksum and HostAddress share: type [0], octets [1]. */
void derw_field_typed(struct derw *w, unsigned int n, int64_t type, struct rd octets);

#endif
