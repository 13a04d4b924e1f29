/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the octets that the broker keeps (lsass/wire.h) and the structs of
 * libkrb5. Used by lsass/tgs only. What goes in are views: libkrb5 copies
 * what it keeps. What comes out is owned octets.
 */
#ifndef LSASS_TGS_CREDS_H
#define LSASS_TGS_CREDS_H

#include <krb5.h>

#include "lsass/tgs/der.h"
#include "lsass/wire.h"

#define CREDS_ADDRESSES_MAX 16 /* of one ticket; more: the request is without */

/* A principal of libkrb5 whose octets belong to someone else. Do not free. */
struct creds_princ {
	krb5_principal_data princ;
	krb5_data comp[WIRE_COMPONENTS_MAX];
};

/* A credential of libkrb5 whose octets belong to someone else. Do not free. */
struct creds_view {
	krb5_creds creds;
	struct creds_princ client, server;
	krb5_address address[CREDS_ADDRESSES_MAX];
	krb5_address *addresses[CREDS_ADDRESSES_MAX + 1];
};

/*
 * Views for libkrb5; view must not move afterwards. Return 0, or -1 if the
 * octets are malformed or more than one thing.
 */
int creds_view_princ(struct rd octets, struct creds_princ *view)
    __attribute__((warn_unused_result));
int creds_view_cred(struct rd octets, struct creds_view *view) __attribute__((warn_unused_result));

krb5_data creds_data(struct rd octets); /* not to be written to nor freed */
struct rd creds_rd(const krb5_data *data);

/* Octets that creds_put_* made: malloc; may hold a service key. */
struct creds_octets {
	uint8_t *at;
	size_t len;
};
void creds_free(struct creds_octets *octets); /* wipes */

/*
 * plain under a key.
 *
 * cipher  out, owned; sealed views it
 * Returns 0, ENOMEM, or of krb5_c_*.
 */
krb5_error_code creds_seal(krb5_context ctx, const krb5_keyblock *key, krb5_keyusage usage,
			   struct rd plain, struct creds_octets *cipher, struct der_sealed *sealed)
    __attribute__((warn_unused_result));

/*
 * A credential as octets. Return 0, or -1: no memory, a part that does not
 * fit the format.
 */
int creds_put(const krb5_creds *creds, struct creds_octets *octets)
    __attribute__((warn_unused_result));
/* The same of a ticket that came by, from its EncTGSRepPart: no addresses. */
int creds_put_part(struct rd client, const struct der_part *part, struct rd ticket,
		   struct creds_octets *octets) __attribute__((warn_unused_result));

#endif
