/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are the keys that lsaiso makes of passwords, and of two keys, those of the
 * RFCs and of libkrb5? And does krb_s2k make them only of what it may, with
 * an anchor for unlocking once?
 *
 * The UTF-8 cases of RFC 3962 are in rfc3962-s2k.txt; the ways in which UTF-8
 * can be wrong matter to etype 23 and the NT hash alone: the other types take
 * the octets as they are.
 */
#include <krb5/krb5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"
#include "iso_vectors.h"
#include "krb.h"

#define OWNER	 1000u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static krb5_context ctx;

static int
open_krb5(void **state)
{
	(void)state;
	setenv("KRB5_CONFIG", "/dev/null", 1);
	return krb5_init_context(&ctx);
}

static int
close_krb5(void **state)
{
	(void)state;
	krb5_free_context(ctx);
	return 0;
}

/* ---- vectors */

static int32_t
number(const char *text)
{
	return (int32_t)strtol(text, NULL, 10);
}

static void
check_s2k(const struct words *w)
{
	struct krb_key key = { .type = krb_type(number(w->word[0])) };
	struct rd want = hex(w->word[4]);

	assert_int_equal(
	    krb_string_to_key(hex(w->word[2]), hex(w->word[3]), (uint32_t)number(w->word[1]), &key),
	    ISO_OK);
	assert_int_equal(key.type->key_len, want.len);
	assert_memory_equal(key.octets, want.at, want.len);
}

static void
check_prf(const struct words *w)
{
	struct krb_key key = { .type = krb_type(number(w->word[0])) };
	struct rd octets = hex(w->word[1]), want = hex(w->word[3]);
	uint8_t out[KRB_PRF];

	memcpy(key.octets, octets.at, octets.len);
	assert_int_equal(krb_prf(&key, hex(w->word[2]), out), want.len);
	assert_memory_equal(out, want.at, want.len);
}

static struct krb_key
key_named(int32_t etype, struct rd name)
{
	struct krb_key key = { .type = krb_type(etype) };

	assert_int_equal(krb_string_to_key(name, name, 4096, &key), ISO_OK);
	return key;
}

static void
check_cf2(const struct words *w)
{
	struct krb_key a = key_named(number(w->word[0]), hex(w->word[1]));
	struct krb_key b = key_named(number(w->word[0]), hex(w->word[2])), out;
	struct rd want = hex(w->word[5]);

	krb_cf2(&a, w->word[3], &b, w->word[4], &out);
	assert_ptr_equal(out.type, a.type);
	assert_int_equal(out.type->key_len, want.len);
	assert_memory_equal(out.octets, want.at, want.len);
}

static void
vectors(void **state)
{
	(void)state;
	iso_fresh();
	each_line("rfc3962-s2k.txt", 5, check_s2k);
	each_line("rfc8009-s2k.txt", 5, check_s2k);
	each_line("rfc4757-s2k.txt", 5, check_s2k);
	each_line("rfc8009-prf.txt", 4, check_prf);
	each_line("rfc6113-cf2.txt", 6, check_cf2);
}

/* ---- against libkrb5 */

static const int32_t etypes[] = { 17, 18, 19, 20, 23 };

static krb5_data
data_of(const void *at, size_t n)
{
	return (krb5_data){ .data = (char *)(uintptr_t)at, .length = (unsigned int)n };
}

