/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "host.h"

struct test_host test_host;

static struct iso the_iso;

/* ---- the host functions */

size_t
iso_host_recv(struct wr into)
{
	(void)into;
	abort(); /* only iso_run waits, and no hosted test runs it */
}

void
iso_host_send(struct rd reply)
{
	(void)reply;
	abort();
}

/* xorshift64: the same octets in every run, for fuzzing. */
static void
seeded(uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		test_host.seed ^= test_host.seed << 13;
		test_host.seed ^= test_host.seed >> 7;
		test_host.seed ^= test_host.seed << 17;
		at[i] = (uint8_t)(test_host.seed >> 32);
	}
}

enum iso_status
iso_host_entropy(struct wr into)
{
	size_t n = test_host.script.len < into.left ? test_host.script.len : into.left;

	if (test_host.no_entropy)
		return ISO_E_ENTROPY;
	if (n > 0) {
		memcpy(into.at, test_host.script.at, n);
		test_host.script.at += n;
		test_host.script.len -= n;
	}
	if (test_host.seed != 0)
		seeded(into.at + n, into.left - n);
	else
		test_random(into.at + n, into.left - n);
	return ISO_OK;
}

uint64_t
iso_host_clock(enum iso_clock which)
{
	return which == ISO_CLOCK_BOOT ? test_host.boot_us : test_host.real_us;
}

/* ---- the state and calls */

void
test_random(void *at, size_t n)
{
	/* Plenty of small requests: buffered. */
	static uint8_t pool[4096];
	static size_t left;
	uint8_t *to = at;

	while (n > 0) {
		size_t some;

		if (left == 0) {
			if (getrandom(pool, 256, 0) != 256)
				abort();
			left = 256;
		}
		some = n < left ? n : left;
		memcpy(to, pool + 256 - left, some);
		to += some;
		n -= some;
		left -= some;
	}
}

struct iso *
iso_fresh(void)
{
	return iso_fresh_seeded(0);
}

struct iso *
iso_fresh_seeded(uint64_t seed)
{
	/* Slots from high on were never touched. */
	memset(&the_iso, 0, offsetof(struct iso, session[the_iso.high]));
	memset(&test_host, 0, sizeof(test_host));
	test_host.seed = seed;
	test_host.boot_us = UINT64_C(5000000000);
	test_host.real_us = UINT64_C(1000000) * TEST_NOW;
	d_reset();
	if (iso_start(&the_iso) != ISO_OK)
		abort();
	return &the_iso;
}

struct iso *
iso_running(uint32_t policy)
{
	struct iso *iso = iso_fresh();
	struct iso_req_configure req = { .policy = policy, .rate = 1000000, .burst = 1000000 };

	if (iso_call(iso, ISO_OP_configure, &req, NULL) != ISO_OK)
		abort();
	return iso;
}

enum iso_status
iso_call(struct iso *iso, uint32_t op, const void *req, void *rep)
{
	static union iso_rep ignored;
	enum iso_status st = ISO_E_FRAME;
	size_t n = 0;

	if (rpc_encode_req(op, req, (struct wr){ iso->frame, sizeof(iso->frame) }, &n) != ISO_OK)
		abort();
	n = iso_serve(iso, n);
	if (rpc_decode_rep((struct rd){ iso->out, n }, op, &st, rep != NULL ? rep : &ignored) !=
	    ISO_OK)
		abort();
	memset(iso->out, 0, n);
	return st;
}

void
pass_ms(uint64_t ms)
{
	test_host.boot_us += ms * 1000;
	test_host.real_us += ms * 1000;
}

/* ---- DER */

static uint8_t arena[4 << 20];
static size_t used;

void
d_reset(void)
{
	used = 0;
}

static uint8_t *
take(size_t n)
{
	assert(n <= sizeof(arena) - used);
	used += n;
	return arena + used - n;
}

struct rd
d_raw(const void *at, size_t n)
{
	uint8_t *to = take(n);

	if (n > 0)
		memcpy(to, at, n);
	return (struct rd){ to, n };
}

struct rd
d_tlv(uint8_t tag, struct rd v)
{
	uint8_t head[5] = { tag };
	size_t h = 2;
	uint8_t *to;

	if (v.len < 0x80) {
		head[1] = (uint8_t)v.len;
	} else if (v.len < 0x100) {
		head[1] = 0x81;
		head[h++] = (uint8_t)v.len;
	} else if (v.len < 0x10000) {
		head[1] = 0x82;
		head[h++] = (uint8_t)(v.len >> 8);
		head[h++] = (uint8_t)v.len;
	} else {
		head[1] = 0x83;
		head[h++] = (uint8_t)(v.len >> 16);
		head[h++] = (uint8_t)(v.len >> 8);
		head[h++] = (uint8_t)v.len;
	}
	to = take(h + v.len);
	memcpy(to, head, h);
	if (v.len > 0)
		memcpy(to + h, v.at, v.len);
	return (struct rd){ to, h + v.len };
}

struct rd
d_join_all(const struct rd *pieces, size_t n)
{
	struct rd all = { NULL, 0 };
	size_t from = 0;
	uint8_t *to;

	for (size_t i = 0; i < n; i++)
		all.len += pieces[i].len;
	to = take(all.len);
	for (size_t i = 0; i < n; i++) {
		if (pieces[i].len > 0)
			memcpy(to + from, pieces[i].at, pieces[i].len);
		from += pieces[i].len;
	}
	all.at = to;
	return all;
}

struct rd
d_ctx(unsigned int n, struct rd contents)
{
	return d_tlv((uint8_t)(0xa0 + n), contents);
}

