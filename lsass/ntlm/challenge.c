/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a CHALLENGE_MESSAGE names (MS-NLMP 2.2.1.2, 2.2.2.1), for people: of what
 * lsaiso refuses it says nothing back.
 */
#include <string.h>
#include <strings.h>

#include "lib/config.h"
#include "lsass/ntlm/private.h"

#define SIGNATURE	"NTLMSSP" /* with its NUL */
#define TYPE_AT		8
#define CHALLENGE	2
#define INFO_AT		40 /* TargetInfoFields: length, room, offset */
#define AV_END		0
#define AV_NB_COMPUTER	1
#define AV_DNS_COMPUTER 3

static uint32_t
number(const uint8_t *at, size_t n)
{
	uint32_t value = 0;

	for (size_t i = n; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

static struct rd
target_info(struct rd message)
{
	uint32_t len, offset;

	if (message.len < INFO_AT + 8 || memcmp(message.at, SIGNATURE, sizeof(SIGNATURE)) != 0 ||
	    number(message.at + TYPE_AT, 4) != CHALLENGE)
		return (struct rd){ 0 };
	len = number(message.at + INFO_AT, 2);
	offset = number(message.at + INFO_AT + 4, 4);
	if (offset > message.len || len > message.len - offset)
		return (struct rd){ 0 };
	return (struct rd){ message.at + offset, len };
}

struct rd
challenge_server(struct rd message)
{
	struct rd in = target_info(message), server = { 0 };

	while (in.len >= 4) {
		uint32_t id = number(in.at, 2), len = number(in.at + 2, 2);

		if (id == AV_END || len > in.len - 4)
			break;
		/* One that is alone has an empty name of DNS (smbd). */
		if ((id == AV_DNS_COMPUTER && len > 0) || (id == AV_NB_COMPUTER && server.len == 0))
			server = (struct rd){ in.at + 4, len };
		in = (struct rd){ in.at + 4 + len, in.len - 4 - len };
	}
	return server;
}

static bool
matches(const char *target, const char *server)
{
	size_t n = strlen(target), len = strlen(server);

	if (target[0] != '*')
		return strcasecmp(target, server) == 0;
	/* *.NAME: at least one octet before .NAME */
	return len > n - 1 && strcasecmp(server + len - (n - 1), target + 1) == 0;
}

bool
challenge_listed(const struct config *cf, const char *server)
{
	char list[ISO_TARGETS_MAX];
	struct config_word bad;
	long len = config_targets(cf, list, sizeof(list), &bad);
	bool found = len == 0;

	for (const char *at = list; !found && len > 0 && at < list + len; at += strlen(at) + 1)
		found = matches(at, server) && strpbrk(server, " ?") == NULL;
	return found;
}
