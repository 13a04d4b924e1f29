/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The negative cache of the pool. */
#include "lsass/tgs/negative.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t hash;
	uint64_t cache_id;
	uint64_t until_ms; /* 0: free */
	uid_t uid;
	int32_t etype;
	int32_t code;
	size_t len;
	uint8_t *server;
};

struct negative {
	struct entry entries[NEGATIVE_MAX];
};

struct negative *
negative_new(void)
{
	return calloc(1, sizeof(struct negative));
}

void
negative_free(struct negative *ne)
{
	if (ne == NULL)
		return;
	for (size_t i = 0; i < NEGATIVE_MAX; i++)
		free(ne->entries[i].server);
	free(ne);
}

static bool
is_for(const struct entry *en, const struct tgs_request *req, uint64_t hash)
{
	return en->until_ms != 0 && en->hash == hash && en->uid == req->uid &&
	       en->cache_id == req->cache_id && en->etype == req->etype &&
	       en->len == req->server.len && memcmp(en->server, req->server.at, en->len) == 0;
}

void
negative_add(struct negative *ne, const struct tgs_request *req, uint64_t hash, int32_t code,
	     uint64_t now_ms, uint64_t ms)
{
	struct entry *en = &ne->entries[0];
	uint8_t *server;

	if (ms == 0 || req->user_to_user || req->server.len == 0)
		return;
	for (size_t i = 0; i < NEGATIVE_MAX; i++) {
		if (is_for(&ne->entries[i], req, hash)) {
			en = &ne->entries[i];
			break;
		}
		if (ne->entries[i].until_ms < en->until_ms)
			en = &ne->entries[i];
	}
	server = malloc(req->server.len);
	if (server == NULL)
		return;
	memcpy(server, req->server.at, req->server.len);
	free(en->server);
	en->server = server;
	en->len = req->server.len;
	en->hash = hash;
	en->cache_id = req->cache_id;
	en->uid = req->uid;
	en->etype = req->etype;
	en->code = code;
	en->until_ms = now_ms + ms;
}

int32_t
negative_find(const struct negative *ne, const struct tgs_request *req, uint64_t hash,
	      uint64_t now_ms)
{
	if (req->user_to_user)
		return 0;
	for (size_t i = 0; i < NEGATIVE_MAX; i++) {
		if (ne->entries[i].until_ms > now_ms && is_for(&ne->entries[i], req, hash))
			return ne->entries[i].code;
	}
	return 0;
}
