/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does ntlm_authenticate answer only for whom it may: the list of servers, the
 * policy, the session, the hash? What it answers: iso_ntlm.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"
#include "krb.h"
#include "ntlm_world.h"

/* ---- the list */

static void
listed(void **state)
{
	static const char *const list[] = { "Web.Test", "*.farm.test", "NBNAME", "a*b",
					    "*",	"*.",	       "q?",	 NULL };
	static const struct {
		const char *dns, *nb, *target;
		bool on;
	} row[] = {
		{ "web.test", NULL, NULL, true },
		{ "WEB.TEST", "OTHER", NULL, true },	 /* the DNS name is what counts */
		{ "other.test", "NBNAME", NULL, false }, /* also when it is the one that is not */
		{ NULL, "nbname", NULL, true },
		{ "", "nbname", NULL, true },
		{ NULL, "nbnam", NULL, false },
		{ NULL, "nbname2", NULL, false },
		{ NULL, NULL, NULL, false },
		{ "", "", NULL, false },
		{ "web.test.", NULL, NULL, false },
		{ "web.tes", NULL, NULL, false },
		{ "xweb.test", NULL, NULL, false },
		{ "x.web.test", NULL, NULL, false },
		{ "farm.test", NULL, NULL, false }, /* below it, not itself */
		{ ".farm.test", NULL, NULL, false },
		{ "a.farm.test", NULL, NULL, true },
		{ "a.b.FARM.test", NULL, NULL, true },
		{ "afarm.test", NULL, NULL, false },
		{ "a.farm.test.evil", NULL, NULL, false },
		{ "*.farm.test", NULL, NULL, true }, /* a strange name, below it all the same */
		{ "anything", NULL, NULL, false }, /* a star stands for itself but before a name */
		{ "*", NULL, NULL, true },
		{ "*.", NULL, NULL, true },
		{ "x.", NULL, NULL, false },
		{ "axb", NULL, NULL, false },
		{ "a*b", NULL, NULL, true },
		{ "q?", NULL, NULL, true },
		{ "qx", NULL, NULL, false },
		{ "WEB.TEST", NULL, "HTTP/web.test", true },
		{ "WEB.TEST", NULL, "HTTP/web.test:8080", true },
		{ "WEB.TEST", NULL, "HTTP/web.test/REALM", true },
		{ "WEB.TEST", NULL, "HTTP/web.test:1/REALM", true },
		{ "WEB.TEST", NULL, "web.test", true },
		{ "WEB.TEST", NULL, "cifs/NBNAME", true },
		{ "WEB.TEST", NULL, "cifs/x.farm.test", true },
		{ "WEB.TEST", NULL, "HTTP/other.test", false },
		{ "WEB.TEST", NULL, "HTTP/other.test/web.test", false },
		{ "WEB.TEST", NULL, "other.test/other.test:web.test", false },
		{ "WEB.TEST", NULL, "HTTP/", false },
		{ "WEB.TEST", NULL, "/", false },
		{ "WEB.TEST", NULL, ":", false },
		{ "WEB.TEST", NULL, "HTTP//web.test", false },
		{ "other.test", NULL, "HTTP/web.test", false },
	};
	static struct ntlm_world w;

	(void)state;
	for (int enforced = 0; enforced < 2; enforced++) {
		for (size_t i = 0; i < COUNT(row); i++) {
			bool on = row[i].on;

			if (i % 8 == 0)
				ntlm_begin(&w,
					   ISO_POLICY_NTLM | (enforced ? ISO_POLICY_TARGETS : 0),
					   list);
			w.req.challenge = challenge_of(ALLOWED, names(row[i].dns, row[i].nb));
			w.req.target = row[i].target != NULL ? utf16(row[i].target) : d_raw("", 0);
			if (ntlm_call(&w) != (on || !enforced ? ISO_OK : ISO_E_POLICY) ||
			    ((on || !enforced) && w.rep.listed != on))
				fail_msg("row %zu", i);
			if (on || !enforced)
				ntlm_check(&w);
		}
	}
}

