/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The local KDC endpoint: to the programs of this machine it is the KDC of
 * every realm. TCP and UDP on loopback addresses, and a UNIX socket.
 *
 * A request made with a stand-in that we gave out is made anew by lsaiso with
 * the real key; the answer comes back under the stand-in. Everything else
 * goes to the realm's KDC and back as it is (lsass/realm).
 */
#ifndef LSASS_FRONT_KDC_KDC_H
#define LSASS_FRONT_KDC_KDC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct kdc;
struct keytab;
struct logons;
struct loop;
struct real;
struct store;

/* What the endpoint works with; all of it outlives it. */
struct kdc_view {
	const struct config *cf;
	struct store *store;
	struct keytab *keytab;
	struct logons *logons;
	struct real *real;
	int diag_fd; /* NETLINK_SOCK_DIAG, non-blocking; -1: none */
};

/*
 * Serve n sockets, the first of which is first_fd: streams that listen
 * and datagram sockets (made non-blocking; they stay the caller's). NULL with errno.
 */
struct kdc *kdc_start(struct loop *lo, int first_fd, size_t n, const struct kdc_view *view);
void kdc_stop(struct kdc *kd); /* cuts all clients off */

/* For status. */
struct kdc_counts {
	uint64_t requests;   /* that came */
	uint64_t relayed;    /* as they were */
	uint64_t translated; /* TGS and AS with a stand-in, answered */
	uint64_t refused;    /* by us: another user's, policy, no proof */
	uint64_t failed;     /* no KDC answered, or garbage */
	uint64_t strangers;  /* requests of whom the uid could not be told */
	uint32_t clients;    /* connected now */
	uint32_t waiting;    /* requests that wait for a KDC now */
	uint32_t queued;     /* and that wait for their turn */
};
void kdc_count(const struct kdc *kd, struct kdc_counts *counts);
/*
 * What the socket of that index is: "127.0.0.1:88 TCP", "/run/kdc UNIX".
 * Returns false: there is none.
 */
bool kdc_socket_name(const struct kdc *kd, size_t i, char *text, size_t n);

#endif
