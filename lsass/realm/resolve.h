/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The look-up of one realm's KDCs, as a worker of locate.c does it. It waits for DNS. */
#ifndef LSASS_REALM_RESOLVE_H
#define LSASS_REALM_RESOLVE_H

#include "lib/kdc.h"
#include "lsass/realm/locate.h"
#include "lsass/tgs/context.h"

/* Addresses of this machine's own endpoint. */
struct own {
	size_t n;
	struct sockaddr_storage at[KDC_LISTEN_MAX];
};

/* Those of [kdc] listen; none where it is not right, for then nothing listens. */
void own_read(struct own *own, const struct config *cf);
bool own_has(const struct own *own, const struct sockaddr_storage *one);

/*
 * co is the worker's; files as in context_get.
 * Returns false, with nothing found: krb5.conf says nothing, and dns is false.
 */
bool resolve(struct context *co, const char *files, const struct own *own, const char *realm,
	     bool dns, struct found *found) __attribute__((warn_unused_result));

#endif
