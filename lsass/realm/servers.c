/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "lsass/realm/servers.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define TYPE_URI 256 /* RFC 7553 */
#define DNS_MAX	 4096
#define HEADS	 32 /* records of one answer that are looked at */

/* ---- krb5.conf */

bool
server_parse(const char *text, const char *port, struct server *to)
{
	const char *host = text, *end, *after;
	size_t n = strcspn(text, " \t"), digits;

	end = text + n;
	if (n == 0 || memchr(text, '/', n) != NULL)
		return false; /* a socket, or https */
	if (text[0] == '[') {
		host++;
		after = memchr(host, ']', n - 1);
		if (after == NULL)
			return false;
		n = (size_t)(after++ - host);
	} else {
		after = memchr(text, ':', n);
		if (after != NULL && memchr(after + 1, ':', (size_t)(end - after - 1)) != NULL)
			after = end; /* a bare v6 address */
		n = (size_t)((after != NULL ? after : end) - host);
	}
	if (n == 0 || n >= sizeof(to->host))
		return false;
	if (after != NULL && after < end) {
		digits = (size_t)(end - after - 1);
		if (*after != ':' || digits == 0 || digits > 5 ||
		    strspn(after + 1, "0123456789") < digits)
			return false;
		(void)snprintf(to->port, sizeof(to->port), "%.*s", (int)digits, after + 1);
	} else {
		(void)snprintf(to->port, sizeof(to->port), "%s", port);
	}
	memcpy(to->host, host, n);
	to->host[n] = '\0';
	to->by = SERVER_ANY;
	return true;
}

void
servers_profile(profile_t profile, const char *realm, const char *key, const char *port,
		bool any_port, struct servers *list)
{
	const char *const names[] = { "realms", realm, key, NULL };
	char **values = NULL;

	if (profile_get_values(profile, (const char **)(uintptr_t)names, &values) != 0)
		return;
	for (char **at = values; *at != NULL && list->n < SERVERS_MAX; at++) {
		struct server *to = &list->at[list->n];

		if (!server_parse(*at, port, to)) {
			list->others++;
			continue;
		}
		if (!any_port)
			(void)snprintf(to->port, sizeof(to->port), "%s", port);
		list->n++;
	}
	profile_free_list(values);
}

static bool
yes(profile_t profile, const char *key)
{
	int value = 1;

	return profile_get_boolean(profile, "libdefaults", key, NULL, 1, &value) != 0 || value != 0;
}

bool
servers_use_dns(profile_t profile)
{
	return yes(profile, "dns_lookup_kdc");
}

bool
servers_use_uri(profile_t profile)
{
	return yes(profile, "dns_uri_lookup");
}

/* ---- DNS */

/* What orders the records of an answer, and where in it each is. */
struct head {
	unsigned int priority, weight;
	struct server server;
};

struct heads {
	struct head at[HEADS];
	size_t n;
};

static uint32_t
below(uint32_t limit)
{
	uint32_t value = 0;

	/* For the sharing of load only. */
	if (limit == 0 || getrandom(&value, sizeof(value), GRND_NONBLOCK) < 0)
		return 0;
	return value % limit;
}

/* Of those of the lowest priority one, with its weight as its chance (RFC 2782). */
static size_t
choose(const struct heads *he)
{
	unsigned int lowest = UINT32_MAX;
	uint32_t sum = 0, at;

	for (size_t i = 0; i < he->n; i++) {
		if (he->at[i].priority < lowest) {
			lowest = he->at[i].priority;
			sum = 0;
		}
		if (he->at[i].priority == lowest)
			sum += he->at[i].weight;
	}
	at = below(sum + 1);
	for (size_t i = 0; i < he->n; i++) {
		if (he->at[i].priority != lowest)
			continue;
		if (at <= he->at[i].weight)
			return i;
		at -= he->at[i].weight;
	}
	return 0;
}

static void
append_in_order(struct heads *he, struct servers *list)
{
	size_t end = list->n + SERVERS_ANSWER;

	while (he->n > 0 && list->n < SERVERS_MAX && list->n < end) {
		size_t i = choose(he);

		list->at[list->n++] = he->at[i].server;
		he->n--;
		memmove(&he->at[i], &he->at[i + 1], (he->n - i) * sizeof(he->at[0]));
	}
}

