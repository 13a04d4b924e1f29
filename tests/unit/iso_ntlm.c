/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are the keys and messages that ntlm_authenticate makes those of MS-NLMP, as
 * a server with code of its own checks them? And does it answer nothing that is
 * not NTLMv2, whatever a stranger sends? For whom it answers: iso_ntlm_who.c.
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
#include "ntlm_world.h"

/* and AUTHENTICATE_MESSAGE, in two parts */
static const char answer[] =
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c004800000008000800540000"
    "00100010005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e0055"
    "00730065007200";
static const char answer_more[] =
    "43004f004d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c";
static const char answer_rest[] =
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
    "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    "c5dad2544fc9799094ce1ce90bc9d03e";

/* ---- the words of 4.2 */

static void
check_vector(const struct words *w)
{
	struct rd key = hex(w->word[1]), data = hex(w->word[2]), want = hex(w->word[3]);
	uint8_t mac[16], theirs[16];
	struct rd parts[] = { { data.at, data.len / 3 },
			      { data.at + data.len / 3, data.len - data.len / 3 } };

	if (strcmp(w->word[0], "rc4") == 0) {
		memcpy(mac, data.at, 16);
		krb_rc4(key.at, (struct wr){ mac, 16 });
	} else {
		krb_hmac_md5(key, parts, 2, mac);
		v_hmac(key, data, theirs);
		assert_memory_equal(theirs, want.at, 16);
	}
	assert_memory_equal(mac, want.at, 16);
}