/* Letters that are not ASCII are like none that are; an empty list has everything. */
static void
listed_letters(void **state)
{
	static const char *const list[] = { "*.lab", "k??", "kss", "k", "k-[]^_{}~`@", NULL };
	static const uint16_t strange[] = { 0x212a /* KELVIN SIGN */,
					    0x017f,
					    0x016b,
					    0x006b + 0x100,
					    0xff2b,
					    0,
					    0x0b,
					    0x200b,
					    0xd800 };
	static struct ntlm_world w;

	(void)state;
	ntlm_begin(&w, POLICY, list);
	w.req.challenge = challenge_of(ALLOWED,
				       d_join(2, pair(3, utf16("K")), pair(0, d_raw("", 0))));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	for (size_t i = 0; i < COUNT(strange); i++) {
		const struct rd one = d_raw(&strange[i], 2);

		for (int more = 0; more < 3; more++) {
			struct rd name = more == 0   ? one
					 : more == 1 ? d_join(3, utf16("k"), one, one)
						     : d_join(2, utf16("K"), one);

			w.req.challenge = challenge_of(
			    ALLOWED, d_join(2, pair(3, name), pair(0, d_raw("", 0))));
			assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
		}
	}
	/* nor below a name, where a star stands for anything else */
	for (size_t i = 0; i < COUNT(strange); i++) {
		w.req.challenge = challenge_of(
		    ALLOWED,
		    d_join(2, pair(3, d_join(3, utf16("a"), d_raw(&strange[i], 2), utf16(".lab"))),
			   pair(0, d_raw("", 0))));
		assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
	}
	w.req.challenge = challenge_of(ALLOWED, names("a.x.lab", NULL));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	/* neighbours of letters in ASCII are not letters */
	w.req.challenge = challenge_of(ALLOWED, names("K-[]^_{}~`@", NULL));
	assert_int_equal(ntlm_call(&w), ISO_OK);
	w.req.challenge = challenge_of(ALLOWED, names("K-{}~_[]^@`", NULL));
	assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
	ntlm_begin(&w, POLICY, NULL);
	w.req.challenge = challenge_of(ALLOWED, pair(0, d_raw("", 0)));
	w.req.target = utf16("HTTP/anybody");
	assert_int_equal(ntlm_call(&w), ISO_OK);
	assert_int_equal(w.rep.listed, 1);
}

static void
configured(void **state)
{
	uint8_t name[258];
	struct {
		struct rd list;
		bool good;
	} row[] = {
		{ { name, 0 }, true },
		{ { (const uint8_t *)"a", 2 }, true },
		{ { (const uint8_t *)"a\0b", 4 }, true },
		{ { name, 256 }, true }, /* 255 octets and the NUL */
		{ { name, 255 }, false },
		{ { name + 0, 257 }, false },
		{ { (const uint8_t *)"a", 1 }, false },
		{ { (const uint8_t *)"", 1 }, false },
		{ { (const uint8_t *)"a\0", 3 }, false },
		{ { (const uint8_t *)"\0a", 3 }, false },
		{ { (const uint8_t *)"a b", 4 }, false },
		{ { (const uint8_t *)"a\tb", 4 }, false },
		{ { (const uint8_t *)"a\177", 3 }, false },
		{ { (const uint8_t *)"a\200", 3 }, false },
		{ { (const uint8_t *)"\377", 2 }, false },
		{ { (const uint8_t *)"a\0b", 3 }, false },
	};

	(void)state;
	memset(name, 'a', sizeof(name));
	name[255] = 0;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct iso *iso = iso_fresh();
		struct iso_req_configure req = { .rate = 1, .burst = 1, .targets = row[i].list };

		if (i == 5)
			memset(name, 'a', 256), name[256] = 0; /* 256 octets and the NUL */
		if (iso_call(iso, ISO_OP_configure, &req, NULL) !=
		    (row[i].good ? ISO_OK : ISO_E_RANGE))
			fail_msg("row %zu", i);
		assert_int_equal(iso->phase, row[i].good ? ISO_RUN : ISO_BOOT);
		assert_int_equal(iso->targets_len, row[i].good ? row[i].list.len : 0);
	}
}

/* ---- who may */