/* A random character, in UTF-8; how long it is. */
static size_t
random_character(uint8_t at[4])
{
	static const uint32_t ends[] = { 0x80, 0x800, 0x10000, 0x110000 };
	uint32_t r[2], c;

	test_random(r, sizeof(r));
	do {
		c = 1 + r[1]++ % (ends[r[0] % 4] - 1);
	} while (c >= 0xd800 && c < 0xe000);
	if (c < 0x80) {
		at[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		at[0] = (uint8_t)(0xc0 | c >> 6);
		at[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		at[0] = (uint8_t)(0xe0 | c >> 12);
		at[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		at[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	at[0] = (uint8_t)(0xf0 | c >> 18);
	at[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	at[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	at[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

static void
s2k_as_libkrb5(int32_t etype, struct rd password, struct rd salt)
{
	struct krb_key key = { .type = krb_type(etype) };
	uint32_t count = key.type->profile == KRB_SHA2 ? 32768 : 4096;
	const uint8_t params[] = { 0, 0, (uint8_t)(count >> 8), (uint8_t)count };
	krb5_data p = data_of(params, sizeof(params)), text = data_of(password.at, password.len);
	krb5_data s = data_of(salt.at, salt.len);
	krb5_keyblock k = { 0 };

	assert_int_equal(krb_string_to_key(password, salt, count, &key), ISO_OK);
	assert_int_equal(
	    krb5_c_string_to_key_with_params(ctx, etype, &text, &s, etype == 23 ? NULL : &p, &k),
	    0);
	assert_int_equal(k.length, key.type->key_len);
	assert_memory_equal(k.contents, key.octets, k.length);
	krb5_free_keyblock_contents(ctx, &k);
}

static void
cross_s2k(void **state)
{
	uint8_t password[ISO_SECRET_MAX + 4], salt[ISO_SALT_MAX];

	(void)state;
	iso_fresh();
	test_random(salt, sizeof(salt));
	for (size_t e = 0; e < COUNT(etypes); e++) {
		size_t rounds = etypes[e] == 23 ? 500 : 4;

		for (size_t i = 0; i < rounds; i++) {
			size_t n = 0, most = i == 0 ? ISO_SECRET_MAX : 1 + i * 37 % ISO_SECRET_MAX;

			while (n < most)
				n += random_character(password + n);
			if (n > ISO_SECRET_MAX) /* fill with what surely fits */
				memset(password, 'x', n = ISO_SECRET_MAX);
			s2k_as_libkrb5(etypes[e], (struct rd){ password, n },
				       (struct rd){ salt, sizeof(salt) / rounds * i });
		}
		password[0] = 'p';
		s2k_as_libkrb5(etypes[e], (struct rd){ password, 1 },
			       (struct rd){ salt, sizeof(salt) });
	}
}

static void
cross_prf_and_cf2(void **state)
{
	uint8_t text[KRB_PRF_IN], out[KRB_PRF], theirs[64];

	(void)state;
	iso_fresh();
	for (size_t a = 0; a < COUNT(etypes); a++) {
		for (size_t b = 0; b < COUNT(etypes); b++) {
			struct krb_key x = { .type = krb_type(etypes[a]) };
			struct krb_key y = { .type = krb_type(etypes[b]) }, z;
			krb5_keyblock kx = { .enctype = etypes[a], .length = x.type->key_len },
				      ky = { .enctype = etypes[b], .length = y.type->key_len },
				      *kz = NULL;
			krb5_data in = data_of(text, a * 7 + b), prf = data_of(theirs, 0);
			size_t n = 0;

			test_random(x.octets, sizeof(x.octets));
			test_random(y.octets, sizeof(y.octets));
			test_random(text, sizeof(text));
			kx.contents = x.octets;
			ky.contents = y.octets;
			assert_int_equal(krb5_c_prf_length(ctx, etypes[a], &n), 0);
			prf.length = (unsigned int)n;
			assert_int_equal(krb5_c_prf(ctx, &kx, &in, &prf), 0);
			assert_int_equal(krb_prf(&x, (struct rd){ text, in.length }, out), n);
			assert_memory_equal(out, theirs, n);

			krb_cf2(&x, "subkeyarmor", &y, "ticketarmor", &z);
			assert_int_equal(
			    krb5_c_fx_cf2_simple(ctx, &kx, "subkeyarmor", &ky, "ticketarmor", &kz),
			    0);
			assert_int_equal(kz->length, z.type->key_len);
			assert_memory_equal(kz->contents, z.octets, kz->length);
			krb5_free_keyblock(ctx, kz);
		}
	}
}

/* ---- UTF-8 */

static void
utf8_is_strict(void **state)
{
	/* RFC 3629: what is not a character, each with something before and after it. */
	static const char *bad[] = {
		"80",	  "bf",	      "c080",	      "c1bf",	  "c2",	      "c241",
		"c2c2",	  "e08080",   "e09fbf",	      "eda080",	  "edbfbf",   "e282",
		"e28241", "f0808080", "f08fbfbf",     "f4908080", "f5808080", "f7bfbfbf",
		"f09d84", "f09d8441", "f88880808080", "fe",	  "ff",
	};
	static const char *good[] = { "41",	  "7f",	      "c280",	  "dfbf",
				      "e0a080",	  "ed9fbf",   "ee8080",	  "efbfbf",
				      "f0908080", "f48fbfbf", "41c3a942", "00" };
	uint8_t hash[KRB_NT_HASH];
	static const uint8_t none[KRB_NT_HASH];

	(void)state;
	iso_fresh();
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(krb_nt_hash(hex(good[i]), hash), ISO_OK);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct rd one = hex(bad[i]);

		assert_int_equal(krb_nt_hash(one, hash), ISO_E_RANGE);
		assert_memory_equal(hash, none, sizeof(none));
		assert_int_equal(krb_nt_hash(d_join(2, hex("41"), one), hash), ISO_E_RANGE);
		/* a cut character may not take what follows for its end */
		assert_int_equal(krb_nt_hash(d_join(3, hex("c3a9"), one, hex("42")), hash),
				 ISO_E_RANGE);
	}
	/* never past the end, which a sanitizer would show */
	for (unsigned int first = 0; first < 256; first++) {
		uint8_t *one = malloc(1);

		assert_non_null(one);
		*one = (uint8_t)first;
		assert_int_equal(krb_nt_hash((struct rd){ one, 1 }, hash),
				 first < 0x80 ? ISO_OK : ISO_E_RANGE);
		free(one);
	}
}

/* ---- krb_s2k */

static const char name[] = "user@EXAMPLE.TEST";
static const char secret[] = "correct horse \xf0\x9d\x84\x9e";

struct logon {
	struct iso *iso;
	struct iso_rep_session_open s;
	uint8_t blob[ISO_SEALED_MAX];
	uint32_t len;
	struct iso_req_krb_s2k req;
};

/* Seal a password as logon_absorb does, or otherwise. */
static void
give(struct logon *l, uint16_t may, uint8_t kind, uint64_t flags, uint64_t ms)
{
	struct blob b = {
		.kind = kind, .may = may, .flags = flags, .expires_ms = iso_now(l->iso) + ms
	};

	blob_client_hash((struct rd){ (const uint8_t *)name, strlen(name) }, b.client);
	assert_int_equal(blob_seal(l->iso, &l->iso->session[l->s.session], &b,
				   (struct rd){ (const uint8_t *)secret, strlen(secret) },
				   (struct wr){ l->blob, sizeof(l->blob) }, &l->len),
			 ISO_OK);
	l->req.password = (struct rd){ l->blob, l->len };
}

static void
logon(struct logon *l, uint32_t policy)
{
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };

	l->iso = iso_running(policy);
	assert_int_equal(iso_call(l->iso, ISO_OP_session_open, &open, &l->s), ISO_OK);
	l->req = (struct iso_req_krb_s2k){
		.session = l->s.session,
		.generation = l->s.generation,
		.owner = OWNER,
		.name = { (const uint8_t *)name, strlen(name) },
		.etype = 18,
		.salt = { (const uint8_t *)"EXAMPLE.TESTuser", 16 },
	};
	give(l, ISO_MAY_S2K, ISO_KIND_PASSWORD, 0, ISO_BOX_MS);
}

/* What is in a blob that s2k made. */
static enum iso_status
inside(struct logon *l, const uint8_t *at, uint32_t len, uint8_t kind, uint16_t may,
       struct blob *got, uint8_t key[ISO_KEY_MAX])
{
	struct blob want = { .kind = kind, .may = may };
	size_t n = 0;

	blob_client_hash(l->req.name, want.client);
	return blob_open(l->iso, &l->iso->session[l->s.session], (struct rd){ at, len }, &want, got,
			 (struct wr){ key, ISO_KEY_MAX }, &n);
}

static void
s2k_makes_keys(void **state)
{
	struct logon l;

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct iso_rep_krb_s2k rep = { 0 };
		struct krb_key key = { .type = krb_type(etypes[e]) };
		uint8_t octets[ISO_KEY_MAX];
		struct blob got;

		logon(&l, ISO_POLICY_RC4);
		l.req.etype = etypes[e];
		assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_OK);
		assert_int_equal(
		    krb_string_to_key((struct rd){ (const uint8_t *)secret, strlen(secret) },
				      l.req.salt, key.type->profile == KRB_SHA2 ? 32768 : 4096,
				      &key),
		    ISO_OK);
		assert_int_equal(
		    inside(&l, rep.blob.at, rep.blob.len, ISO_KIND_KEY, ISO_MAY_AS, &got, octets),
		    ISO_OK);
		assert_memory_equal(octets, key.octets, key.type->key_len);
		assert_int_equal(got.etype, etypes[e]);
		assert_int_equal(got.may, ISO_MAY_AS);
		assert_int_equal(got.flags, 0);
		assert_int_equal(got.expires_ms, l.iso->now_ms + ISO_BOX_MS);
		/* the anchor: the same key, for nothing else, as long as the session */
		assert_int_equal(inside(&l, rep.anchor.at, rep.anchor.len, ISO_KIND_KEY,
					ISO_MAY_UNLOCK, &got, octets),
				 ISO_OK);
		assert_memory_equal(octets, key.octets, key.type->key_len);
		assert_int_equal(got.may, ISO_MAY_UNLOCK);
		assert_int_equal(got.expires_ms, l.iso->session[l.s.session].expires_ms);
		/* once */
		assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_OK);
		assert_int_equal(rep.anchor.len, 0);
		assert_int_not_equal(rep.blob.len, 0);
	}
}

static void
s2k_refuses(void **state)
{
	static const struct {
		int32_t etype;
		uint32_t policy, count;
		uint32_t params;
		enum iso_status want;
	} rows[] = {
		{ 18, 0, 4, 4096, ISO_OK },
		{ 18, 0, 4, 4095, ISO_E_RANGE },
		{ 18, 0, 4, 1, ISO_E_RANGE },
		{ 18, 0, 4, 0, ISO_E_RANGE }, /* 2^32, says RFC 3962 */
		{ 18, 0, 4, ISO_ITERATIONS_MAX + 1, ISO_E_RANGE },
		{ 18, 0, 4, UINT32_MAX, ISO_E_RANGE },
		{ 17, 0, 4, 5000, ISO_OK },
		{ 19, 0, 4, 32768, ISO_OK },
		{ 19, 0, 4, 32767, ISO_E_RANGE },
		{ 20, 0, 4, 4096, ISO_E_RANGE },
		{ 18, 0, 3, 0, ISO_E_RANGE },
		{ 18, 0, 1, 0, ISO_E_RANGE },
		{ 23, 0, 0, 0, ISO_E_ETYPE },
		{ 23, ISO_POLICY_RC4, 0, 0, ISO_OK },
		{ 0, ISO_POLICY_ALL - ISO_POLICY_NTLM, 0, 0, ISO_E_POLICY },
		{ 0, ISO_POLICY_NTLM, 0, 0, ISO_OK },
		{ 16, ISO_POLICY_ALL, 0, 0, ISO_E_ETYPE },
		{ 3, ISO_POLICY_ALL, 0, 0, ISO_E_ETYPE },
		{ -1, ISO_POLICY_ALL, 0, 0, ISO_E_ETYPE },
	};
	struct logon l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint8_t params[] = { (uint8_t)(rows[i].params >> 24),
					   (uint8_t)(rows[i].params >> 16),
					   (uint8_t)(rows[i].params >> 8),
					   (uint8_t)rows[i].params };
		struct iso_rep_krb_s2k rep = { 0 };

		logon(&l, rows[i].policy);
		l.req.etype = rows[i].etype;
		l.req.params = (struct rd){ params, rows[i].count };
		assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), rows[i].want);
		assert_int_equal(rep.blob.len != 0, rows[i].want == ISO_OK);
		/* a refused one makes no anchor, nor does an NT hash */
		assert_int_equal((l.iso->session[l.s.session].flags & SESSION_ANCHORED) != 0,
				 rows[i].want == ISO_OK && rows[i].etype != 0);
	}
}

static void
s2k_takes_only_what_it_may(void **state)
{
	struct logon l, other;
	struct iso_req_krb_s2k req;
	struct iso_rep_session_open second;
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };

	(void)state;
	logon(&l, 0);
	other = l;
	/* another principal, owner, session, generation */
	req = l.req;
	req.name.len--;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &req, NULL), ISO_E_OWNER);
	req = l.req;
	req.owner++;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &req, NULL), ISO_E_OWNER);
	assert_int_equal(iso_call(l.iso, ISO_OP_session_open, &open, &second), ISO_OK);
	req = l.req;
	req.session = second.session;
	req.generation = second.generation;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &req, NULL), ISO_E_BLOB);
	req = l.req;
	req.generation++;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &req, NULL), ISO_E_SESSION);
	/* flipped, short, long */
	for (size_t i = 0; i < l.len; i++) {
		other.blob[i] ^= 1;
		other.req.password.at = other.blob;
		assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &other.req, NULL), ISO_E_BLOB);
		other.blob[i] ^= 1;
	}
	req = l.req;
	for (req.password.len = 0; req.password.len < ISO_SEALED_MAX; req.password.len++) {
		if (req.password.len != l.len)
			assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &req, NULL), ISO_E_BLOB);
	}
	/* a password to change to, a key */
	give(&l, ISO_MAY_NEW, ISO_KIND_PASSWORD, 0, ISO_BOX_MS);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_E_KIND);
	give(&l, ISO_MAY_S2K, ISO_KIND_KEY, 0, ISO_BOX_MS);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_E_KIND);
	/* flags that there are not */
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, BLOB_KEEP << 1, ISO_BOX_MS);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_E_BLOB);
	/* too late, by a millisecond */
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, 0, 1000);
	pass_ms(1000);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_E_EXPIRED);
	assert_int_equal(l.iso->session[l.s.session].flags, 0);
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, 0, 1000);
	pass_ms(999);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_OK);
}