/* The verifier, which all else rests on, knows the sample, and each octet of it that is wrong. */
static void
vectors(void **state)
{
	struct v_exchange x = { { 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	struct v_seen seen;
	struct rd m;
	uint8_t *bent;

	(void)state;
	iso_fresh();
	each_line("ms-nlmp-ntlmv2.txt", 4, check_vector);
	assert_int_equal(krb_nt_hash((struct rd){ (const uint8_t *)"Password", 8 }, x.hash),
			 ISO_OK);
	assert_memory_equal(x.hash, hex("a4f49c406510bdcab6824ee7c30fd852").at, 16);
	x.upper = utf16("USER");
	x.domain = utf16("Domain");
	x.challenge = hex(ntlm_sample);
	m = d_join(3, hex(answer), hex(answer_more), hex(answer_rest));
	assert_string_equal(v_check(&x, m, &seen), "LmChallengeResponse is not Z(24)");
	bent = (uint8_t *)(uintptr_t)m.at;
	memset(bent + 0x6c, 0, 24);
	assert_null(v_check(&x, m, &seen));
	assert_memory_equal(seen.key, "UUUUUUUUUUUUUUUU", 16);
	for (size_t i = 0x6c; i < 0xd8; i++) {
		bent[i] ^= 1;
		assert_non_null(v_check(&x, m, &seen));
		bent[i] ^= 1;
	}
}

/* Octet for octet, but for proof, key and MIC, which ntlm_check() is for. */
static void
the_sample(void **state)
{
	static const uint8_t entropy[24] = "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaaUUUUUUUUUUUUUUUU";
	static struct ntlm_world w;
	struct rd temp;

	(void)state;
	for (int known = 0; known < 2; known++) {
		ntlm_begin(&w, POLICY, NULL);
		if (!known)
			w.req.negotiate.len = 0;
		test_host.real_us = 0 - UINT64_C(11644473600000000); /* 1601 */
		test_host.script = (struct rd){ entropy, sizeof(entropy) };
		assert_int_equal(ntlm_call(&w), ISO_OK);
		ntlm_check(&w);
		assert_int_equal(w.seen.flags, 0xe2888231);
		assert_int_equal(w.rep.listed, 1);
		assert_memory_equal(w.rep.session_key.at, entropy + 8, 16);
		temp = d_join(5,
			      hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
				  "02000c0044006f006d00610069006e00"
				  "01000c00530065007200760065007200"),
			      known ? hex("0600040002000000") : hex("-"),
			      hex("0a00100000000000000000000000000000000000"), hex("09000000"),
			      hex("0000000000000000"));
		assert_int_equal(w.seen.temp.len, temp.len);
		assert_memory_equal(w.seen.temp.at, temp.at, temp.len);
		assert_memory_equal(w.rep.message.at + 64, "\12\0\0\0\0\0\0\17", 8);
	}
}

/* A hash that krb_s2k made of a password is as good as one that came ready. */
static void
hash_of_a_password(void **state)
{
	static const char typed[] = "Password", who[] = "user@EXAMPLE.TEST";
	static struct ntlm_world w;
	static struct iso_rep_krb_s2k made;
	struct blob b = { .kind = ISO_KIND_PASSWORD, .may = ISO_MAY_S2K };
	uint8_t password[ISO_SEALED_MAX];
	uint32_t len = 0;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	b.expires_ms = iso_now(w.iso) + 1000;
	w.req.name = d_raw(who, strlen(who));
	blob_client_hash(w.req.name, b.client);
	assert_int_equal(blob_seal(w.iso, &w.iso->session[w.s.session], &b, d_raw(typed, 8),
				   (struct wr){ password, sizeof(password) }, &len),
			 ISO_OK);
	struct iso_req_krb_s2k req = { .session = w.s.session,
				       .generation = w.s.generation,
				       .owner = OWNER,
				       .password = { password, len },
				       .name = w.req.name };

	assert_int_equal(ntlm_call(&w), ISO_E_OWNER); /* cred_absorb had another name */
	assert_int_equal(iso_call(w.iso, ISO_OP_krb_s2k, &req, &made), ISO_OK);
	w.req.key = (struct rd){ made.blob.at, made.blob.len };
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	pass_ms(2 * (uint64_t)ISO_BOX_MS); /* after the password's end */
	assert_int_equal(ntlm_call(&w), ISO_OK);
}

/* ---- what the challenge says of itself */

static void
flags(void **state)
{
	const uint32_t most = ALLOWED;
	static const struct {
		uint32_t challenge, offer; /* offer 0: not known */
		enum iso_status st;
	} row[] = {
		{ ALLOWED, ALLOWED, ISO_OK },
		{ ALLOWED, 0, ISO_OK },
		{ REQUIRED, 0, ISO_OK },
		{ REQUIRED, REQUIRED, ISO_OK },
		{ REQUIRED, REQUIRED & ~INFO, ISO_OK }, /* clients do not ask for it */
		{ ALLOWED & ~INFO, ALLOWED, ISO_E_POLICY },
		{ ALLOWED & ~INFO, 0, ISO_E_POLICY },
		{ ALLOWED & ~UNICODE, 0, ISO_E_POLICY },
		{ (ALLOWED & ~UNICODE) | OEM, 0, ISO_E_POLICY },
		{ ALLOWED, (ALLOWED & ~UNICODE) | OEM, ISO_E_POLICY },
		{ ALLOWED & ~NTLM, 0, ISO_E_POLICY },
		{ ALLOWED, ALLOWED & ~NTLM, ISO_E_POLICY },
		{ ALLOWED & ~EXTENDED, 0, ISO_E_POLICY },
		{ ALLOWED, ALLOWED & ~EXTENDED, ISO_E_POLICY },
		{ (ALLOWED & ~EXTENDED) | LM_KEY, 0, ISO_E_POLICY },
		{ (ALLOWED & ~(EXTENDED | INFO)) | LM_KEY | OEM, 0, ISO_E_POLICY },
		{ ALLOWED | DATAGRAM, 0, ISO_E_POLICY },
		{ ALLOWED, ALLOWED | DATAGRAM, ISO_E_POLICY },
		{ ALLOWED | ANONYM, 0, ISO_E_POLICY },
		{ ALLOWED, ALLOWED | ANONYM, ISO_E_POLICY },
		{ ALLOWED | LM_KEY | NON_NT | OEM, 0, ISO_OK }, /* and in the answer it is not */
		{ UINT32_MAX & ~(DATAGRAM | ANONYM), UINT32_MAX & ~(DATAGRAM | ANONYM), ISO_OK },
		/* a session key that is not a random one stays */
		{ ALLOWED & ~EXCH, 0, ISO_E_POLICY },
		{ ALLOWED & ~EXCH, ALLOWED, ISO_E_POLICY },
		{ ALLOWED, ALLOWED & ~EXCH, ISO_E_POLICY },
		{ ALLOWED & ~(EXCH | SIGN), 0, ISO_E_POLICY },
		{ ALLOWED & ~(EXCH | SEAL), 0, ISO_E_POLICY },
		{ ALLOWED & ~(EXCH | SIGN | SEAL), 0, ISO_OK },
		{ ALLOWED & ~EXCH, ALLOWED & ~(SIGN | SEAL), ISO_OK },
		{ ALLOWED & ~(SIGN | SEAL), ALLOWED, ISO_OK }, /* KEY_EXCH for nothing */
		{ 0, 0, ISO_E_POLICY },
		{ UINT32_MAX, UINT32_MAX, ISO_E_POLICY },
	};
	static struct ntlm_world w;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	for (size_t i = 0; i < COUNT(row); i++) {
		w.req.challenge = challenge_of(row[i].challenge, names("web.test", "WEB"));
		w.req.negotiate = row[i].offer != 0 ? offer_of(row[i].offer) : d_raw("", 0);
		if (ntlm_call(&w) != row[i].st)
			fail_msg("row %zu", i);
		if (row[i].st == ISO_OK)
			ntlm_check(&w);
	}
	/* any flags at all */
	for (size_t i = 0, fine = 0; i < 20000 || fine < 100; i++) {
		uint32_t a, b;

		test_random(&a, 4);
		test_random(&b, 4);
		w.req.challenge = challenge_of(i % 2 ? a : most ^ (a & b),
					       names("web.test", "WEB"));
		test_random(&a, 4);
		w.req.negotiate = i % 3 ? offer_of(i % 2 ? a : most ^ (a & b)) : d_raw("", 0);
		if (ntlm_call(&w) == ISO_OK) {
			ntlm_check(&w);
			fine++;
		}
		if (i % 1000 == 0)
			ntlm_begin(&w, POLICY, NULL);
	}
}

static void
pairs(void **state)
{
	const struct rd none = { NULL, 0 };
	static struct ntlm_world w;
	struct rd all, md5;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	md5 = hex("00112233445566778899aabbccddeeff");
	/* what was there before is not taken over: these three are the client's to say */
	all = d_join(7, pair(10, md5), pair(9, utf16("HTTP/other")), pair(6, le(0xffffffff, 4)),
		     pair(8, d_raw("single", 6)), pair(77, d_raw("odd", 3)), pair(77, none),
		     names("web.test", "WEB"));
	w.req.challenge = challenge_of(ALLOWED, all);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_int_equal(w.seen.av_flags, 3);
	assert_memory_equal(w.seen.av[10].at, hex("00000000000000000000000000000000").at, 16);
	assert_int_equal(w.seen.av[9].len, 0);
	assert_memory_equal(w.seen.av[8].at, "single", 6);
	assert_int_equal(w.seen.av[7].at == NULL, 1); /* no time, as there was none */
	assert_int_equal(w.seen.time, test_host.real_us * 10 + UINT64_C(116444736000000000));
	/* without a NEGOTIATE_MESSAGE no MIC is promised, whatever the server says */
	w.req.negotiate.len = 0;
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_int_equal(w.seen.av_flags, 1);
	w.req.challenge = challenge_of(ALLOWED,
				       d_join(2, pair(6, le(2, 4)), names("web.test", "WEB")));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_int_equal(w.seen.has_av_flags, 0);
	/* what the program says */
	w.req.negotiate = offer_of(ALLOWED);
	w.req.target = utf16("HTTP/web.test");
	w.req.bindings = md5;
	w.req.challenge = challenge_of(
	    ALLOWED, d_join(2, pair(7, le(0x1122334455667788, 8)), names("web.test", "WEB")));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_int_equal(w.seen.time, 0x1122334455667788);
	assert_int_equal(w.seen.av_flags, 2);
	assert_memory_equal(w.seen.av[7].at, le(0x1122334455667788, 8).at, 8);
	assert_memory_equal(w.seen.av[10].at, md5.at, 16);
	assert_memory_equal(w.seen.av[9].at, w.req.target.at, w.req.target.len);
}

/* Two answers have nothing in common that is drawn. */
static void
fresh(void **state)
{
	static struct ntlm_world w;
	struct rd first;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	first = d_join(2, d_raw(w.seen.temp.at + 16, 8), d_raw(w.rep.session_key.at, 16));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_memory_not_equal(first.at, w.seen.temp.at + 16, 8);
	assert_memory_not_equal(first.at + 8, w.rep.session_key.at, 16);
	test_host.no_entropy = true;
	assert_int_equal(ntlm_call(&w), ISO_E_ENTROPY);
}

/* ---- hostile challenges */

static void
malformed(void **state)
{
	static struct ntlm_world w;
	uint8_t longest[ISO_NTLM_NAME + 2] = { 0 };

	(void)state;
	ntlm_begin(&w, ISO_POLICY_NTLM, NULL); /* which ends all octets made before */
	const struct rd none = { NULL, 0 }, end = pair(0, none), web = pair(3, utf16("web.test"));
	const struct rd bad[] = {
		none,
		end,
		d_raw("NTLMSSP", 7),
		d_join(2, web, pair(0, d_raw("x", 1))), /* the end has a value */
		d_join(3, web, end, d_raw("\0", 1)),	/* something after it */
		d_join(3, end, web, end),
		d_join(3, web, end, end),
		web, /* no end */
		d_join(2, web, d_raw("\0\0\0", 3)),
		d_join(2, web, d_raw("\3\0\377\377", 4)), /* value beyond the end */
		d_join(2, web, d_raw("\115\0\377\377", 4)),
		d_join(2, web, d_raw("\115\0\1\0", 4)),
		d_join(3, web, web, end), /* twice */
		d_join(3, pair(1, none), pair(1, none), end),
		d_join(3, pair(2, none), pair(2, none), end),
		d_join(3, pair(4, none), pair(4, none), end),
		d_join(3, pair(5, none), pair(5, none), end),
		d_join(3, pair(6, le(0, 4)), pair(6, le(0, 4)), end),
		d_join(3, pair(7, le(0, 8)), pair(7, le(0, 8)), end),
		d_join(3, pair(8, none), pair(8, none), end),
		d_join(3, pair(9, none), pair(9, none), end),
		d_join(3, pair(10, le(0, 8)), pair(10, le(0, 8)), end),
		d_join(2, pair(6, le(0, 3)), end), /* of another length */
		d_join(2, pair(6, le(0, 5)), end),
		d_join(2, pair(6, none), end),
		d_join(2, pair(7, le(0, 7)), end),
		d_join(2, pair(7, d_raw("nine octets", 9)), end),
		d_join(2, pair(7, none), end),
		d_join(2, pair(1, d_raw("abc", 3)), end), /* half a character */
		d_join(2, pair(3, d_raw("a", 1)), end),
	};

	w.req.challenge = challenge_of(ALLOWED, d_join(2, web, end));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (i == 1) /* which names nobody, and is well-formed */
			continue;
		w.req.challenge = challenge_of(ALLOWED, bad[i]);
		if (ntlm_call(&w) != ISO_E_RANGE)
			fail_msg("row %zu", i);
	}
	w.req.challenge = challenge_of(ALLOWED, end);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_int_equal(w.rep.server.len, 0);
	for (uint16_t id = 1; id <= 5; id++) {
		w.req.challenge = challenge_of(
		    ALLOWED, d_join(2, pair(id, d_raw(longest, sizeof(longest))), end));
		assert_int_equal(ntlm_call(&w), ISO_E_RANGE);
		w.req.challenge = challenge_of(
		    ALLOWED, d_join(2, pair(id, d_raw(longest, sizeof(longest) - 2)), end));
		assert_int_equal(ntlm_call(&w), ISO_OK);
		ntlm_check(&w);
	}
}

