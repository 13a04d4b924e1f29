/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does lsaiso, in the objects as they go into the program, branch on a private
 * key or a password, or look anything up by one? Run by constant.py under
 * valgrind's memcheck, which is told that the secret's octets were never set:
 * it reports each branch and each address that depends on one.
 *
 * usage: boundary_secrets key | box | s2k | ntlm | branch | lookup
 *
 * key     X25519: nothing may depend on the private key
 * box     HPKE: one branch may, that on whether the tag is right
 * s2k     keys of a password, etypes 17 to 20: what nettle's AES looks up when it
 *         is given a key, and nothing else
 * ntlm    an answer of NTLM: what RC4 looks up by, and nothing else
 * branch, lookup  do what must not be done: reports must come then
 */
#include <stdio.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "host.h"
#include "hpke.h"
#include "krb.h"
#include "ntlm.h"
#include "x25519.h"

static const uint8_t table[256] = { 1, 2, 3 };

/* private and out apart, so that no octet is both */
static uint8_t private[32] = { 0x77, 7, 0x6d, 0x0a }, out[64];

/* What comes out may be told: it is public, or goes into HMAC, or is a verdict. */
static int
told(int verdict)
{
	VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
	VALGRIND_MAKE_MEM_DEFINED(&verdict, sizeof(verdict));
	return verdict;
}

static int
box(void)
{
	static const uint8_t point[32] = { 9 }, sealed[HPKE_ENC + HPKE_TAG + 64] = { 9 };
	struct hpke_pair own = { { 0 }, { 0 } };

	(void)!x25519(own.public, private, point);
	VALGRIND_MAKE_MEM_DEFINED(own.public, sizeof(own.public));
	memcpy(own.private, private, sizeof(private));
	return (int)hpke_open(&own, (struct rd){ point, 9 }, (struct rd){ point, 0 },
			      (struct rd){ sealed, sizeof(sealed) },
			      (struct wr){ out, sizeof(out) });
}

static int
s2k(void)
{
	static const struct krb_type types[] = {
		{ KRB_ETYPE_AES128_SHA1, 15, KRB_SHA1, 16, 16, 12 },
		{ KRB_ETYPE_AES256_SHA1, 16, KRB_SHA1, 32, 16, 12 },
		{ KRB_ETYPE_AES128_SHA2, 19, KRB_SHA2, 16, 16, 16 },
		{ KRB_ETYPE_AES256_SHA2, 20, KRB_SHA2, 32, 16, 24 },
	};
	static const uint8_t salt[] = "EXAMPLE.TESTuser";
	int bad = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct krb_key key = { .type = &types[i] };

		bad |= (int)krb_string_to_key((struct rd){ private, sizeof(private) },
					      (struct rd){ salt, sizeof(salt) }, 3, &key);
		for (size_t n = 0; n < sizeof(key.octets); n++)
			out[n] = (uint8_t)(out[n] + key.octets[n]);
	}
	return bad;
}

/* What is drawn may be known here: that depends on no secret. */
enum iso_status
iso_host_entropy(struct wr into)
{
	memset(into.at, 7, into.left);
	return ISO_OK;
}

uint64_t
iso_host_clock(enum iso_clock which)
{
	return (uint64_t)which;
}

static int
ntlm(void)
{
	static const uint8_t challenge[] = "NTLMSSP\0\2\0\0\0\0\0\0\0\0\0\0\0\x11\x82\x88\x40"
					   "\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\0"
					   "\4\0\4\0\x30\0\0\0\0\0\0"; /* and its NUL */
	static const uint8_t offer[16] = "NTLMSSP\0\1\0\0\0\x11\x82\x88\x40";
	static const uint8_t name[] = "U\0";
	static struct iso_rep_ntlm_authenticate rep;
	struct iso_req_ntlm_authenticate req = { .user = { name, 2 },
						 .upper = { name, 2 },
						 .domain = { name, 0 },
						 .workstation = { name, 0 },
						 .target = { name, 0 },
						 .negotiate = { offer, sizeof(offer) },
						 .challenge = { challenge, sizeof(challenge) } };
	struct ntlm_challenge c = { 0 };
	int bad = (int)ntlm_read(req.challenge, req.negotiate, &c);

	bad |= (int)ntlm_message(&req, &c, private, &rep);
	for (uint32_t i = 0; i < rep.message.len; i++)
		out[i % sizeof(out)] = (uint8_t)(out[i % sizeof(out)] + rep.message.at[i]);
	return bad;
}

int
main(int argc, char **argv)
{
	static const uint8_t point[32] = { 9 };
	uint8_t got = 0;
	int st = 0;

	if (argc != 2)
		return 2;
	VALGRIND_MAKE_MEM_UNDEFINED(private, sizeof(private));
	if (strcmp(argv[1], "box") == 0)
		st = box();
	else if (strcmp(argv[1], "s2k") == 0)
		st = s2k();
	else if (strcmp(argv[1], "ntlm") == 0)
		st = ntlm();
	else
		st = (int)x25519(out, private, point);
	if (strcmp(argv[1], "branch") == 0 && (private[3] & 1) != 0)
		(void)puts("odd"); /* a call: no conditional move will do */
	if (strcmp(argv[1], "lookup") == 0)
		got = table[private[5]];
	st = told(st);
	VALGRIND_MAKE_MEM_DEFINED(&got, sizeof(got));
	(void)printf("%d %u %02x%02x\n", st, got, out[0], out[31]);
	return RUNNING_ON_VALGRIND ? 0 : 3;
}
