/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm.h"

#include <nettle/arcfour.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>

#include "host.h"
#include "wipe.h"

/* Where things are in messages, MS-NLMP 2.2.1; *_LEN: least lengths. */
enum {
	TYPE = 8,
	NEGOTIATE_FLAGS = 12,
	NEGOTIATE_LEN = 16,
	CHALLENGE_TARGET = 12,
	CHALLENGE_FLAGS = 20,
	CHALLENGE = 24,
	CHALLENGE_INFO = 40,
	CHALLENGE_LEN = 48,
	LM_RESPONSE = 12,
	NT_RESPONSE = 20,
	DOMAIN = 28,
	USER = 36,
	WORKSTATION = 44,
	SESSION_KEY = 52,
	FLAGS = 60,
	VERSION = 64,
	MIC = 72,
	MIC_END = 88
};
#define LM_LEN	    24u
#define EPOCH	    UINT64_C(116444736000000000) /* 1970 as FILETIME: since 1601, by 100 ns */
#define AV_STANDING 1u				 /* of MsvAvFlags: the account is constrained */
#define AV_MIC	    2u

_Static_assert(MIC_END + 4 * ISO_NTLM_NAME + LM_LEN + 16 + 28 + ISO_NTLM_IN + 8 + 20 + 4 + 4 + 4 +
		       NTLM_KEY <=
		   ISO_NTLM_OUT,
	       "the longest answer fits");

static const uint8_t signature[8] = "NTLMSSP", zero[LM_LEN];
static const struct rd none = { zero, 0 };

static uint16_t
u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t
u32(const uint8_t *at)
{
	return u16(at) | (uint32_t)u16(at + 2) << 16;
}

static bool
is_message(struct rd m, uint32_t type, size_t least)
{
	return m.len >= least && memcmp(m.at, signature, sizeof(signature)) == 0 &&
	       u32(m.at + TYPE) == type;
}

/* What a field of a challenge points to. False: not into what follows the fixed part. */
static bool
field(struct rd m, size_t at, struct rd *value)
{
	size_t len = u16(m.at + at), from = len > 0 ? u32(m.at + at + 4) : CHALLENGE_LEN;

	if (from < CHALLENGE_LEN || from > m.len || len > m.len - from)
		return false;
	*value = (struct rd){ m.at + from, len };
	return true;
}

/* Has the value of a pair a length that it may have? */
static bool
fits(uint32_t id, size_t len)
{
	if (id == NTLM_AV_EOL)
		return len == 0;
	if (id < NTLM_AV_FLAGS)
		return len <= ISO_NTLM_NAME && len % 2 == 0;
	return (id != NTLM_AV_FLAGS || len == 4) && (id != NTLM_AV_TIMESTAMP || len == 8);
}

/* AV_PAIRs up to their end, after which there is nothing. */
static bool
read_pairs(struct rd in, struct ntlm_challenge *c)
{
	uint32_t id = NTLM_AVS;
	size_t len = 0;

	for (c->pairs = in; id != NTLM_AV_EOL; in = (struct rd){ in.at + len, in.len - len }) {
		c->pairs.len = (size_t)(in.at - c->pairs.at);
		if (in.len < 4)
			return false;
		id = u16(in.at);
		len = u16(in.at + 2);
		in = (struct rd){ in.at + 4, in.len - 4 };
		if (len > in.len || !fits(id, len) || (id < NTLM_AVS && c->av[id].at != NULL))
			return false;
		if (id < NTLM_AVS)
			c->av[id] = (struct rd){ in.at, len };
	}
	return in.len == 0;
}

enum iso_status
ntlm_read(struct rd challenge, struct rd negotiate, struct ntlm_challenge *c)
{
	struct rd target = none, info = none;
	uint32_t own = ~NTLM_NEVER;
	bool signs = false, keyed = false;

	if (!is_message(challenge, 2, CHALLENGE_LEN) ||
	    (negotiate.len > 0 && !is_message(negotiate, 1, NEGOTIATE_LEN)))
		return ISO_E_RANGE;
	if (negotiate.len > 0)
		own = u32(negotiate.at + NEGOTIATE_FLAGS) | NTLM_TARGET_INFO;
	c->flags = u32(challenge.at + CHALLENGE_FLAGS);
	c->server = (struct rd){ challenge.at + CHALLENGE, 8 };
	if (!field(challenge, CHALLENGE_TARGET, &target) ||
	    !field(challenge, CHALLENGE_INFO, &info) ||
	    (target.at < info.at + info.len && info.at < target.at + target.len) ||
	    !read_pairs(info, c))
		return ISO_E_RANGE;
	if (((c->flags | own) & NTLM_NEVER) != 0)
		return ISO_E_POLICY;
	c->flags &= own & NTLM_ALLOWED;
	signs = (c->flags & NTLM_SIGNS) != 0;
	keyed = (c->flags & NTLM_KEY_EXCH) != 0;
	/* Without KEY_EXCH it is SessionBaseKey that signs, and that stays here. */
	if ((c->flags & NTLM_REQUIRED) != NTLM_REQUIRED || (signs && !keyed))
		return ISO_E_POLICY;
	/* KEY_EXCH and nothing to sign: servers do not agree on which key makes a MIC. */
	c->mic = negotiate.len > 0 && signs == keyed;
	return ISO_OK;
}

