/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as a DNS server's answer about a realm's KDCs, and as an entry of
 * krb5.conf: what comes out are names and ports, within their limits.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lsass/realm/resolve.h"
#include "lsass/realm/servers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_one(const struct server *server)
{
	size_t host = strnlen(server->host, sizeof(server->host));
	size_t port = strnlen(server->port, sizeof(server->port));

	if (host == 0 || host == sizeof(server->host) || port == 0 ||
	    port == sizeof(server->port) || strspn(server->port, "0123456789") != port)
		abort();
	if (server->by != SERVER_ANY && server->by != SERVER_UDP && server->by != SERVER_TCP)
		abort();
}

static void
check(const struct servers *list, size_t most)
{
	if (list->n > most)
		abort();
	for (size_t i = 0; i < list->n; i++)
		check_one(&list->at[i]);
}

static void
as_text(const uint8_t *data, size_t size)
{
	struct server server;
	static struct config cf;
	struct own own;
	char *text = malloc(size + 1);

	if (text == NULL)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (server_parse(text, "88", &server))
		check_one(&server);
	cf.kdc_listen = text;
	own_read(&own, &cf);
	if (own.n > KDC_LISTEN_MAX)
		abort();
	for (size_t i = 0; i < own.n; i++) {
		if (!own_has(&own, &own.at[i]))
			abort();
	}
	free(text);
}

/* The octets of an answer with one question and as many records as there are. */
static void
as_records(const uint8_t *data, size_t size)
{
	static const uint8_t front[] = { 0, 1, 0x81, 0x80, 0, 1, 0,  8, 0, 0,
					 0, 0, 1,    'r',  0, 0, 33, 0, 1 };
	struct servers list = { .n = 0 };
	uint8_t *answer = malloc(sizeof(front) + size);

	if (answer == NULL)
		return;
	memcpy(answer, front, sizeof(front));
	memcpy(answer + sizeof(front), data, size);
	servers_read_srv((struct rd){ answer, sizeof(front) + size }, SERVER_UDP, &list);
	check(&list, SERVERS_ANSWER);
	servers_read_uri((struct rd){ answer, sizeof(front) + size }, "88", &list);
	check(&list, SERVERS_MAX);
	free(answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct servers list = { .n = 0 };

	servers_read_srv((struct rd){ data, size }, SERVER_TCP, &list);
	servers_read_uri((struct rd){ data, size }, "88", &list);
	servers_read_srv((struct rd){ data, size }, SERVER_UDP, &list);
	check(&list, SERVERS_MAX);
	as_records(data, size);
	as_text(data, size);
	return 0;
}