static void
policy(void **state)
{
	static const char *const list[] = { "web.test", NULL };
	static struct ntlm_world w;
	const struct record *last;

	(void)state;
	ntlm_begin(&w, ISO_POLICY_ALL & ~ISO_POLICY_NTLM & ~ISO_POLICY_TARGETS, NULL);
	assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
	ntlm_begin(&w, POLICY, list);
	/* a refusal comes before the key is looked at, and costs no token */
	w.req.key.len = 0;
	assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
	w.req.challenge = challenge_of(ALLOWED, names("WEB.test", "WEB"));
	assert_int_equal(ntlm_call(&w), ISO_E_BLOB);
	w.req.key.len = w.blob.blob.len;
	assert_int_equal(ntlm_call(&w), ISO_OK);
	assert_int_equal(w.iso->session[w.s.session].uses, 1);
	assert_int_equal(w.rep.server.len, 16);
	assert_memory_equal(w.rep.server.at, utf16("WEB.test").at, 16);
	/* the log has the name, also of what was refused */
	last = &w.iso->used[(w.iso->records - 1) % ISO_RECORDS].of;
	assert_int_equal(last->op, ISO_OP_ntlm_authenticate);
	assert_int_equal(last->status, ISO_OK);
	assert_int_equal(last->target_len, 8);
	assert_memory_equal(last->target, "WEB.test", 8);
	w.req.challenge = challenge_of(
	    ALLOWED,
	    d_join(2, pair(1, d_raw("E\0\x01\0I\x01L\0 \0\x7f\0\0\0", 14)), pair(0, d_raw("", 0))));
	assert_int_equal(ntlm_call(&w), ISO_E_POLICY);
	last = &w.iso->used[(w.iso->records - 1) % ISO_RECORDS].of;
	assert_int_equal(last->status, ISO_E_POLICY);
	assert_int_equal(last->target_len, 7);
	assert_memory_equal(last->target, "E??L ??", 7);
}

static void
rate(void **state)
{
	struct iso_req_configure conf = { .policy = POLICY, .rate = 1, .burst = 2 };
	static struct ntlm_world w;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	w.iso->rate = conf.rate;
	w.iso->burst = conf.burst;
	assert_int_equal(ntlm_call(&w), ISO_OK);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	assert_int_equal(ntlm_call(&w), ISO_E_RATE);
	pass_ms(1000);
	assert_int_equal(ntlm_call(&w), ISO_OK);
}

static enum iso_status
with_key(struct ntlm_world *w, uint8_t kind, uint16_t may, int32_t etype, size_t len)
{
	struct blob b = { .kind = kind, .may = may, .etype = etype };
	static uint8_t out[ISO_SEALED_MAX]; /* where req.key still is after the call */
	uint8_t secret[ISO_SECRET_MAX];
	uint32_t n = 0;

	test_random(secret, sizeof(secret));
	b.expires_ms = iso_now(w->iso) + 1000;
	blob_client_hash(w->req.name, b.client);
	assert_int_equal(blob_seal(w->iso, &w->iso->session[w->s.session], &b,
				   (struct rd){ secret, len }, (struct wr){ out, sizeof(out) }, &n),
			 ISO_OK);
	w->req.key = (struct rd){ out, n };
	return ntlm_call(w);
}