struct rd
ntlm_server(const struct ntlm_challenge *c)
{
	return c
	    ->av[c->av[NTLM_AV_DNS_COMPUTER].len > 0 ? NTLM_AV_DNS_COMPUTER : NTLM_AV_NB_COMPUTER];
}

/* ---- the list */

struct rd
ntlm_host(struct rd spn)
{
	struct rd host = spn;
	size_t at = 0;

	while (at < spn.len && u16(spn.at + at) != '/')
		at += 2;
	if (at < spn.len)
		host = (struct rd){ spn.at + at + 2, spn.len - at - 2 };
	for (at = 0; at < host.len && u16(host.at + at) != '/' && u16(host.at + at) != ':';)
		at += 2;
	return (struct rd){ host.at, at };
}

static uint32_t
lower(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* One name of the list; "*.NAME" stands for what ends in ".NAME" and is longer. */
static bool
matches(struct rd one, struct rd name)
{
	bool any = one.len > 2 && one.at[0] == '*' && one.at[1] == '.', same = true;

	one = (struct rd){ one.at + any, one.len - any };
	if (name.len < 2 * one.len || (name.len > 2 * one.len) != any)
		return false;
	name.at += name.len - 2 * one.len;
	for (size_t i = 0; i < one.len; i++)
		same &= lower(one.at[i]) == lower(u16(name.at + 2 * i));
	return same;
}

bool
ntlm_listed(struct rd list, struct rd name)
{
	bool listed = list.len == 0;

	for (size_t from = 0, at = 0; at < list.len; at++) {
		if (list.at[at] != 0)
			continue;
		listed |= matches((struct rd){ list.at + from, at - from }, name);
		from = at + 1;
	}
	return listed;
}

/* ---- the answer */

void
ntlm_hmac(const uint8_t key[NTLM_KEY], struct rd a, struct rd b, struct rd c, uint8_t mac[NTLM_KEY])
{
	struct hmac_md5_ctx ctx;

	hmac_md5_set_key(&ctx, NTLM_KEY, key);
	hmac_md5_update(&ctx, a.len, a.at);
	hmac_md5_update(&ctx, b.len, b.at);
	hmac_md5_update(&ctx, c.len, c.at);
	hmac_md5_digest(&ctx, NTLM_KEY, mac);
	wipe(&ctx, sizeof(ctx));
}

void
ntlm_rc4(const uint8_t key[NTLM_KEY], const uint8_t in[NTLM_KEY], uint8_t out[NTLM_KEY])
{
	struct arcfour_ctx ctx;

	arcfour_set_key(&ctx, NTLM_KEY, key);
	arcfour_crypt(&ctx, NTLM_KEY, out, in);
	wipe(&ctx, sizeof(ctx));
}

static void
put(struct iso_rep_ntlm_authenticate *rep, const void *at, size_t len)
{
	memcpy(rep->message.at + rep->message.len, at, len);
	rep->message.len += (uint32_t)len;
}

/* Have a field of the fixed part, its length twice, point to what was put since from. */
static void
point(struct iso_rep_ntlm_authenticate *rep, size_t at, uint32_t from)
{
	uint32_t lens = (rep->message.len - from) * 0x10001;

	memcpy(rep->message.at + at, &lens, sizeof(lens));
	memcpy(rep->message.at + at + sizeof(lens), &from, sizeof(from));
}

static void
put_field(struct iso_rep_ntlm_authenticate *rep, size_t at, struct rd value)
{
	uint32_t from = rep->message.len;

	put(rep, value.at, value.len);
	point(rep, at, from);
}

static void
put_pair(struct iso_rep_ntlm_authenticate *rep, uint16_t id, struct rd value)
{
	uint16_t head[2] = { id, (uint16_t)value.len };

	put(rep, head, sizeof(head));
	put(rep, value.at, value.len);
}

/* The challenge's TargetInfo, with what 3.1.5.1.2 adds or puts in place of it. */
static void
put_info(struct iso_rep_ntlm_authenticate *rep, const struct iso_req_ntlm_authenticate *req,
	 const struct ntlm_challenge *c)
{
	const struct rd said = c->av[NTLM_AV_FLAGS], unbound = { zero, 16 };
	uint32_t flags = c->mic ? AV_MIC : 0;
	size_t len = 0;

	for (size_t at = 0; at < c->pairs.len; at += len) {
		uint32_t id = u16(c->pairs.at + at);

		len = 4u + u16(c->pairs.at + at + 2);
		if (id != NTLM_AV_FLAGS && id != NTLM_AV_TARGET && id != NTLM_AV_BINDINGS)
			put(rep, c->pairs.at + at, len);
	}
	if (said.at != NULL)
		flags |= u32(said.at) & AV_STANDING;
	if (said.at != NULL || c->mic)
		put_pair(rep, NTLM_AV_FLAGS, (struct rd){ (uint8_t *)&flags, sizeof(flags) });
	put_pair(rep, NTLM_AV_BINDINGS, req->bindings.len > 0 ? req->bindings : unbound);
	put_pair(rep, NTLM_AV_TARGET, req->target);
	put_pair(rep, NTLM_AV_EOL, none);
}

/* NtChallengeResponse without its proof: NTLMv2_CLIENT_CHALLENGE (2.2.2.7) and four zeroes. */
static enum iso_status
put_response(struct iso_rep_ntlm_authenticate *rep, const struct iso_req_ntlm_authenticate *req,
	     const struct ntlm_challenge *c)
{
	static const uint8_t head[8] = { 1, 1 };
	const struct rd said = c->av[NTLM_AV_TIMESTAMP];
	uint64_t now = iso_host_clock(ISO_CLOCK_REAL) * 10 + EPOCH, client = 0;
	enum iso_status st = iso_host_entropy((struct wr){ (uint8_t *)&client, sizeof(client) });
	uint32_t from = rep->message.len;

	put(rep, zero, NTLM_KEY);
	put(rep, head, sizeof(head));
	put(rep, said.at != NULL ? said.at : (uint8_t *)&now, sizeof(now));
	put(rep, &client, sizeof(client));
	put(rep, zero, 4);
	put_info(rep, req, c);
	put(rep, zero, 4);
	point(rep, NT_RESPONSE, from);
	return st;
}

/* What comes before it. */
static void
put_head(struct iso_rep_ntlm_authenticate *rep, const struct iso_req_ntlm_authenticate *req,
	 const struct ntlm_challenge *c)
{
	static const uint8_t type[4] = { 3 },
			     version[8] = { 10, 0, 0, 0, 0, 0, 0, 15 }; /* 2.2.2.10 */

	memset(rep->message.at, 0, MIC_END);
	memcpy(rep->message.at, signature, sizeof(signature));
	memcpy(rep->message.at + TYPE, type, sizeof(type));
	memcpy(rep->message.at + FLAGS, &c->flags, sizeof(c->flags));
	if ((c->flags & NTLM_VERSION) != 0)
		memcpy(rep->message.at + VERSION, version, sizeof(version));
	rep->message.len = c->mic ? MIC_END : MIC;
	put_field(rep, DOMAIN, req->domain);
	put_field(rep, USER, req->user);
	put_field(rep, WORKSTATION, req->workstation);
	put_field(rep, LM_RESPONSE, (struct rd){ zero, LM_LEN });
}

enum iso_status
ntlm_answer(const struct iso_req_ntlm_authenticate *req, const struct ntlm_challenge *c,
	    const uint8_t hash[NTLM_KEY], struct iso_rep_ntlm_authenticate *rep)
{
	struct {
		uint8_t owf[NTLM_KEY], base[NTLM_KEY], sent[NTLM_KEY];
	} k = { 0 };
	uint8_t *m = rep->message.at, *proof = NULL, *exported = k.base;
	enum iso_status st = ISO_OK;
	struct rd temp = none, sent = none;

	put_head(rep, req, c);
	proof = m + rep->message.len;
	st = put_response(rep, req, c);
	temp = (struct rd){ proof + NTLM_KEY, (size_t)(m + rep->message.len - proof) - NTLM_KEY };
	ntlm_hmac(hash, req->upper, req->domain, none, k.owf);
	ntlm_hmac(k.owf, c->server, temp, none, proof);
	ntlm_hmac(k.owf, (struct rd){ proof, NTLM_KEY }, none, none, k.base);
	if ((c->flags & NTLM_KEY_EXCH) != 0) {
		exported = rep->session_key.at;
		rep->session_key.len = NTLM_KEY;
		st = st ?: iso_host_entropy((struct wr){ exported, NTLM_KEY });
		ntlm_rc4(k.base, exported, k.sent);
		sent = (struct rd){ k.sent, NTLM_KEY };
	}
	put_field(rep, SESSION_KEY, sent);
	if (c->mic)
		ntlm_hmac(exported, req->negotiate, req->challenge,
			  (struct rd){ m, rep->message.len }, m + MIC);
	wipe(&k, sizeof(k));
	return st;
}
