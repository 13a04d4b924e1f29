/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of a realm's servers as krb5.conf and DNS have them, by the rules
 * of libkrb5 1.20. May wait for DNS: never in the loop.
 *
 * Not spoken: HTTPS (MS-KKDCP), the UNIX sockets of libkrb5 1.22, and locate
 * plug-ins; such entries are counted, not used.
 */
#ifndef LSASS_REALM_SERVERS_H
#define LSASS_REALM_SERVERS_H

#include <profile.h>
#include <stdbool.h>
#include <stddef.h>

#include "rpc/rpc.h"

#define SERVERS_MAX	16
#define SERVERS_ANSWER	8 /* of one answer of a DNS server */
#define SERVER_HOST_MAX 256

enum server_by { SERVER_ANY, SERVER_UDP, SERVER_TCP };

struct server {
	char host[SERVER_HOST_MAX];
	char port[8];
	enum server_by by;
};

struct servers {
	struct server at[SERVERS_MAX];
	size_t n;
	size_t others; /* that are not spoken to */
};

/*
 * host, host:port, [v6], [v6]:port, a bare v6 address; what follows a blank is
 * not looked at. port is what it has without one.
 * Returns false: it is none, or is not spoken to.
 */
bool server_parse(const char *text, const char *port, struct server *to)
    __attribute__((warn_unused_result));

/* [realms] realm key of krb5.conf, appended. any_port: a port there counts, else port does. */
void servers_profile(profile_t profile, const char *realm, const char *key, const char *port,
		     bool any_port, struct servers *list);
/* libkrb5's defaults are yes for both. */
bool servers_use_dns(profile_t profile);
bool servers_use_uri(profile_t profile);
/*
 * DNS, appended: SRV _service._proto.REALM, and URI _service.REALM ("krb5srv:FLAGS:BY:HOST").
 * In order of priority, and among equals as RFC 2782 has it by weight.
 */
void servers_srv(const char *realm, const char *service, enum server_by by, struct servers *list);
void servers_uri(const char *realm, const char *service, const char *port, struct servers *list);

/* The same from an answer of a DNS server, for both and for tests. */
void servers_read_srv(struct rd answer, enum server_by by, struct servers *list);
void servers_read_uri(struct rd answer, const char *port, struct servers *list);

#endif