/* priority, weight, port, target. False: it names no server. */
static bool
read_srv(ns_msg msg, const ns_rr *rr, struct head *to)
{
	const uint8_t *at = ns_rr_rdata(*rr);
	struct server *server = &to->server;

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_rdlen(*rr) < 7)
		return false;
	to->priority = ns_get16(at);
	to->weight = ns_get16(at + 2);
	(void)snprintf(server->port, sizeof(server->port), "%u", ns_get16(at + 4));
	return dn_expand(ns_msg_base(msg), ns_msg_end(msg), at + 6, server->host,
			 sizeof(server->host)) > 0 &&
	       server->host[0] != '\0';
}

/* FLAGS:BY:HOST after "krb5srv:". False: it is another scheme, or broken. */
static bool
read_residual(const char *text, const char *port, struct server *to, bool *other)
{
	const char *by = strchr(text, ':'), *host = by != NULL ? strchr(by + 1, ':') : NULL;
	size_t n;

	if (host == NULL)
		return false;
	n = (size_t)(host - ++by);
	host++;
	*other = n == 5 && strncasecmp(by, "kkdcp", n) == 0;
	if (n != 3 || !server_parse(host, port, to))
		return false;
	if (strncasecmp(by, "udp", n) == 0)
		to->by = SERVER_UDP;
	else if (strncasecmp(by, "tcp", n) == 0)
		to->by = SERVER_TCP;
	else
		return false;
	return true;
}

/* priority, weight, URI (RFC 7553) */
static bool
read_uri(const ns_rr *rr, const char *port, struct head *to, bool *other)
{
	const uint8_t *at = ns_rr_rdata(*rr);
	const char scheme[] = "krb5srv:";
	char text[SERVER_HOST_MAX + 64];
	size_t n = ns_rr_rdlen(*rr);

	*other = false;
	if ((int)ns_rr_type(*rr) != TYPE_URI || n <= 4 || n - 4 >= sizeof(text))
		return false;
	n -= 4;
	to->priority = ns_get16(at);
	to->weight = ns_get16(at + 2);
	memcpy(text, at + 4, n);
	text[n] = '\0';
	return strlen(text) == n && strncasecmp(text, scheme, sizeof(scheme) - 1) == 0 &&
	       read_residual(text + sizeof(scheme) - 1, port, &to->server, other);
}

void
servers_read_srv(struct rd answer, enum server_by by, struct servers *list)
{
	struct heads he = { .n = 0 };
	ns_msg msg;
	ns_rr rr;

	if (answer.len > DNS_MAX || ns_initparse(answer.at, (int)answer.len, &msg) != 0)
		return;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an) && he.n < HEADS; i++) {
		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			break;
		if (!read_srv(msg, &rr, &he.at[he.n]))
			continue;
		he.at[he.n++].server.by = by;
	}
	append_in_order(&he, list);
}

void
servers_read_uri(struct rd answer, const char *port, struct servers *list)
{
	struct heads he = { .n = 0 };
	bool other;
	ns_msg msg;
	ns_rr rr;

	if (answer.len > DNS_MAX || ns_initparse(answer.at, (int)answer.len, &msg) != 0)
		return;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an) && he.n < HEADS; i++) {
		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			break;
		he.n += read_uri(&rr, port, &he.at[he.n], &other);
		list->others += other;
	}
	append_in_order(&he, list);
}

/* Realms come from clients: only what can be a name of a host is asked for. */
static bool
has_name(const char *realm)
{
	return realm[0] != '\0' && realm[0] != '.' &&
	       realm[strspn(realm, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_")] == '\0';
}

static struct rd
query(const char *name, int type, uint8_t answer[DNS_MAX])
{
	struct __res_state res = { 0 };
	int len;

	if (res_ninit(&res) != 0)
		return (struct rd){ answer, 0 };
	len = res_nquery(&res, name, ns_c_in, type, answer, DNS_MAX);
	res_nclose(&res);
	return (struct rd){ answer, len > 0 && len <= DNS_MAX ? (size_t)len : 0 };
}

void
servers_srv(const char *realm, const char *service, enum server_by by, struct servers *list)
{
	char name[NS_MAXDNAME];
	uint8_t answer[DNS_MAX];

	if (!has_name(realm))
		return;
	(void)snprintf(name, sizeof(name), "%s._%s.%s.", service, by == SERVER_TCP ? "tcp" : "udp",
		       realm);
	servers_read_srv(query(name, ns_t_srv, answer), by, list);
}

void
servers_uri(const char *realm, const char *service, const char *port, struct servers *list)
{
	char name[NS_MAXDNAME];
	uint8_t answer[DNS_MAX];

	if (!has_name(realm))
		return;
	(void)snprintf(name, sizeof(name), "%s.%s.", service, realm);
	servers_read_uri(query(name, TYPE_URI, answer), port, list);
}
