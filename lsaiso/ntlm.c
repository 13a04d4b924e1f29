/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntlm.h"

#include "host.h"
#include "krb.h"
#include "wipe.h"

/* NegotiateFlags, MS-NLMP 2.2.2.5. */
#define SIGNS	    0x00000030u /* SIGN, SEAL */
#define TARGET_INFO 0x00800000u
#define VERSION	    0x02000000u
#define KEY_EXCH    0x40000000u
#define REQUIRED    (TARGET_INFO | 0x00080201u) /* UNICODE, NTLM, EXTENDED_SESSIONSECURITY */
#define NEVER	    0x00000840u			/* DATAGRAM, ANONYMOUS */
/* These, and REQUEST_TARGET, ALWAYS_SIGN, IDENTIFY, 128, 56; but not LM_KEY. */
#define ALLOWED (REQUIRED | SIGNS | VERSION | KEY_EXCH | 0xa0108004u)

/* AvId, 2.2.2.1. Up to AV_FLAGS they are names. */
enum { AV_END, AV_NB, AV_DNS = 3, AV_FLAGS = 6, AV_TIME, AV_TARGET = 9, AV_BINDINGS };
#define AV_CONSTRAINED 1u /* of MsvAvFlags, as the next */
#define AV_MIC	       2u

/* Messages as they are on the wire, 2.2.1: little-endian, no holes. */
#define TYPE(t)	 "NTLMSSP\0" t "\0\0"
#define TYPE_LEN 12u
struct field {
	uint16_t len, max;
	uint32_t at;
};
struct challenge {
	uint8_t type[TYPE_LEN];
	struct field target;
	uint32_t flags;
	uint8_t server[8], reserved[8];
	struct field info;
};
struct authenticate {
	uint8_t type[TYPE_LEN];
	struct field lm, nt, domain, user, workstation, key;
	uint32_t flags;
	uint8_t version[8], mic[NTLM_KEY];
};
#define EPOCH UINT64_C(116444736000000000) /* 1970 as FILETIME: since 1601, by 100 ns */

/* 256: what is of fixed length, with the heads of pairs. */
_Static_assert(4 * ISO_NTLM_NAME + ISO_NTLM_IN + 256 <= ISO_NTLM_OUT, "the longest answer fits");

/* An answer while it is made. */
struct answer {
	const struct iso_req_ntlm_authenticate *req;
	const struct ntlm_challenge *c;
	struct iso_rep_ntlm_authenticate *rep;
	struct authenticate head;
};

static const uint8_t zero[24];

static uint16_t
u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

/* Has the value of a pair a length that it may have? */
static bool
fits(uint32_t id, size_t len)
{
	if (id == AV_END)
		return len == 0;
	if (id < AV_FLAGS)
		return len <= ISO_NTLM_NAME && len % 2 == 0;
	return (id != AV_FLAGS || len == 4) && (id != AV_TIME || len == 8);
}

