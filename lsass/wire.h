/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Credentials, principals and match credentials as octets: the big-endian
 * form that KCM messages and version 4 FILE caches share (notes in
 * docs/architecture.md). Parsing gives views; nothing is copied.
 *
 *   data       u32 length, octets
 *   principal  u32 type, u32 ncomp, data realm, data comp...
 *   cred       client, server, keyblock {u16 etype, data}, 4 x u32 times
 *              (auth, start, end, renew), u8 is_skey, u32 ticket flags,
 *              addresses, authdata {u32 n, n x (u16 type, data)}, data
 *              ticket, data second ticket
 */
#ifndef LSASS_WIRE_H
#define LSASS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/rpc.h" /* struct rd, struct wr */

#define WIRE_COMPONENTS_MAX 16 /* components of a principal */

/* A principal: views into octets, which is the whole of it. */
struct wire_princ {
	struct rd octets; /* empty: absent */
	int32_t type;
	uint32_t ncomp;
	struct rd realm;
	struct rd comp[WIRE_COMPONENTS_MAX];
};

/* A credential, or a match credential (mcred) whose absent parts are empty. */
struct wire_cred {
	struct wire_princ client, server;
	int32_t etype;
	struct rd key; /* views the key octets: the caller knows what it touches */
	uint32_t authtime, starttime, endtime, renew_till;
	bool is_skey;
	uint32_t flags;
	struct rd addresses,
	    authdata; /* encoded lists, count included; empty in an mcred: absent */
	struct rd ticket, second_ticket;
};

/*
 * Take one item off the front of in. Return 0, or -1 if malformed; what was
 * filled in before the fault is then meaningless. wire_cred leaves no member
 * unset but the unused places of comp[].
 */
int wire_u8(struct rd *in, uint8_t *value);
int wire_u16(struct rd *in, uint16_t *value);
int wire_u32(struct rd *in, uint32_t *value);
int wire_data(struct rd *in, struct rd *data);
int wire_princ(struct rd *in, struct wire_princ *princ);
int wire_cred(struct rd *in, struct wire_cred *cred);
int wire_mcred(struct rd *in, struct wire_cred *match);
/* A name up to and including its NUL; the view is without it. */
int wire_name(struct rd *in, struct rd *name);

/* Numbers in place, for lengths and times inside octets we already parsed. */
uint32_t wire_get_u32(const uint8_t at[4]);
void wire_set_u32(uint8_t at[4], uint32_t value);

/* data is exactly the octets of text. */
bool wire_is(struct rd data, const char *text);

/* Same realm and components; the name type does not count. */
bool wire_princ_equal(const struct wire_princ *a, const struct wire_princ *b);
/* Same components; the realm does not count. */
bool wire_princ_same_name(const struct wire_princ *a, const struct wire_princ *b);

/* Hash of realm and components for tables, seeded per process; not secret. */
uint64_t wire_princ_hash(const struct wire_princ *princ);

/* user/host@REALM for people, RFC 1964 quoting; always ends with NUL. */
void wire_princ_text(const struct wire_princ *princ, char *text, size_t n);

/* server is krb5_ccache_conf_data/...@X-CACHECONF: */
bool wire_is_config(const struct wire_princ *server);

/*
 * The broker's own reading of the TGT-class rule, by name alone: used to
 * decide what to absorb at STORE and what to mask. Same rule as lsaiso
 * applies to decrypted names: withheld if any component contains "krbtgt"
 * in any case, if the first is "kadmin", if there are fewer than two
 * components (unless is_skey), or if a component has an octet outside
 * printable ASCII, or one of @ \. Config entries are not TGT-class.
 */
bool wire_is_tgt_class(const struct wire_princ *server, bool is_skey);

/*
 * DER of crealm [1] and cname [2] (RFC 4120 5.5.1), as lsaiso wants its
 * client field. Name type UNKNOWN (old MIT clients) is written as PRINCIPAL,
 * so that cache and credential, which may differ in it, give the same octets.
 * Returns the length, 0 if it does not fit n octets.
 */
size_t wire_client_der(const struct wire_princ *client, uint8_t *der, size_t n);

#endif
