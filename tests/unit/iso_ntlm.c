/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are the keys and messages that ntlm_authenticate makes those of MS-NLMP, as
 * a server with code of its own checks them? And does it answer only what it
 * may, for whom it may, and nothing that is not NTLMv2?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"
#include "iso_vectors.h"
#include "krb.h"
#include "ntlm.h"
#include "ntlm_verify.h"

#define OWNER	 1000u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define POLICY	 (ISO_POLICY_NTLM | ISO_POLICY_TARGETS)

/* MS-NLMP 4.2.1, 4.2.4: CHALLENGE_MESSAGE of 4.2.4.3 */
static const char sample[] = "4e544c4d53535000020000000c000c0038000000"
			     "33828ae2"
			     "0123456789abcdef"
			     "0000000000000000"
			     "2400240044000000"
			     "060070170000000f"
			     "530065007200760065007200"
			     "02000c0044006f006d00610069006e00"
			     "01000c00530065007200760065007200"
			     "00000000";
/* NEGOTIATE_MESSAGE: what its flags are is all that is looked at */
static const char offer[] = "4e544c4d5353500001000000"
			    "b78208e2"
			    "00000000000000000000000000000000";

static struct rd
utf16(const char *text)
{
	uint8_t at[1024] = { 0 };
	size_t n = strlen(text);

	assert_true(2 * n <= sizeof(at));
	for (size_t i = 0; i < n; i++)
		at[2 * i] = (uint8_t)text[i];
	return d_raw(at, 2 * n);
}

/* ---- functions against the words of 4.2 */

static void
vectors(void **state)
{
	static const uint8_t key[16] = "UUUUUUUUUUUUUUUU";
	const struct rd none = { key, 0 };
	/* 4.2.4.1.3: the octets that temp is */
	struct rd temp;
	uint8_t hash[16], owf[16], proof[16], base[16], enc[16];

	(void)state;
	iso_fresh();
	temp = d_join(4, hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"),
		      hex("02000c0044006f006d00610069006e00"),
		      hex("01000c00530065007200760065007200"), hex("0000000000000000"));
	assert_int_equal(krb_nt_hash((struct rd){ (const uint8_t *)"Password", 8 }, hash), ISO_OK);
	assert_memory_equal(hash, hex("a4f49c406510bdcab6824ee7c30fd852").at, 16);
	ntlm_hmac(hash, utf16("USER"), utf16("Domain"), none, owf);
	assert_memory_equal(owf, hex("0c868a403bfd7a93a3001ef22ef02e3f").at, 16);
	ntlm_hmac(owf, hex("0123456789abcdef"), temp, none, proof);
	assert_memory_equal(proof, hex("68cd0ab851e51c96aabc927bebef6a1c").at, 16);
	ntlm_hmac(owf, (struct rd){ proof, 16 }, none, none, base);
	assert_memory_equal(base, hex("8de40ccadbc14a82f15cb0ad0de95ca3").at, 16);
	ntlm_rc4(base, key, enc);
	assert_memory_equal(enc, hex("c5dad2544fc9799094ce1ce90bc9d03e").at, 16);
}

/* ---- whole messages */

struct world {
	struct iso *iso;
	struct iso_rep_session_open s;
	struct iso_rep_cred_absorb blob;
	uint8_t hash[16];
	struct iso_req_ntlm_authenticate req;
	struct iso_rep_ntlm_authenticate rep;
	struct v_exchange x;
	struct v_seen seen;
};

/* A session with a hash, and a request that is answered. list: NULL ends it. */
static void
begin(struct world *w, uint32_t policy, const char *const *list)
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
		.negotiate = hex(offer),
		.challenge = hex(sample),
	};
	memcpy(w->x.hash, w->hash, 16);
}

static enum iso_status
call(struct world *w)
{
	return iso_call(w->iso, ISO_OP_ntlm_authenticate, &w->req, &w->rep);
}

/* What came back, as a server sees it. */
static void
verify(struct world *w)
{
	const char *bad;

	w->x.upper = w->req.upper;
	w->x.domain = w->req.domain;
	w->x.negotiate = w->req.negotiate;
	w->x.challenge = w->req.challenge;
	bad = v_check(&w->x, (struct rd){ w->rep.message.at, w->rep.message.len }, &w->seen);
	if (bad != NULL)
		fail_msg("%s", bad);
}

static void
the_sample(void **state)
{
	static const uint8_t entropy[24] = "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaaUUUUUUUUUUUUUUUU";
	static struct world w;

	(void)state;
	begin(&w, POLICY, NULL);
	test_host.real_us = 0 - UINT64_C(11644473600000000); /* 1601 */
	test_host.script = (struct rd){ entropy, sizeof(entropy) };
	assert_int_equal(call(&w), ISO_OK);
	verify(&w);
	assert_int_equal(w.seen.flags, 0xe2888231);
	assert_int_equal(w.rep.listed, 1);
	assert_int_equal(w.seen.time, 0);
	assert_int_equal(w.rep.session_key.len, 16);
	assert_memory_equal(w.rep.session_key.at, entropy + 8, 16);
	assert_memory_equal(w.seen.key, entropy + 8, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(the_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