/* AV_PAIRs up to their end, after which there is nothing. */
static bool
read_pairs(struct rd in, struct ntlm_challenge *c)
{
	uint32_t id = NTLM_AVS;
	size_t len = 0;

	for (c->pairs = in; id != AV_END; in = (struct rd){ in.at + len, in.len - len }) {
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
	struct challenge m = { 0 };
	uint32_t own = ~NEVER;

	if (challenge.len < sizeof(m) || memcmp(challenge.at, TYPE("\2"), TYPE_LEN) != 0 ||
	    (negotiate.len > 0 && (negotiate.len < TYPE_LEN + sizeof(own) ||
				   memcmp(negotiate.at, TYPE("\1"), TYPE_LEN) != 0)))
		return ISO_E_RANGE;
	memcpy(&m, challenge.at, sizeof(m));
	if (negotiate.len > 0)
		memcpy(&own, negotiate.at + TYPE_LEN, sizeof(own));
	if (m.info.at < sizeof(m) || m.info.at > challenge.len ||
	    m.info.len > challenge.len - m.info.at ||
	    !read_pairs((struct rd){ challenge.at + m.info.at, m.info.len }, c))
		return ISO_E_RANGE;
	c->server = challenge.at + offsetof(struct challenge, server);
	c->name = c->av[c->av[AV_DNS].len > 0 ? AV_DNS : AV_NB];
	c->flags = m.flags & (own | TARGET_INFO) & ALLOWED;
	/* Without KEY_EXCH it is SessionBaseKey that signs, and that stays here. */
	if (((m.flags | own) & NEVER) != 0 || (c->flags & REQUIRED) != REQUIRED ||
	    ((c->flags & SIGNS) != 0 && (c->flags & KEY_EXCH) == 0))
		return ISO_E_POLICY;
	c->mic = negotiate.len > 0;
	return ISO_OK;
}

/* ---- the list */

struct rd
ntlm_host(struct rd spn)
{
	size_t from = 0, to = 0;

	while (from < spn.len && u16(spn.at + from) != '/')
		from += 2;
	from = from < spn.len ? from + 2 : 0;
	for (to = from; to < spn.len && u16(spn.at + to) != '/' && u16(spn.at + to) != ':';)
		to += 2;
	return (struct rd){ spn.at + from, to - from };
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
	bool listed = false, plain = true;

	for (size_t i = 0; i < name.len; i += 2)
		plain &= u16(name.at + i) > ' ' && u16(name.at + i) <= '~';
	for (size_t at = 0, len = 0; at < list.len; at += len + 1) {
		for (len = 0; at + len < list.len && list.at[at + len] != 0;)
			len++;
		listed |= matches((struct rd){ list.at + at, len }, name);
	}
	return list.len == 0 || (plain && listed);
}

/* ---- the answer */

/* Append to the field that the octets before belong to, or begin one. */
static void
put(struct answer *a, struct field *f, const void *at, size_t len)
{
	if (f->len == 0)
		f->at = a->rep->message.len;
	memcpy(a->rep->message.at + a->rep->message.len, at, len);
	a->rep->message.len += (uint32_t)len;
	f->len = f->max = (uint16_t)(f->len + len);
}

static void
put_pair(struct answer *a, uint16_t id, const void *value, size_t len)
{
	uint16_t head[2] = { id, (uint16_t)len };

	put(a, &a->head.nt, head, sizeof(head));
	put(a, &a->head.nt, value, len);
}

/* The challenge's TargetInfo, with what 3.1.5.1.2 adds or puts in place of it. */
static void
put_info(struct answer *a)
{
	const struct rd pairs = a->c->pairs, *av = a->c->av;
	uint32_t flags = 0;
	size_t len = 0;

	for (size_t at = 0; at < pairs.len; at += 4 + len) {
		uint16_t id = u16(pairs.at + at);

		len = u16(pairs.at + at + 2);
		if (id != AV_FLAGS && id != AV_TARGET && id != AV_BINDINGS)
			put_pair(a, id, pairs.at + at + 4, len);
	}
	if (av[AV_FLAGS].at != NULL)
		flags = av[AV_FLAGS].at[0] & AV_CONSTRAINED;
	if (a->c->mic)
		flags |= AV_MIC;
	if (flags != 0)
		put_pair(a, AV_FLAGS, &flags, sizeof(flags));
	put_pair(a, AV_BINDINGS, a->req->bindings.len > 0 ? a->req->bindings.at : zero, 16);
	put_pair(a, AV_TARGET, a->req->target.at, a->req->target.len);
	put_pair(a, AV_END, zero, 0);
}

/* Room for the proof, NTLMv2_CLIENT_CHALLENGE (2.2.2.7), and the zeroes that 3.3.2 has after it. */
static enum iso_status
put_response(struct answer *a)
{
	static const uint8_t version[8] = { 1, 1 };
	const struct rd said = a->c->av[AV_TIME];
	uint64_t now = iso_host_clock(ISO_CLOCK_REAL) * 10 + EPOCH, client = 0;
	enum iso_status st = iso_host_entropy((struct wr){ (uint8_t *)&client, sizeof(client) });

	put(a, &a->head.nt, zero, NTLM_KEY);
	put(a, &a->head.nt, version, sizeof(version));
	put(a, &a->head.nt, said.at != NULL ? said.at : (uint8_t *)&now, sizeof(now));
	put(a, &a->head.nt, &client, sizeof(client));
	put(a, &a->head.nt, zero, 4);
	put_info(a);
	put(a, &a->head.nt, zero, 4);
	return st;
}

/* What is secret: NTLMv2 (3.3.2), ExportedSessionKey and, when all the rest is there, the MIC. */
static enum iso_status
put_keys(struct answer *a, const uint8_t hash[NTLM_KEY])
{
	uint8_t owf[NTLM_KEY] = { 0 }, base[NTLM_KEY] = { 0 }, sent[NTLM_KEY] = { 0 };
	uint8_t *m = a->rep->message.at, *proof = m + a->head.nt.at, *key = base;
	const struct rd who[] = { a->req->upper, a->req->domain },
			what[] = { { a->c->server, 8 },
				   { proof + NTLM_KEY, a->head.nt.len - NTLM_KEY } },
			proved[] = { { proof, NTLM_KEY } };
	enum iso_status st = ISO_OK;

	krb_hmac_md5((struct rd){ hash, 16 }, who, 2, owf);
	krb_hmac_md5((struct rd){ owf, 16 }, what, 2, proof);
	krb_hmac_md5((struct rd){ owf, 16 }, proved, 1, base);
	if ((a->c->flags & SIGNS) != 0) {
		key = a->rep->session_key.at;
		a->rep->session_key.len = NTLM_KEY;
		st = iso_host_entropy((struct wr){ key, NTLM_KEY });
	}
	/*
	 * With nothing to sign KEY_EXCH means nothing, and base makes the MIC (3.1.5.1.2); there
	 * are servers that take what was sent for that key all the same, and then it is base too.
	 */
	memcpy(sent, key, NTLM_KEY);
	krb_rc4(base, (struct wr){ sent, NTLM_KEY });
	put(a, &a->head.key, sent, (a->c->flags & KEY_EXCH) != 0 ? NTLM_KEY : 0);
	memcpy(m, &a->head, a->c->mic ? sizeof(a->head) : offsetof(struct authenticate, mic));
	if (a->c->mic) {
		const struct rd all[] = { a->req->negotiate,
					  a->req->challenge,
					  { m, a->rep->message.len } };

		krb_hmac_md5((struct rd){ key, 16 }, all, 3,
			     m + offsetof(struct authenticate, mic));
	}
	wipe(owf, sizeof(owf));
	wipe(base, sizeof(base));
	wipe(sent, sizeof(sent));
	return st;
}

enum iso_status
ntlm_message(const struct iso_req_ntlm_authenticate *req, const struct ntlm_challenge *c,
	     const uint8_t hash[NTLM_KEY], struct iso_rep_ntlm_authenticate *rep)
{
	struct answer a = { req, c, rep, { .type = TYPE("\3"), .flags = c->flags } };
	enum iso_status st = ISO_OK;

	if ((c->flags & VERSION) != 0)
		memcpy(a.head.version, "\12\0\0\0\0\0\0\17", 8); /* 10.0, 2.2.2.10 */
	rep->message.len = c->mic ? sizeof(a.head) : offsetof(struct authenticate, mic);
	put(&a, &a.head.domain, req->domain.at, req->domain.len);
	put(&a, &a.head.user, req->user.at, req->user.len);
	put(&a, &a.head.workstation, req->workstation.at, req->workstation.len);
	put(&a, &a.head.lm, zero, sizeof(zero));
	st = put_response(&a);
	return st ?: put_keys(&a, hash);
}