/* Every place of TargetInfo, every length: an answer only when it is all there. */
static void
offsets(void **state)
{
	static const uint32_t at[] = { 0,	   1,	       12,	   40,	       47,
				       48,	   49,	       50,	   68,	       87,
				       88,	   89,	       0xff,	   0x7fffffff, 0x80000000,
				       0xffffffb8, 0xfffffff8, 0xfffffffc, 0xffffffff };
	static const uint16_t len[] = {
		0, 1, 3, 4, 19, 20, 21, 39, 40, 41, 0x7fff, 0xffe8, 0xffff
	};
	static struct ntlm_world w;
	struct rd good;
	uint8_t *m;
	unsigned int fine = 0;

	(void)state;
	ntlm_begin(&w, ISO_POLICY_NTLM, NULL);
	good = challenge_of(ALLOWED, d_join(3, pair(3, utf16("web.test")),
					    pair(1, utf16("web.test")), pair(0, d_raw("", 0))));
	assert_int_equal(good.len, 48 + 44);
	w.req.challenge = good;
	m = (uint8_t *)(uintptr_t)good.at;
	for (size_t i = 0; i < COUNT(at); i++) {
		for (size_t j = 0; j < COUNT(len); j++) {
			memcpy(m + 44, &at[i], 4);
			memcpy(m + 40, &len[j], 2);
			if (ntlm_call(&w) == ISO_OK) {
				ntlm_check(&w);
				assert_true(at[i] == 87 || at[i] == 88);
				fine++;
			} else {
				assert_false(at[i] == 48 && len[j] == 44);
			}
		}
	}
	/* the end alone; and one octet before, where a name's last one is a zero, too */
	assert_int_equal(fine, 2);
	for (uint32_t from = 0; from < 100; from++) {
		for (uint16_t n = 0; n < 100; n++) {
			bool right = (from + n == 92 && (from == 48 || from == 68 || from == 88)) ||
				     (from == 87 && n == 4);

			memcpy(m + 44, &from, 4);
			memcpy(m + 40, &n, 2);
			assert_int_equal(ntlm_call(&w), right ? ISO_OK : ISO_E_RANGE);
			if (right)
				ntlm_check(&w);
		}
	}
}