static void
other_keys(void **state)
{
	static struct ntlm_world w;
	uint8_t blob[ISO_BLOB_MAX];

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	assert_int_equal(with_key(&w, ISO_KIND_NTLM, 0, 0, 16), ISO_OK);
	assert_int_equal(with_key(&w, ISO_KIND_NTLM, 0, 0, 15), ISO_E_BLOB);
	assert_int_equal(with_key(&w, ISO_KIND_NTLM, 0, 0, 17), ISO_E_BLOB);
	assert_int_equal(with_key(&w, ISO_KIND_TGT, ISO_MAY_TGS, 17, 16), ISO_E_KIND);
	assert_int_equal(with_key(&w, ISO_KIND_KEY, ISO_MAY_AS, 23, 16), ISO_E_KIND);
	assert_int_equal(with_key(&w, ISO_KIND_PASSWORD, ISO_MAY_S2K, 0, 16), ISO_E_KIND);
	memcpy(blob, w.blob.blob.at, w.blob.blob.len);
	w.req.key = (struct rd){ blob, w.blob.blob.len };
	for (size_t i = 0; i < 8 * w.req.key.len; i++) {
		blob[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(ntlm_call(&w), ISO_E_BLOB);
		blob[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (w.req.key.len = 0; w.req.key.len < w.blob.blob.len; w.req.key.len++)
		assert_int_equal(ntlm_call(&w), ISO_E_BLOB);
	assert_int_equal(ntlm_call(&w), ISO_OK);
	ntlm_check(&w);
}

static void
others(void **state)
{
	struct iso_req_session_open open = { .owner = OWNER + 1, .lifetime = 36000 };
	struct iso_rep_session_open theirs;
	static struct ntlm_world w;
	struct iso_req_ntlm_authenticate good;

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	good = w.req;
	w.req.owner++;
	assert_int_equal(ntlm_call(&w), ISO_E_OWNER);
	w.req.owner = 0;
	assert_int_equal(ntlm_call(&w), ISO_E_OWNER);
	w.req = good;
	w.req.generation++;
	assert_int_equal(ntlm_call(&w), ISO_E_SESSION);
	w.req = good;
	w.req.session++;
	assert_int_equal(ntlm_call(&w), ISO_E_SESSION);
	w.req = good;
	w.req.name.len--;
	assert_int_equal(ntlm_call(&w), ISO_E_OWNER);
	w.req.name.len = 0;
	assert_int_equal(ntlm_call(&w), ISO_E_OWNER);
	/* a session of one's own does not open somebody else's hash */
	assert_int_equal(iso_call(w.iso, ISO_OP_session_open, &open, &theirs), ISO_OK);
	w.req = good;
	w.req.session = theirs.session;
	w.req.generation = theirs.generation;
	w.req.owner = OWNER + 1;
	assert_int_equal(ntlm_call(&w), ISO_E_BLOB);
	w.req = good;
	assert_int_equal(ntlm_call(&w), ISO_OK);
	w.req.bindings = d_raw(ntlm_sample, 15);
	assert_int_equal(ntlm_call(&w), ISO_E_RANGE);
	w.req = good;
	w.req.user.len = 0;
	assert_int_equal(ntlm_call(&w), ISO_E_RANGE);
	for (size_t i = 0; i < 5; i++) { /* half a character */
		struct rd *name[] = { &w.req.user, &w.req.upper, &w.req.domain, &w.req.workstation,
				      &w.req.target };

		w.req = good;
		*name[i] = d_raw("abc", 3);
		assert_int_equal(ntlm_call(&w), ISO_E_RANGE);
	}
}

static void
ends(void **state)
{
	static struct ntlm_world w;
	struct iso_req_session_lock lock = { .owner = OWNER };
	struct iso_req_session_close close = { .owner = OWNER };

	(void)state;
	ntlm_begin(&w, POLICY, NULL);
	lock.session = close.session = w.s.session;
	lock.generation = close.generation = w.s.generation;
	assert_int_equal(ntlm_call(&w), ISO_OK);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_lock, &lock, NULL), ISO_OK);
	assert_int_equal(ntlm_call(&w), ISO_E_LOCKED);
	/* nor with a hash that was made after the lock, of a password typed then */
	pass_ms(10);
	assert_int_equal(with_key(&w, ISO_KIND_NTLM, 0, 0, 16), ISO_E_LOCKED);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_close, &close, NULL), ISO_OK);
	assert_int_equal(ntlm_call(&w), ISO_E_SESSION);
	ntlm_begin(&w, POLICY, NULL);
	pass_ms(UINT64_C(3600000)); /* the hash's end */
	assert_int_equal(ntlm_call(&w), ISO_E_EXPIRED);
	ntlm_begin(&w, POLICY, NULL);
	pass_ms(UINT64_C(36000000)); /* the session's */
	assert_int_equal(ntlm_call(&w), ISO_E_EXPIRED);
	assert_int_equal(ntlm_call(&w), ISO_E_SESSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed),     cmocka_unit_test(listed_letters),
		cmocka_unit_test(configured), cmocka_unit_test(policy),
		cmocka_unit_test(rate),	      cmocka_unit_test(other_keys),
		cmocka_unit_test(others),     cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
