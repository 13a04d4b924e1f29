/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "lsass/realm/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PORT	      "88"  /* RFC 4120 7.2.3 */
#define UDP_LIMIT     1465  /* udp_preference_limit of libkrb5 */
#define UDP_LIMIT_MAX 32700 /* and what it never goes beyond */

/* ---- our own endpoint */

/* The address that a connection to this one has: 0.0.0.0 and :: are loopback, ::ffff:V4 is V4. */
static void
plain(const struct sockaddr_storage *one, struct sockaddr_storage *to)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four = { .sin_family = AF_INET };

	memset(to, 0, sizeof(*to));
	if (one->ss_family == AF_INET) {
		memcpy(&four, one, sizeof(four));
	} else {
		memcpy(&six, one, sizeof(six));
		if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
			if (IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr))
				six.sin6_addr = in6addr_loopback;
			six.sin6_flowinfo = six.sin6_scope_id = 0;
			memcpy(to, &six, sizeof(six));
			return;
		}
		four.sin_port = six.sin6_port;
		memcpy(&four.sin_addr, &six.sin6_addr.s6_addr[12], 4);
	}
	if (four.sin_addr.s_addr == htonl(INADDR_ANY))
		four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(four.sin_zero, 0, sizeof(four.sin_zero));
	memcpy(to, &four, sizeof(four));
}

void
own_read(struct own *own, const struct config *cf)
{
	struct kdc_address list[KDC_LISTEN_MAX];
	char error[256];
	int n = kdc_addresses(cf, list, error, sizeof(error));

	memset(own, 0, sizeof(*own));
	for (int i = 0; i < n; i++)
		plain(&list[i].addr, &own->at[own->n++]);
}

bool
own_has(const struct own *own, const struct sockaddr_storage *one)
{
	struct sockaddr_storage as;

	plain(one, &as);
	for (size_t i = 0; i < own->n; i++) {
		if (memcmp(&own->at[i], &as, sizeof(as)) == 0)
			return true;
	}
	return false;
}

/* ---- looking up */

struct search {
	const struct own *own;
	const char *realm, *where; /* the names came from */
	struct servers servers;
	struct found *found;
	bool dns, uri; /* is to be asked, for URI records */
	size_t ours;   /* addresses that are our own endpoint's */
	size_t text;   /* octets of found->text */
};

static void __attribute__((format(printf, 2, 3))) say(struct search *se, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(se->found->text + se->text, sizeof(se->found->text) - se->text, format, args);
	va_end(args);
	if (n > 0)
		se->text += (size_t)n;
	if (se->text >= sizeof(se->found->text))
		se->text = sizeof(se->found->text) - 1;
}

static void
fail(struct search *se, int32_t code)
{
	se->found->code = code;
	se->found->n = 0;
	se->text = 0;
	se->found->text[0] = '\0';
}

/* Every address of one name. */
static void
add_places(struct search *se, const struct server *server)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	struct found *found = se->found;
	size_t before = found->n;

	/* Loopback alone counts as no address for AI_ADDRCONFIG. */
	if (getaddrinfo(server->host, server->port, &hints, &list) != 0) {
		hints.ai_flags = AI_NUMERICSERV;
		if (getaddrinfo(server->host, server->port, &hints, &list) != 0)
			return;
	}
	for (struct addrinfo *at = list; at != NULL && found->n < LOCATE_PLACES_MAX;
	     at = at->ai_next) {
		struct place *place = &found->at[found->n];

		if (at->ai_addrlen > sizeof(place->to) ||
		    (at->ai_family != AF_INET && at->ai_family != AF_INET6))
			continue;
		memset(place, 0, sizeof(*place));
		memcpy(&place->to, at->ai_addr, at->ai_addrlen);
		place->len = at->ai_addrlen;
		place->by = server->by;
		if (own_has(se->own, &place->to))
			se->ours++;
		else
			found->n++;
	}
	freeaddrinfo(list);
	if (found->n > before)
		say(se, strchr(server->host, ':') != NULL ? "%s[%s]:%s%s (%s)" : "%s%s:%s%s (%s)",
		    se->text > 0 ? ", " : "", server->host, server->port,
		    server->by == SERVER_TCP   ? "/tcp"
		    : server->by == SERVER_UDP ? "/udp"
					       : "",
		    se->where);
}

static size_t
udp_limit(profile_t profile)
{
	int value = UDP_LIMIT;

	if (profile_get_integer(profile, "libdefaults", "udp_preference_limit", NULL, UDP_LIMIT,
				&value) != 0 ||
	    value < 0)
		value = UDP_LIMIT;
	return value > UDP_LIMIT_MAX ? UDP_LIMIT_MAX : (size_t)value;
}

/* What krb5.conf says, all of it: libkrb5 may be no more when DNS has answered at last. */
static void
read_profile(struct search *se, profile_t profile)
{
	se->where = "krb5.conf";
	servers_profile(profile, se->realm, "kdc", PORT, true, &se->servers);
	se->found->named = se->servers.n > 0 || se->servers.others > 0;
	se->found->udp_limit = udp_limit(profile);
	se->dns = servers_use_dns(profile);
	se->uri = servers_use_uri(profile);
}

static void
ask_dns(struct search *se)
{
	struct servers *list = &se->servers;

	se->where = "DNS";
	if (se->uri)
		servers_uri(se->realm, "_kerberos", PORT, list);
	if (list->n == 0 && list->others == 0) {
		servers_srv(se->realm, "_kerberos", SERVER_UDP, list);
		servers_srv(se->realm, "_kerberos", SERVER_TCP, list);
	}
}

static void
no_name(struct search *se)
{
	fail(se, se->found->named ? KRB5_CONFIG_BADFORMAT : KRB5_REALM_UNKNOWN);
	if (se->servers.others > 0)
		say(se,
		    "the KDCs of %s in %s are reached by HTTPS or sockets, "
		    "which lsass does not speak",
		    se->realm, se->where);
	else
		say(se, "no KDC of %s is in krb5.conf, and DNS %s", se->realm,
		    se->dns ? "names none" : "is not asked (dns_lookup_kdc)");
}

static void
no_place(struct search *se)
{
	if (se->ours > 0) {
		fail(se, KRB5_CONFIG_BADFORMAT);
		say(se,
		    "only this machine's own endpoint is known as a KDC of %s: "
		    "see lsaiso-kdc(7), lsactl setup",
		    se->realm);
		return;
	}
	fail(se, KRB5_REALM_CANT_RESOLVE);
	say(se, "the KDCs of %s in %s have no address:", se->realm, se->where);
	for (size_t i = 0; i < se->servers.n; i++)
		say(se, " %s", se->servers.at[i].host);
}

bool
resolve(struct context *co, const char *files, const struct own *own, const char *realm, bool dns,
	struct found *found)
{
	struct search se = { .own = own, .realm = realm, .where = "", .found = found };
	profile_t profile = NULL;
	krb5_error_code code;

	memset(found, 0, sizeof(*found));
	code = context_get(co, files, 0);
	if (code == 0)
		code = krb5_get_profile(co->ctx, &profile);
	if (code != 0) {
		fail(&se, code);
		say(&se, "krb5.conf cannot be read: %s", error_message(code));
		return true;
	}
	read_profile(&se, profile);
	profile_release(profile);
	if (!found->named && se.dns) {
		if (!dns)
			return false;
		ask_dns(&se);
	}
	for (size_t i = 0; i < se.servers.n; i++)
		add_places(&se, &se.servers.at[i]);
	if (se.servers.n == 0)
		no_name(&se);
	else if (found->n == 0)
		no_place(&se);
	return true;
}
