/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses of a realm's KDCs, kept for a minute. Names are looked up by
 * threads of this room's own, so that a DNS server that is silent stops nobody.
 */
#ifndef LSASS_REALM_LOCATE_H
#define LSASS_REALM_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lsass/realm/servers.h"
#include "rpc/rpc.h"

#define LOCATE_REALM_MAX  256 /* octets of a realm's name, with a NUL */
#define LOCATE_PLACES_MAX 32  /* addresses of a realm's KDCs */
#define LOCATE_TEXT_MAX	  1024

struct config;
struct locate;

struct place {
	struct sockaddr_storage to;
	socklen_t len;
	enum server_by by;
};

struct found {
	bool named;   /* krb5.conf has servers of it, if only such as we do not speak to */
	int32_t code; /* 0, KRB5_REALM_UNKNOWN, KRB5_REALM_CANT_RESOLVE or of krb5.conf */
	size_t n;
	struct place at[LOCATE_PLACES_MAX]; /* in the order in which they are to be asked */
	size_t udp_limit;		    /* octets; longer messages go by TCP first */
	char text[LOCATE_TEXT_MAX];	    /* code 0: "HOST:PORT (krb5.conf), ..."; else why */
};

/*
 * ready  out: readable when something was found since locate_seen; it is not the caller's
 * NULL with errno.
 */
struct locate *locate_start(const struct config *cf, int *ready);
void locate_stop(struct locate *lc); /* waits a second for DNS, not longer */
void locate_seen(struct locate *lc);

/*
 * What is known of a realm.
 *
 *   LOCATE_FOUND  found is filled in
 *   LOCATE_LATER  it is being looked up: ask again when there is something
 *   LOCATE_FULL   too many realms are being looked up
 */
enum locate_answer { LOCATE_FOUND, LOCATE_LATER, LOCATE_FULL };
enum locate_answer locate_get(struct locate *lc, const char *realm, struct found *found);
/*
 * For status: the i-th realm that is named in krb5.conf or has KDCs, in no order; nothing is
 * looked up. False: there are no more.
 */
bool locate_at(struct locate *lc, size_t i, char *realm, size_t n, struct found *found);

#endif
