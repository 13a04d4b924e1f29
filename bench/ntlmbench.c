/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sample of NTLM by GSSAPI, the client's side alone: NEGOTIATE, a challenge
 * made here with a new nonce each time, AUTHENTICATE.
 *
 *   context     both legs of a security context, with credentials acquired once
 *   credential  acquiring credentials, and a context
 *
 * Where gss-ntlmssp gets the answer from (a file, winbind's pipe) is said by
 * its environment. Times are of the wall: others work for us meanwhile.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include "latency.h"

/* MS-NLMP 2.2.2.5: UNICODE, REQUEST_TARGET, SIGN, SEAL, NTLM, ALWAYS_SIGN, TARGET_TYPE_SERVER,
 * EXTENDED_SESSIONSECURITY, TARGET_INFO, VERSION, 128, KEY_EXCH, 56 */
#define CHALLENGE_FLAGS 0xe28a8235u
#define NONCE_AT	24

static gss_OID_desc ntlmssp = { 10,
				(void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" };
static gss_OID_set_desc mechs = { 1, &ntlmssp };

struct bench {
	gss_name_t me, target;
	gss_cred_id_t cred;
	uint8_t challenge[256];
	size_t len;
	struct latency latency;
};

static void
must(OM_uint32 major, OM_uint32 minor, const char *what)
{
	OM_uint32 more = 0, ignored;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

	if (!GSS_ERROR(major))
		return;
	gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &ntlmssp, &more, &text);
	errx(1, "%s: %.*s", what, (int)text.length, (const char *)text.value);
}

static void
put(struct bench *be, const void *octets, size_t len)
{
	if (len > sizeof(be->challenge) - be->len)
		errx(1, "no room");
	memcpy(be->challenge + be->len, octets, len);
	be->len += len;
}

/* Little-endian, in size octets. */
static void
put_number(struct bench *be, uint64_t n, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t octet = (uint8_t)(n >> 8 * i);

		put(be, &octet, 1);
	}
}

static void
put_wide(struct bench *be, const char *ascii)
{
	for (; *ascii != '\0'; ascii++)
		put_number(be, (uint8_t)*ascii, 2);
}

static void
put_pair(struct bench *be, uint16_t id, const char *ascii)
{
	put_number(be, id, 2);
	put_number(be, 2 * strlen(ascii), 2);
	put_wide(be, ascii);
}

/* A CHALLENGE_MESSAGE (2.2.1.2) as a server of today sends it, the nonce still zero. */
static void
make_challenge(struct bench *be)
{
	const size_t name = 8, info = 4 * 4 + 2 * (4 + 6 + 10 + 17) + 12 + 4;

	put(be, "NTLMSSP", 8);
	put_number(be, 2, 4);
	put_number(be, name | name << 16 | (uint64_t)56 << 32, 8);
	put_number(be, CHALLENGE_FLAGS, 4);
	put_number(be, 0, 8 + 8);
	put_number(be, info | info << 16 | (uint64_t)(56 + name) << 32, 8);
	put(be, "\x0a\0\x63\x45\0\0\0\x0f", 8);
	put_wide(be, "TEST");
	put_pair(be, 2, "TEST");
	put_pair(be, 1, "SERVER");
	put_pair(be, 4, "test.local");
	put_pair(be, 3, "server.test.local");
	put_number(be, 7 | 8 << 16, 4);
	put_number(be, ((uint64_t)time(NULL) + 11644473600u) * 10000000u, 8);
	put_number(be, 0, 4);
	if (be->len != 56 + name + info)
		errx(1, "a challenge of %zu octets, not %zu", be->len, 56 + name + info);
}

static void
import(gss_name_t *name, const char *text, gss_OID type)
{
	gss_buffer_desc buffer = { strlen(text), (void *)(uintptr_t)text };
	OM_uint32 minor, major = gss_import_name(&minor, &buffer, type, name);

	must(major, minor, text);
}

static void
acquire(struct bench *be)
{
	OM_uint32 minor, major;

	major = gss_acquire_cred(&minor, be->me, GSS_C_INDEFINITE, &mechs, GSS_C_INITIATE,
				 &be->cred, NULL, NULL);
	must(major, minor, "gss_acquire_cred");
}

static void
leg(struct bench *be, gss_ctx_id_t *ctx, gss_buffer_t in, uint8_t type)
{
	gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major;

	major = gss_init_sec_context(&minor, be->cred, ctx, be->target, &ntlmssp,
				     GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG, 0, NULL, in, NULL, &out,
				     NULL, NULL);
	must(major, minor, "gss_init_sec_context");
	if (out.length < 32 || memcmp(out.value, "NTLMSSP", 8) != 0 ||
	    ((const uint8_t *)out.value)[8] != type)
		errx(1, "message %u was expected", (unsigned int)type);
	gss_release_buffer(&minor, &out);
}

static void
context(struct bench *be)
{
	gss_buffer_desc in = { be->len, be->challenge };
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	OM_uint32 minor;

	leg(be, &ctx, GSS_C_NO_BUFFER, 1);
	if (getrandom(be->challenge + NONCE_AT, 8, 0) != 8)
		err(1, "getrandom");
	leg(be, &ctx, &in, 3);
	gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

static void
credential(struct bench *be)
{
	OM_uint32 minor;

	gss_release_cred(&minor, &be->cred);
	acquire(be);
	context(be);
}

int
main(int argc, char **argv)
{
	static struct bench be;
	const struct latency *la = &be.latency;
	void (*once)(struct bench *);
	uint64_t at, until;

	if (argc != 4)
		errx(2, "usage: ntlmbench context|credential DOMAIN\\user SECONDS");
	once = strcmp(argv[1], "credential") == 0 ? credential : context;
	import(&be.me, argv[2], GSS_C_NT_USER_NAME);
	import(&be.target, "HTTP@server", GSS_C_NT_HOSTBASED_SERVICE);
	make_challenge(&be);
	acquire(&be);
	for (int i = 0; i < 3; i++)
		once(&be);
	at = now_ns();
	until = at + (uint64_t)(strtod(argv[3], NULL) * 1e9);
	while (at < until) {
		uint64_t then = at;

		once(&be);
		at = now_ns();
		latency_add(&be.latency, at - then);
	}
	printf("{\"ops\": %llu, \"rate\": %.1f, \"p50_us\": %.3f, \"p99_us\": %.3f}\n",
	       (unsigned long long)la->count, 1e9 * (double)la->count / (double)la->sum_ns,
	       latency_at(la, 0.50), latency_at(la, 0.99));
	return 0;
}
