/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_vectors.h"
#include "ntlm.h"

const char ntlm_sample[] =
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000"
    "2400240044000000060070170000000f530065007200760065007200"
    "02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

struct rd
utf16(const char *text)
{
	uint8_t at[1024] = { 0 };
	size_t n = strlen(text);

	assert_true(2 * n <= sizeof(at));
	for (size_t i = 0; i < n; i++)
		at[2 * i] = (uint8_t)text[i];
	return d_raw(at, 2 * n);
}

struct rd
le(uint64_t value, size_t octets)
{
	return d_raw(&value, octets);
}

struct rd
pair(uint16_t id, struct rd value)
{
	return d_join(3, le(id, 2), le(value.len, 2), value);
}

struct rd
challenge_of(uint32_t flags, struct rd pairs)
{
	return d_join(7, d_raw("NTLMSSP\0\2\0\0\0", 12), d_raw("\0\0\0\0\60\0\0\0", 8),
		      le(flags, 4), d_raw("\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0\0\0\0", 16),
		      d_join(2, le(pairs.len, 2), le(pairs.len, 2)), le(48, 4), pairs);
}

struct rd
offer_of(uint32_t flags)
{
	return d_join(3, d_raw("NTLMSSP\0\1\0\0\0", 12), le(flags, 4), d_raw("trailing", 8));
}

struct rd
names(const char *dns, const char *nb)
{
	struct rd all = pair(2, utf16("DOMAIN"));

	if (nb != NULL)
		all = d_join(2, all, pair(1, utf16(nb)));
	if (dns != NULL)
		all = d_join(2, all, pair(3, utf16(dns)));
	return d_join(2, all, pair(0, (struct rd){ NULL, 0 }));
}

void
ntlm_begin(struct ntlm_world *w, uint32_t policy, const char *const *list)
{
	struct rd targets = { NULL, 0 };
	struct iso_req_configure conf = { .policy = policy, .rate = 1000000, .burst = 1000000 };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso_req_cred_absorb absorb = { .owner = OWNER,
					      .kind = ISO_KIND_NTLM,
					      .endtime = TEST_NOW + 3600 };

	memset(w, 0, sizeof(*w));
	w->iso = iso_fresh();
	for (; list != NULL && *list != NULL; list++)
		targets = d_join(2, targets, d_raw(*list, strlen(*list) + 1));
	conf.targets = targets;
	assert_int_equal(iso_call(w->iso, ISO_OP_configure, &conf, NULL), ISO_OK);
	assert_int_equal(iso_call(w->iso, ISO_OP_session_open, &open, &w->s), ISO_OK);
	memcpy(w->hash, hex("a4f49c406510bdcab6824ee7c30fd852").at, 16);
	absorb.session = w->s.session;
	absorb.generation = w->s.generation;
	absorb.client = d_client();
	absorb.key = (struct rd){ w->hash, 16 };
	assert_int_equal(iso_call(w->iso, ISO_OP_cred_absorb, &absorb, &w->blob), ISO_OK);
	w->req = (struct iso_req_ntlm_authenticate){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.key = { w->blob.blob.at, w->blob.blob.len },
		.name = d_client(),
		.user = utf16("User"),
		.upper = utf16("USER"),
		.domain = utf16("Domain"),
		.workstation = utf16("COMPUTER"),
		.negotiate = offer_of(ALLOWED | OEM),
		.challenge = hex(ntlm_sample),
	};
	memcpy(w->x.hash, w->hash, 16);
}

/* In memory that ends where it ends, so that a sanitizer sees what is read beyond. */
static struct rd
alone(struct rd octets)
{
	uint8_t *at = malloc(octets.len);

	assert_true(at != NULL || octets.len == 0);
	if (octets.len > 0)
		memcpy(at, octets.at, octets.len);
	return (struct rd){ at, octets.len };
}

enum iso_status
ntlm_call(struct ntlm_world *w)
{
	struct rd challenge = alone(w->req.challenge), negotiate = alone(w->req.negotiate);
	struct ntlm_challenge c = { 0 };
	enum iso_status read = ntlm_read(challenge, negotiate, &c), st = ISO_OK;

	free((void *)(uintptr_t)challenge.at);
	free((void *)(uintptr_t)negotiate.at);
	st = iso_call(w->iso, ISO_OP_ntlm_authenticate, &w->req, &w->rep);
	assert_false(st == ISO_OK && read != ISO_OK);
	return st;
}

/* What holds of every answer. */
static void
keeps_to_the_rules(const struct ntlm_world *w)
{
	const struct v_seen *seen = &w->seen;
	uint32_t offered = 0, own = UINT32_MAX;
	bool signs = (seen->flags & (SIGN | SEAL)) != 0, keyed = (seen->flags & EXCH) != 0;
	bool known = w->req.negotiate.len > 0;

	memcpy(&offered, w->req.challenge.at + 20, 4);
	if (known)
		memcpy(&own, w->req.negotiate.at + 12, 4);
	assert_int_equal(seen->flags, offered & (own | INFO) & ALLOWED);
	assert_int_equal(seen->flags & REQUIRED, REQUIRED);
	assert_int_equal((offered | (known ? own : 0)) & (DATAGRAM | ANONYM), 0);
	assert_true(keyed || !signs);
	assert_int_equal(seen->has_mic, known);
	assert_int_equal(seen->av_flags & ~3u, 0);
	assert_int_equal(w->rep.session_key.len, signs ? 16 : 0);
	/* With nothing to sign a server may or may not open what was sent: it has the same key. */
	assert_memory_equal(seen->key, signs ? w->rep.session_key.at : seen->base, 16);
	assert_int_equal(seen->domain.len, w->req.domain.len);
	assert_memory_equal(seen->domain.at, w->req.domain.at, seen->domain.len);
	assert_int_equal(seen->user.len, w->req.user.len);
	assert_memory_equal(seen->user.at, w->req.user.at, seen->user.len);
	assert_int_equal(seen->workstation.len, w->req.workstation.len);
	assert_memory_equal(seen->workstation.at, w->req.workstation.at, seen->workstation.len);
	assert_int_equal(seen->av[10].len, 16);
	assert_int_equal(seen->av[9].len, w->req.target.len);
}

void
ntlm_check(struct ntlm_world *w)
{
	const char *bad;

	w->x.upper = w->req.upper;
	w->x.domain = w->req.domain;
	w->x.negotiate = w->req.negotiate;
	w->x.challenge = w->req.challenge;
	bad = v_check(&w->x, (struct rd){ w->rep.message.at, w->rep.message.len }, &w->seen);
	if (bad != NULL)
		fail_msg("%s", bad);
	keeps_to_the_rules(w);
}
