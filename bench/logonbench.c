/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sample of what a logon's cryptography costs, beside the least that it
 * can cost: the core's own objects, the client's library, nettle, libkrb5.
 *
 *   seal     a box, by the client (lib/box.c)
 *   open     a box, by the core (lsaiso/hpke.c)
 *   s2k-E    key of a password for encryption type E, by the core
 *   mul      one X25519 of hogweed
 *   mul-base one of its base point
 *   core-mul one X25519 of the core
 *   kdf-E    nettle's PBKDF2 alone, with what s2k-E gives it
 *   mit-E    the same key by libkrb5
 *   ntlm     an answer of NTLM, by the core
 *   hmac     nettle's HMAC-MD5 and RC4 alone, over what ntlm is made of
 *
 * Times are of this thread's CPU clock: what others do meanwhile is not in them.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <krb5/krb5.h>
#include <nettle/arcfour.h>
#include <nettle/curve25519.h>
#include <nettle/hmac.h>
#include <nettle/pbkdf2.h>

#include "exchange.h"
#include "host.h"
#include "hpke.h"
#include "krb.h"
#include "latency.h"
#include "lib/box.h"
#include "ntlm.h"
#include "x25519.h"

static const char password[] = "a password of twenty";
static const char salt[] = "EXAMPLE.TESTsomebody";
static const uint8_t base[ISO_PUBLIC] = { 9 };

struct bench {
	int32_t etype;
	krb5_context ctx;
	struct hpke_pair pair;
	struct box box, opened;
	uint8_t sealed[ISO_BOX], out[64];
	struct latency latency;
};

typedef void operation(struct bench *be);

/* All that these parts of the core ask of a host. */
enum iso_status
iso_host_entropy(struct wr into)
{
	while (into.left > 0) {
		ssize_t got = getrandom(into.at, into.left, 0);

		if (got < 0 && errno != EINTR)
			return ISO_E_ENTROPY;
		if (got > 0)
			into = (struct wr){ into.at + got, into.left - (size_t)got };
	}
	return ISO_OK;
}