/* Cut anywhere; and TargetName, which nothing is done with, pointing anywhere. */
static void
cut(void **state)
{
	static struct ntlm_world w;
	struct rd good, offer;
	uint8_t *m;

	(void)state;
	ntlm_begin(&w, ISO_POLICY_NTLM, NULL);
	good = challenge_of(ALLOWED, names("web.test", "WEB"));
	offer = w.req.negotiate;
	w.req.challenge = good;
	for (size_t n = 0; n < good.len; n++) {
		w.req.challenge.len = n;
		assert_int_equal(ntlm_call(&w), ISO_E_RANGE);
	}
	w.req.challenge = good;
	for (size_t n = 1; n < offer.len; n++) {
		w.req.negotiate.len = n;
		assert_int_equal(ntlm_call(&w), n < 16 ? ISO_E_RANGE : ISO_OK);
		if (n >= 16)
			ntlm_check(&w);
	}
	w.req.negotiate = offer;
	m = (uint8_t *)(uintptr_t)good.at;
	memset(m + 12, 0xff, 8);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	/* messages of another kind */
	for (uint8_t type = 0; type < 5; type++) {
		m[8] = type;
		assert_int_equal(ntlm_call(&w), type == 2 ? ISO_OK : ISO_E_RANGE);
	}
	m[8] = 2;
	m = (uint8_t *)(uintptr_t)offer.at;
	for (uint8_t type = 0; type < 5; type++) {
		m[8] = type;
		assert_int_equal(ntlm_call(&w), type == 1 ? ISO_OK : ISO_E_RANGE);
	}
}