struct rd
d_seq(struct rd contents)
{
	return d_tlv(0x30, contents);
}

struct rd
d_int(int64_t value)
{
	uint8_t octets[8];
	size_t n = 8;

	for (size_t i = 0; i < 8; i++)
		octets[i] = (uint8_t)((uint64_t)value >> (8 * (7 - i)));
	while (n > 1 && ((octets[8 - n] == 0 && octets[9 - n] < 0x80) ||
			 (octets[8 - n] == 0xff && octets[9 - n] >= 0x80)))
		n--;
	return d_tlv(0x02, d_raw(octets + 8 - n, n));
}

struct rd
d_text(const char *text)
{
	return d_tlv(0x1b, d_raw(text, strlen(text)));
}

struct rd
d_octets(struct rd octets)
{
	return d_tlv(0x04, octets);
}

struct rd
d_time(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[64];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	return d_tlv(0x18, d_raw(text, strlen(text)));
}

struct rd
d_flags(uint32_t flags)
{
	uint8_t octets[5] = { 0, (uint8_t)(flags >> 24), (uint8_t)(flags >> 16),
			      (uint8_t)(flags >> 8), (uint8_t)flags };

	return d_tlv(0x03, d_raw(octets, sizeof(octets)));
}

struct rd
d_name(int64_t type, const char *a, const char *b, const char *c)
{
	struct rd strings = { NULL, 0 };
	const char *parts[] = { a, b, c };

	for (size_t i = 0; i < 3 && parts[i] != NULL; i++)
		strings = d_join(2, strings, d_text(parts[i]));
	return d_seq(d_join(2, d_ctx(0, d_int(type)), d_ctx(1, d_seq(strings))));
}

struct rd
d_client(void)
{
	return d_join(2, d_ctx(1, d_text("EXAMPLE.TEST")), d_ctx(2, d_name(1, "user", NULL, NULL)));
}

struct rd
d_body(const struct body_spec *s)
{
	struct rd etypes = s->etypes;
	struct rd sname = s->sname.len > 0 ? s->sname : d_name(2, "host", "server.test", NULL);

	if (etypes.len == 0)
		etypes = d_join(5, d_int(18), d_int(17), d_int(20), d_int(19), d_int(23));
	return d_seq(d_join(8, d_ctx(0, d_flags(s->options)), s->before_realm,
			    d_ctx(2, d_text("EXAMPLE.TEST")), d_ctx(3, sname),
			    d_ctx(5, d_time(TEST_NOW + 36000)), d_ctx(7, d_int(s->nonce)),
			    d_ctx(8, d_seq(etypes)), s->after_etypes));
}

struct rd
d_padata(int64_t type, struct rd value)
{
	return d_seq(d_join(2, d_ctx(1, d_int(type)), d_ctx(2, d_octets(value))));
}

struct rd
d_part(const struct part_spec *s)
{
	struct rd key = d_seq(d_join(2, d_ctx(0, d_int(s->etype)), d_ctx(1, d_octets(s->key))));
	struct rd last = d_seq(d_join(2, d_ctx(0, d_int(0)), d_ctx(1, d_time(TEST_NOW))));
	struct rd sname = s->sname.len > 0 ? s->sname : d_name(2, "host", "server.test", NULL);
	struct rd padata = { NULL, 0 };
	int64_t end = s->endtime != 0 ? s->endtime : TEST_NOW + 36000;

	if (s->padata.len > 0)
		padata = d_ctx(12, d_seq(s->padata));
	return d_tlv(
	    s->tag != 0 ? s->tag : 0x7a,
	    d_seq(d_join(10, d_ctx(0, key), d_ctx(1, d_seq(last)), d_ctx(2, d_int(s->nonce)),
			 d_ctx(4, d_flags(s->flags != 0 ? s->flags : 0x40800000)),
			 d_ctx(5, d_time(TEST_NOW)), d_ctx(7, d_time(end)),
			 d_ctx(9, d_text("EXAMPLE.TEST")), d_ctx(10, sname), padata, s->trailing)));
}

struct iso *
iso_fresh_asked(struct iso_rep_krb_tgs_seal *sealed)
{
	static const uint8_t key[32] = "the key of the corpus's own TGT.";
	struct iso *iso = iso_fresh_seeded(1);
	struct iso_req_configure conf = { .policy = ISO_POLICY_ALL, .rate = 1000, .burst = 1000 };
	struct iso_req_session_open open = { .owner = 1000, .lifetime = 3600 };
	struct iso_rep_session_open s = { 0 };
	struct iso_req_cred_absorb absorb = { .owner = 1000,
					      .kind = ISO_KIND_TGT,
					      .etype = 18,
					      .endtime = TEST_NOW + 3600,
					      .client = d_client(),
					      .key = { key, 32 } };
	struct iso_rep_cred_absorb blob = { 0 };
	struct body_spec spec = { .nonce = 1 };
	struct iso_req_krb_tgs_seal seal = { .owner = 1000,
					     .client = absorb.client,
					     .body = d_body(&spec) };

	if (iso_call(iso, ISO_OP_configure, &conf, NULL) != ISO_OK ||
	    iso_call(iso, ISO_OP_session_open, &open, &s) != ISO_OK)
		abort();
	absorb.session = seal.session = s.session;
	absorb.generation = seal.generation = s.generation;
	if (iso_call(iso, ISO_OP_cred_absorb, &absorb, &blob) != ISO_OK)
		abort();
	seal.blob = (struct rd){ blob.blob.at, blob.blob.len };
	if (iso_call(iso, ISO_OP_krb_tgs_seal, &seal, sealed) != ISO_OK)
		abort();
	return iso;
}