uint64_t
iso_host_clock(enum iso_clock which)
{
	struct timespec ts;

	clock_gettime(which == ISO_CLOCK_BOOT ? CLOCK_BOOTTIME : CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static struct rd
text(const char *of)
{
	return (struct rd){ (const uint8_t *)of, strlen(of) };
}

static void
must(bool good, const char *what)
{
	if (!good)
		errx(1, "%s failed", what);
}

/* ---- boxes */

static void
seal(struct bench *be)
{
	must(box_seal(be->pair.public, &be->box, be->sealed) == 0, "box_seal");
}

static void
open_box(struct bench *be)
{
	must(hpke_open(&be->pair, text(BOX_INFO), (struct rd){ be->sealed, 0 },
		       (struct rd){ be->sealed, sizeof(be->sealed) },
		       (struct wr){ (uint8_t *)&be->opened, sizeof(be->opened) }) == ISO_OK,
	     "hpke_open");
}

static void
mul(struct bench *be)
{
	curve25519_mul(be->out, be->pair.private, be->pair.public);
}

static void
mul_base(struct bench *be)
{
	curve25519_mul_g(be->out, be->pair.private);
}

static void
core_mul(struct bench *be)
{
	must(x25519(be->out, be->pair.private, be->pair.public) == ISO_OK, "x25519");
}

static void
make_box(struct bench *be)
{
	must(iso_host_entropy((struct wr){ be->pair.private, ISO_PUBLIC }) == ISO_OK, "getrandom");
	must(x25519(be->pair.public, be->pair.private, base) == ISO_OK, "x25519");
	must(box_fill(&be->box, "somebody@EXAMPLE.TEST", text(password), 0) == 0, "box_fill");
	seal(be);
	open_box(be);
	must(memcmp(&be->box, &be->opened, sizeof(be->box)) == 0, "a box that is what it was:");
}

/* ---- keys of passwords */

/* The defaults, which are all that KDCs ask for. */
static uint32_t
iterations(const struct krb_type *type)
{
	return type->profile == KRB_SHA2 ? ISO_ITERATIONS_SHA2 : ISO_ITERATIONS_SHA1;
}

static void
s2k(struct bench *be)
{
	struct krb_key key = { .type = krb_type(be->etype) };

	must(krb_string_to_key(text(password), text(salt), iterations(key.type), &key) == ISO_OK,
	     "string-to-key");
	memcpy(be->out, key.octets, key.type->key_len);
}

static void
mit(struct bench *be)
{
	krb5_data secret = { .data = (char *)(uintptr_t)password, .length = sizeof(password) - 1 };
	krb5_data with = { .data = (char *)(uintptr_t)salt, .length = sizeof(salt) - 1 };
	krb5_keyblock key;

	must(krb5_c_string_to_key(be->ctx, be->etype, &secret, &with, &key) == 0,
	     "libkrb5's string-to-key");
	memcpy(be->out, key.contents, key.length);
	krb5_free_keyblock_contents(be->ctx, &key);
}

static void
kdf(struct bench *be)
{
	const struct krb_type *type = krb_type(be->etype);
	struct rd secret = text(password), with = text(salt);

	(be->etype == KRB_ETYPE_AES256_SHA2 ? pbkdf2_hmac_sha384
	 : type->profile == KRB_SHA2	    ? pbkdf2_hmac_sha256
				     : pbkdf2_hmac_sha1)(secret.len, secret.at, iterations(type),
							 with.len, with.at, type->key_len, be->out);
}

static void
make_key(struct bench *be)
{
	uint8_t ours[ISO_KEY_MAX] = { 0 };

	must(krb5_init_context(&be->ctx) == 0, "krb5_init_context");
	s2k(be);
	memcpy(ours, be->out, krb_type(be->etype)->key_len);
	mit(be);
	must(memcmp(ours, be->out, krb_type(be->etype)->key_len) == 0, "the same key as libkrb5:");
}

/* ---- NTLM */

static struct iso_rep_ntlm_authenticate answered;

static void
ntlm(struct bench *be)
{
	struct iso_req_ntlm_authenticate req = ntlm_request();
	struct ntlm_challenge c = { 0 };

	(void)be;
	must(ntlm_read(req.challenge, req.negotiate, &c) == ISO_OK &&
		 ntlm_message(&req, &c, ntlm_hash, &answered) == ISO_OK,
	     "an answer of NTLM");
	must(answered.session_key.len == 16 && c.mic, "a session key and a MIC");
}

static void
hmac(const uint8_t key[16], struct rd a, struct rd b, struct rd c, uint8_t mac[16])
{
	struct hmac_md5_ctx ctx;

	hmac_md5_set_key(&ctx, 16, key);
	hmac_md5_update(&ctx, a.len, a.at);
	hmac_md5_update(&ctx, b.len, b.at);
	hmac_md5_update(&ctx, c.len, c.at);
	hmac_md5_digest(&ctx, 16, mac);
}

/* Over octets that are there already: of the response all but its proof. */
static void
bare(struct bench *be)
{
	static uint8_t key[16], owf[16], proof[16], base_key[16];
	struct iso_req_ntlm_authenticate req = ntlm_request();
	struct rd none = { NULL, 0 }, message = { answered.message.at, answered.message.len };
	struct rd server = { req.challenge.at + 24, 8 }, response;
	struct arcfour_ctx rc4;
	uint16_t len;
	uint32_t at;

	memcpy(&len, message.at + 20, sizeof(len));
	memcpy(&at, message.at + 24, sizeof(at));
	response = (struct rd){ message.at + at + 16, len - 16u };
	hmac(ntlm_hash, req.upper, req.domain, none, owf);
	hmac(owf, server, response, none, proof);
	hmac(owf, (struct rd){ proof, 16 }, none, none, base_key);
	arcfour_set_key(&rc4, 16, base_key);
	arcfour_crypt(&rc4, 16, be->out, key);
	hmac(key, req.negotiate, req.challenge, message, be->out);
}

/* ---- running */

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static const struct mode {
	const char *name;
	operation *start, *once;
} modes[] = {
	{ "seal", make_box, seal },
	{ "open", make_box, open_box },
	{ "mul", make_box, mul },
	{ "mul-base", make_box, mul_base },
	{ "core-mul", make_box, core_mul },
	{ "s2k-", make_key, s2k },
	{ "kdf-", make_key, kdf },
	{ "mit-", make_key, mit },
	{ "ntlm", ntlm, ntlm },
	{ "hmac", ntlm, bare },
};

static operation *
begin(struct bench *be, const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		size_t len = strlen(modes[i].name);
		bool typed = modes[i].name[len - 1] == '-';

		if (typed ? strncmp(name, modes[i].name, len) != 0
			  : strcmp(name, modes[i].name) != 0)
			continue;
		if (typed) {
			be->etype = (int32_t)strtol(name + len, NULL, 10);
			if (krb_type(be->etype) == NULL)
				break;
		}
		modes[i].start(be);
		return modes[i].once;
	}
	errx(2, "no such mode: %s", name);
}

int
main(int argc, char **argv)
{
	static struct bench be;
	const struct latency *la = &be.latency;
	operation *once;
	uint64_t at, until;

	if (argc != 3)
		errx(2, "usage: logonbench MODE SECONDS");
	once = begin(&be, argv[1]);
	for (int i = 0; i < 3; i++)
		once(&be);
	at = cpu_ns();
	until = at + (uint64_t)(strtod(argv[2], NULL) * 1e9);
	while (at < until) {
		uint64_t then = at;

		once(&be);
		at = cpu_ns();
		latency_add(&be.latency, at - then);
	}
	printf("{\"ops\": %llu, \"rate\": %.1f, \"p50_us\": %.3f, \"p99_us\": %.3f}\n",
	       (unsigned long long)la->count, 1e9 * (double)la->count / (double)la->sum_ns,
	       latency_at(la, 0.50), latency_at(la, 0.99));
	return 0;
}
