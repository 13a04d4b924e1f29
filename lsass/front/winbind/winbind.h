/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The winbind front: what libwbclient asks winbindd, for the programs that
 * have NTLM through it (ntlm_auth --use-cached-creds, gss-ntlmssp). What this
 * front does not know itself goes to a real winbindd, if there is one.
 *
 * Native structs of Samba: a request of fixed size, then its extra_len octets
 * more; a response of WB_RESPONSE octets, then length - WB_RESPONSE more. The
 * size and a few numbers differ by the version of the interface (layout.c);
 * each socket speaks one. Callers are known by SO_PEERCRED: the uid and pid in
 * a request are nobody's word. A connection stays open.
 */
#ifndef LSASS_FRONT_WINBIND_WINBIND_H
#define LSASS_FRONT_WINBIND_WINBIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct control_table;
struct logons;
struct loop;
struct ntlm;
struct winbind;

/* What the front works with; all stays the caller's. */
struct winbind_view {
	const struct config *cf;
	const struct control_table *table; /* the versions of the sockets */
	struct logons *logons;
	struct ntlm *ntlm;
};

/* Serve the sockets of [winbind], from first_fd on. NULL with errno. None: it does nothing. */
struct winbind *winbind_start(struct loop *lo, int first_fd, const struct winbind_view *view);
void winbind_stop(struct winbind *wb); /* cuts all clients off; the sockets stay open */

/* ---- for lsactl status */

struct winbind_socket_stats {
	const char *path;
	uint32_t version, clients;
};
/* Of the socket of that index; false: there is none. */
bool winbind_socket_stats(const struct winbind *wb, size_t i, struct winbind_socket_stats *stats);

struct winbind_stats {
	uint64_t answered; /* requests, by us */
	uint64_t passed;   /* on to the real winbindd */
	bool real_answers; /* somebody listens there now */
	char real_why[96]; /* why it was of no use at the last try; "" */
};
void winbind_stats(const struct winbind *wb, struct winbind_stats *stats);

#endif