/* Each bit of all that a stranger sends, and each octet anything at all. */
static void
flipped(void **state)
{
	static struct ntlm_world w;
	struct rd good;
	uint8_t *m;
	unsigned int fine = 0, calls = 0;

	(void)state;
	ntlm_begin(&w, ISO_POLICY_NTLM, NULL);
	good = challenge_of(
	    ALLOWED, d_join(3, pair(6, le(1, 4)), pair(7, le(5, 8)), names("web.test", "WEB")));
	w.req.challenge = good;
	m = (uint8_t *)(uintptr_t)good.at;
	for (int known = 0; known < 2; known++) {
		for (size_t i = 0; i < good.len; i++) {
			for (int change = 1; change < 256; change++) {
				m[i] ^= (uint8_t)change;
				if (ntlm_call(&w) == ISO_OK) {
					ntlm_check(&w);
					fine++;
				}
				m[i] ^= (uint8_t)change;
				calls++;
			}
		}
		w.req.negotiate.len = 0;
	}
	assert_true(fine > 1000 && fine < calls / 2 + calls / 4);
}

/* ---- Pass-the-Challenge */

/*
 * What who has taken lsass over would ask: an answer of NTLMv1 to the challenge
 * 1122334455667788, for which there are tables of all keys. Whatever the flags,
 * there is none: no TargetInfo, no answer; and what is answered is NTLMv2.
 */