static void
s2k_keeps_and_locks(void **state)
{
	struct logon l;
	struct iso_rep_krb_s2k rep = { 0 };
	uint8_t key[ISO_KEY_MAX];
	struct blob got;
	struct session *s;
	struct iso_req_session_lock lock = { .owner = OWNER };

	(void)state;
	logon(&l, 0);
	lock.session = l.s.session;
	lock.generation = l.s.generation;
	s = &l.iso->session[l.s.session];
	/* locked before any password: a key of a newer one, but no anchor */
	pass_ms(1);
	assert_int_equal(iso_call(l.iso, ISO_OP_session_lock, &lock, NULL), ISO_OK);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_E_LOCKED);
	pass_ms(1);
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, 0, ISO_BOX_MS);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_OK);
	assert_int_equal(rep.anchor.len, 0);
	assert_int_equal(s->flags, SESSION_LOCKED);
	s->flags = 0;
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, BLOB_KEEP, ISO_BOX_MS);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_OK);
	pass_ms((uint64_t)ISO_BOX_MS * 2);
	assert_int_equal(inside(&l, rep.blob.at, rep.blob.len, ISO_KIND_KEY, ISO_MAY_AS, &got, key),
			 ISO_OK);
	assert_int_equal(got.expires_ms, s->expires_ms);
	assert_int_equal(got.flags, 0);
	/* the password itself was not kept */
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_E_EXPIRED);
	/* no entropy: nothing comes out, no anchor is spent */
	s->flags = 0;
	give(&l, ISO_MAY_S2K, ISO_KIND_PASSWORD, 0, ISO_BOX_MS);
	test_host.no_entropy = true;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, NULL), ISO_E_ENTROPY);
	assert_int_equal(s->flags, 0);
}

