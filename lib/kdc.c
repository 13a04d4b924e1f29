/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/kdc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"

#define WORD_MAX 64

bool
kdc_is_loopback(const struct sockaddr *addr)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;

	if (addr->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (addr->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(v6) ||
	       (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
}

void
kdc_address_text(const struct sockaddr *addr, char *text, size_t n)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;
	char host[INET6_ADDRSTRLEN] = "";

	text[0] = '\0';
	if (addr->sa_family == AF_INET &&
	    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)) != NULL)
		(void)snprintf(text, n, "%s:%u", host, ntohs(v4->sin_port));
	if (addr->sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)) != NULL)
		(void)snprintf(text, n, "[%s]:%u", host, ntohs(v6->sin6_port));
}

/* Decimal digits, 1 to 65535; 0: something else. */
static uint16_t
read_port(const char *text)
{
	unsigned long port;

	if (text[0] == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return 0;
	port = strtoul(text, NULL, 10);
	return port <= 65535 ? (uint16_t)port : 0;
}

/* HOST:PORT or [HOST]:PORT, taken apart in word. False: it has no such form. */
static bool
read_address(char *word, struct kdc_address *ka)
{
	struct sockaddr_in *v4 = (void *)&ka->addr;
	struct sockaddr_in6 *v6 = (void *)&ka->addr;
	bool six = word[0] == '[';
	char *colon = strrchr(word, ':'), *end = six ? strchr(word, ']') : colon;
	uint16_t port;

	memset(ka, 0, sizeof(*ka));
	if (colon == NULL || end == NULL || (six && end + 1 != colon))
		return false;
	*end = '\0';
	port = read_port(colon + 1);
	if (six) {
		ka->len = sizeof(*v6);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return inet_pton(AF_INET6, word + 1, &v6->sin6_addr) == 1 && port != 0 &&
		       !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
	}
	ka->len = sizeof(*v4);
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	return inet_pton(AF_INET, word, &v4->sin_addr) == 1 && port != 0;
}

int
kdc_addresses(const struct config *cf, struct kdc_address *list, char *error, size_t n)
{
	const char *at = cf->kdc_listen;
	int got = 0;

	for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
		size_t len = strcspn(at, " \t");
		struct kdc_address *ka = &list[got];
		char word[WORD_MAX];

		if (got == KDC_LISTEN_MAX) {
			(void)snprintf(error, n, "[kdc] listen has more than %d addresses",
				       KDC_LISTEN_MAX);
			return -1;
		}
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
		if (len >= sizeof(word) || !read_address(word, ka)) {
			(void)snprintf(error, n,
				       "[kdc] listen: \"%.*s\" is no address with a port: "
				       "127.0.0.1:88, say, or [::1]:88",
				       len < 120 ? (int)len : 120, at);
			return -1;
		}
		kdc_address_text((const struct sockaddr *)&ka->addr, ka->text, sizeof(ka->text));
		if (!kdc_is_loopback((const struct sockaddr *)&ka->addr)) {
			(void)snprintf(error, n,
				       "[kdc] listen: %s is no loopback address; whoever reaches "
				       "the endpoint can have requests made there, so it is for "
				       "this machine only: 127.0.0.1 or ::1",
				       ka->text);
			return -1;
		}
		for (int i = 0; i < got; i++) {
			if (strcmp(list[i].text, ka->text) == 0) {
				(void)snprintf(error, n, "[kdc] listen names %s twice", ka->text);
				return -1;
			}
		}
		got++;
		at += len;
	}
	return got;
}