static void
no_ntlmv1(void **state)
{
	static const uint32_t wanted[] = {
		NTLM, LM_KEY, EXTENDED, UNICODE, OEM, INFO, NON_NT, EXCH
	};
	static struct ntlm_world w;
	unsigned int fine = 0;

	(void)state;
	for (unsigned int set = 0; set < 1u << COUNT(wanted); set++) {
		uint32_t how = 0;

		for (size_t i = 0; i < COUNT(wanted); i++)
			how |= (set >> i & 1) != 0 ? wanted[i] : 0;
		ntlm_begin(&w, ISO_POLICY_NTLM, NULL);
		for (int info = 0; info < 3; info++) {
			w.req.challenge = challenge_of(how, info == 0 ? names("web.test", "WEB")
								      : d_raw("", 0));
			if (info == 2) /* as old servers: 32 octets and no more */
				w.req.challenge.len = 32;
			for (int known = 0; known < 2; known++) {
				w.req.negotiate = known ? offer_of(how) : d_raw("", 0);
				if (ntlm_call(&w) != ISO_OK)
					continue;
				ntlm_check(&w); /* NTLMv2 it is, and LmChallengeResponse is empty */
				assert_int_equal(info, 0);
				assert_int_equal(how & (NTLM | EXTENDED | UNICODE | INFO),
						 REQUIRED);
				assert_true(w.seen.temp.len > 24);
				fine++;
			}
		}
	}
	assert_int_equal(fine, 32); /* LM_KEY, OEM, NON_NT, EXCH; twice */
}

/* Everything as long as it may be: it fits. */
static void
longest(void **state)
{
	uint8_t octets[ISO_NTLM_IN];
	static struct ntlm_world w;
	struct rd name, fill, all;

	(void)state;
	test_random(octets, sizeof(octets));
	ntlm_begin(&w, POLICY, NULL);
	name = d_raw(octets, ISO_NTLM_NAME);
	w.req.user = w.req.upper = w.req.domain = w.req.workstation = w.req.target = name;
	w.req.bindings = d_raw(octets, 16);
	all = d_join(3, pair(3, name), pair(6, le(1, 4)), pair(0, d_raw("", 0)));
	fill = pair(78, d_raw(octets, ISO_NTLM_IN - 48 - all.len - 4));
	w.req.challenge = challenge_of(ALLOWED, d_join(2, fill, all));
	assert_int_equal(w.req.challenge.len, ISO_NTLM_IN);
	memcpy(octets, w.req.negotiate.at, w.req.negotiate.len);
	w.req.negotiate = d_raw(octets, sizeof(octets));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
	assert_true(w.rep.message.len > 6000);
	assert_memory_equal(w.rep.server.at, name.at, name.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(the_sample),
		cmocka_unit_test(hash_of_a_password),
		cmocka_unit_test(flags),
		cmocka_unit_test(pairs),
		cmocka_unit_test(fresh),
		cmocka_unit_test(malformed),
		cmocka_unit_test(offsets),
		cmocka_unit_test(cut),
		cmocka_unit_test(flipped),
		cmocka_unit_test(no_ntlmv1),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