/* A password ends soon, what NTLM is answered with lasts as long as the session. */
static void
s2k_keeps_an_nt_hash(void **state)
{
	struct iso_rep_krb_s2k rep = { 0 };
	uint8_t key[ISO_KEY_MAX];
	struct session *s;
	struct blob got;
	struct logon l;

	(void)state;
	logon(&l, ISO_POLICY_NTLM);
	s = &l.iso->session[l.s.session];
	l.req.etype = 0;
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_OK);
	assert_int_equal(rep.anchor.len, 0);
	pass_ms((uint64_t)ISO_BOX_MS * 2);
	assert_int_equal(inside(&l, rep.blob.at, rep.blob.len, ISO_KIND_NTLM, 0, &got, key),
			 ISO_OK);
	assert_int_equal(got.expires_ms, s->expires_ms);
	assert_int_equal(iso_call(l.iso, ISO_OP_krb_s2k, &l.req, &rep), ISO_E_EXPIRED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(cross_s2k),
		cmocka_unit_test(cross_prf_and_cf2),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(s2k_makes_keys),
		cmocka_unit_test(s2k_refuses),
		cmocka_unit_test(s2k_takes_only_what_it_may),
		cmocka_unit_test(s2k_keeps_and_locks),
		cmocka_unit_test(s2k_keeps_an_nt_hash),
	};

	return cmocka_run_group_tests(tests, open_krb5, close_krb5);
}
