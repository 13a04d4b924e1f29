/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Match credentials, as krb5_cc_retrieve_cred of MIT and Heimdal define them. */
#include <string.h>

#include "lsass/cache/private.h"

static bool
same_data(struct rd a, struct rd b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Encoded lists: one that is absent is the same as one of no entries. */
static bool
same_list(struct rd a, struct rd b)
{
	static const uint8_t none[4];
	struct rd empty = { none, sizeof(none) };

	return same_data(a.len == 0 ? empty : a, b.len == 0 ? empty : b);
}

static bool
names_match(uint32_t flags, const struct wire_cred *match, const struct wire_cred *cred)
{
	if (match->client.octets.len > 0 && !wire_princ_equal(&match->client, &cred->client))
		return false;
	if (match->server.octets.len == 0)
		return true;
	if ((flags & (MATCH_SRV_NAMEONLY | MATCH_DONT_MATCH_REALM)) != 0)
		return wire_princ_same_name(&match->server, &cred->server);
	return wire_princ_equal(&match->server, &cred->server);
}

/* At least as long as asked. 0 in the match: no matter. */
static bool
times_match(const struct wire_cred *match, const struct wire_cred *cred)
{
	if (match->renew_till != 0 && match->renew_till > cred->renew_till)
		return false;
	return match->endtime == 0 || match->endtime <= cred->endtime;
}

static bool
times_equal(const struct wire_cred *a, const struct wire_cred *b)
{
	return a->authtime == b->authtime && a->starttime == b->starttime &&
	       a->endtime == b->endtime && a->renew_till == b->renew_till;
}

static bool
all_match(uint32_t flags, const struct wire_cred *match, const struct wire_cred *cred)
{
	if (!names_match(flags, match, cred))
		return false;
	if ((flags & MATCH_KEYTYPE) != 0 && match->etype != cred->etype)
		return false;
	if ((flags & MATCH_IS_SKEY) != 0 && match->is_skey != cred->is_skey)
		return false;
	if ((flags & MATCH_FLAGS_EXACT) != 0 && match->flags != cred->flags)
		return false;
	if ((flags & MATCH_FLAGS) != 0 && (match->flags & cred->flags) != match->flags)
		return false;
	if ((flags & MATCH_TIMES_EXACT) != 0 && !times_equal(match, cred))
		return false;
	if ((flags & MATCH_TIMES) != 0 && !times_match(match, cred))
		return false;
	if ((flags & MATCH_AUTHDATA) != 0 && !same_list(match->authdata, cred->authdata))
		return false;
	return (flags & MATCH_2ND_TKT) == 0 || same_data(match->second_ticket, cred->second_ticket);
}

bool
cred_matches(const struct cred *cr, uint32_t flags, const struct wire_cred *match)
{
	struct wire_cred cred;

	return cred_parse(cr, &cred) == 0 && all_match(flags, match, &cred);
}

struct cred *
cache_match(struct cache *ca, uint32_t flags, const struct wire_cred *match)
{
	bool indexed = match->server.octets.len > 0 &&
		       (flags & (MATCH_SRV_NAMEONLY | MATCH_DONT_MATCH_REALM)) == 0;

	if (indexed) {
		struct node *no = table_first(&ca->servers, wire_princ_hash(&match->server));

		for (; no != NULL; no = table_next(no)) {
			struct cred *cr = NODE_OF(no, struct cred, by_server);

			if (cred_matches(cr, flags, match))
				return cr;
		}
		return NULL;
	}
	for (struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (cred_matches(cr, flags, match))
			return cr;
	}
	return NULL;
}
