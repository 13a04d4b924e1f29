/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X25519 of lsaiso: is it what RFC 7748 says and what nettle does, on every
 * kind of point? And op prove: is the key that of the root, the same after a
 * restart with a kept one, the proof what ops.h says, and bound to all it
 * should be bound to?
 */
#define _GNU_SOURCE /* memmem */
#include "x25519.h"

#include <nettle/curve25519.h>
#include <nettle/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_host.h"
#include "x25519_words.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t given[ISO_ROOT_KEY] = { 0,	 1,  2,	 3,  4,	 5,  6,	 7,  8,	 9,  10,
					     11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
					     22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

/* ---- the function */

static void
vectors(void **state)
{
	FILE *file = fopen(VECTORS "/rfc7748-x25519.txt", "re");
	char line[512], word[3][80];
	int rows = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		uint8_t private[32], point[32], want[32], got[32];

		if (line[0] == '#' || strncmp(line, "source: ", 8) == 0)
			continue;
		assert_int_equal(sscanf(line, "%79s %79s %79s", word[0], word[1], word[2]), 3);
		unhex(word[0], private);
		unhex(word[1], point);
		unhex(word[2], want);
		assert_int_equal(x25519(got, private, point), ISO_OK);
		assert_memory_equal(got, want, sizeof(want));
		/* in place, over either */
		memcpy(got, private, sizeof(got));
		assert_int_equal(x25519(got, got, point), ISO_OK);
		assert_memory_equal(got, want, sizeof(want));
		memcpy(got, point, sizeof(got));
		assert_int_equal(x25519(got, private, got), ISO_OK);
		assert_memory_equal(got, want, sizeof(want));
		rows++;
	}
	(void)fclose(file);
	assert_int_equal(rows, 6);
}

/* RFC 7748 section 5.2: what came out becomes the scalar, the scalar the point. */
static void
iterated(void **state)
{
	static const char *const once =
	    "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
	static const char *const often =
	    "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
	uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32], want[32];

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		assert_int_equal(x25519(out, k, u), ISO_OK);
		memcpy(u, k, sizeof(u));
		memcpy(k, out, sizeof(k));
		if (i != 1 && i != 1000)
			continue;
		unhex(i == 1 ? once : often, want);
		assert_memory_equal(out, want, sizeof(want));
	}
}

static void
same_as_nettle(const uint8_t private[32], const uint8_t point[32])
{
	static const uint8_t zero[32];
	uint8_t mine[32], theirs[32];
	enum iso_status st = x25519(mine, private, point);

	curve25519_mul(theirs, private, point);
	assert_memory_equal(mine, theirs, sizeof(mine));
	assert_int_equal(st == ISO_OK, memcmp(mine, zero, sizeof(zero)) != 0);
	assert_true(st == ISO_OK || st == ISO_E_RANGE);
}

/* Random ones; one bit set, all but one; the edges of each limb and of p. */
static void
against_nettle(void **state)
{
	uint8_t private[32], point[32], from[32] = { 0 };

	(void)state;
	for (int i = 0; i < 1500; i++) {
		test_random(private, sizeof(private));
		test_random(point, sizeof(point));
		same_as_nettle(private, point);
	}
	for (unsigned int bit = 0; bit < 256; bit++) {
		test_random(private, sizeof(private));
		for (int full = 0; full <= 1; full++) {
			memset(point, full ? 0xff : 0, sizeof(point));
			point[bit / 8] ^= (uint8_t)(1u << bit % 8);
			same_as_nettle(private, point);
			same_as_nettle(point, private); /* and as a scalar */
		}
		/* all ones from this bit on, up to this bit */
		memset(point, 0, sizeof(point));
		for (unsigned int i = bit; i < 256; i++)
			point[i / 8] |= (uint8_t)(1u << i % 8);
		same_as_nettle(private, point);
		for (size_t i = 0; i < sizeof(point); i++)
			point[i] = (uint8_t)~point[i];
		same_as_nettle(private, point);
	}
	/* p - 130 .. 2^255 - 1 and 2^256 - 256 .. 2^256 - 1 */
	memset(point, 0xff, sizeof(point));
	for (unsigned int low = 0; low < 256; low++) {
		test_random(private, sizeof(private));
		point[0] = (uint8_t)low;
		point[31] = 0x7f;
		same_as_nettle(private, point);
		point[31] = 0xff;
		same_as_nettle(private, point);
	}
	memset(private, 0, sizeof(private));
	curve25519_mul_g(from, private);
	same_as_nettle(private, from);
}

/* Private keys that differ in bits that RFC 7748 sets and clears are the same. */
static void
clamped(void **state)
{
	static const uint8_t base[32] = { 9 };
	uint8_t private[32], one[32], other[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		test_random(private, sizeof(private));
		assert_int_equal(x25519(one, private, base), ISO_OK);
		for (unsigned int bits = 0; bits < 32; bits++) {
			private[0] = (uint8_t)((private[0] & 0xf8) | (bits & 7));
			private[31] = (uint8_t)((private[31] & 0x3f) | (bits >> 3 << 6));
			assert_int_equal(x25519(other, private, base), ISO_OK);
			assert_memory_equal(one, other, sizeof(one));
		}
		private[0] ^= 8;
		assert_int_equal(x25519(other, private, base), ISO_OK);
		assert_memory_not_equal(one, other, sizeof(one));
	}
}

/* ---- the operation */

static struct iso_rep_status
status(struct iso *iso)
{
	struct iso_req_status req = { 0 };
	struct iso_rep_status rep = { 0 };

	assert_int_equal(iso_call(iso, ISO_OP_status, &req, &rep), ISO_OK);
	return rep;
}

static void
set_root(struct iso *iso, const uint8_t root[ISO_ROOT_KEY])
{
	struct iso_req_root_set req = { .key = { root, ISO_ROOT_KEY } };

	assert_int_equal(iso_call(iso, ISO_OP_root_set, &req, NULL), ISO_OK);
}

static void
configure(struct iso *iso)
{
	struct iso_req_configure req = { .rate = 1000, .burst = 1000 };

	assert_int_equal(iso_call(iso, ISO_OP_configure, &req, NULL), ISO_OK);
}

/* What ops.h says, by nettle: the proof as the asker computes it. */
static void
expect(const uint8_t own[32], const struct iso_req_prove *req, const struct iso_rep_prove *rep,
       uint8_t proof[ISO_HASH])
{
	uint8_t shared[32];
	struct hmac_sha256_ctx ctx;

	curve25519_mul(shared, own, rep->public);
	hmac_sha256_set_key(&ctx, sizeof(shared), shared);
	hmac_sha256_update(&ctx, 12, (const uint8_t *)"lsaiso prove");
	hmac_sha256_update(&ctx, 32, req->public);
	hmac_sha256_update(&ctx, 32, rep->public);
	hmac_sha256_update(&ctx, 32, req->nonce);
	hmac_sha256_update(&ctx, 16, rep->boot_id);
	hmac_sha256_update(&ctx, 8, (const uint8_t *)&rep->sequence);
	hmac_sha256_update(&ctx, 32, rep->chain);
	hmac_sha256_digest(&ctx, ISO_HASH, proof);
}

static void
asker(uint8_t own[32], struct iso_req_prove *req)
{
	test_random(own, 32);
	test_random(req->nonce, sizeof(req->nonce));
	curve25519_mul_g(req->public, own);
}

/* The public key of a root key, by another implementation. */
static void
key_of_the_root(void **state)
{
	uint8_t want[32], first[32];

	(void)state;
	unhex("d43f5e521b369680337559719648310e04f77637c598626480ed89bec6170e4e", want);
	for (int start = 0; start < 3; start++) {
		struct iso *iso = iso_fresh();
		struct iso_rep_status is = status(iso);

		assert_memory_not_equal(is.public_key, want, sizeof(want));
		if (start > 0) /* a random root: new at each start */
			assert_memory_not_equal(is.public_key, first, sizeof(first));
		memcpy(first, is.public_key, sizeof(first));
		configure(iso);
		assert_memory_equal(status(iso).public_key, first, sizeof(first));

		iso = iso_fresh();
		set_root(iso, given);
		assert_memory_equal(status(iso).public_key, want, sizeof(want));
		configure(iso);
		assert_memory_equal(status(iso).public_key, want, sizeof(want));
	}
	for (size_t i = 0; i < sizeof(given) * 8; i++) {
		struct iso *iso = iso_fresh();
		uint8_t root[ISO_ROOT_KEY];

		memcpy(root, given, sizeof(root));
		root[i / 8] ^= (uint8_t)(1u << (i % 8));
		set_root(iso, root);
		assert_memory_not_equal(status(iso).public_key, want, sizeof(want));
	}
}

static void
proves(void **state)
{
	struct iso *iso = iso_fresh();

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct iso_req_prove req = { 0 };
		struct iso_rep_prove rep = { 0 };
		struct iso_rep_status is;
		uint8_t own[32], want[ISO_HASH];

		if (round == 20)
			set_root(iso, given);
		if (round == 40)
			configure(iso);
		is = status(iso);
		asker(own, &req);
		assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
		assert_memory_equal(rep.public, is.public_key, sizeof(rep.public));
		assert_memory_equal(rep.boot_id, is.boot_id, sizeof(rep.boot_id));
		expect(own, &req, &rep, want);
		assert_memory_equal(rep.proof, want, sizeof(want));
	}
}

/* Where the use log stands. */
struct head {
	uint64_t records;
	uint8_t chain[ISO_HASH];
};

static void
restore_log(struct iso *iso, const struct head *to)
{
	iso->records = to->records;
	memcpy(iso->chain, to->chain, sizeof(iso->chain));
}

/* Any bit of the asker's key or nonce, or another start, gives another proof. */
static void
bound(void **state)
{
	struct iso *iso = iso_fresh();
	struct iso_req_prove req = { 0 };
	struct iso_rep_prove first = { 0 }, rep = { 0 };
	struct head log;
	uint8_t own[32];

	(void)state;
	set_root(iso, given);
	asker(own, &req);
	log.records = iso->records;
	memcpy(log.chain, iso->chain, sizeof(log.chain));
	assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &first), ISO_OK);
	/* with the log put back as it was, the same proof: what follows is due to the bits alone */
	restore_log(iso, &log);
	assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
	assert_memory_equal(&rep, &first, sizeof(rep));
	for (unsigned int bit = 0; bit < 512; bit++) {
		uint8_t *at = bit < 256 ? req.public : req.nonce;

		restore_log(iso, &log);
		at[bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
		/* the highest bit of the key is no part of the point, but of the proof */
		assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
		assert_memory_not_equal(rep.proof, first.proof, sizeof(rep.proof));
		at[bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* the same asked: only the head of the use log has changed since, and so the proof */
	assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
	assert_memory_equal(rep.boot_id, first.boot_id, sizeof(rep.boot_id));
	assert_int_equal(rep.sequence, first.sequence + 1);
	assert_memory_not_equal(rep.chain, first.chain, sizeof(rep.chain));
	assert_memory_not_equal(rep.proof, first.proof, sizeof(rep.proof));
	iso = iso_fresh();
	set_root(iso, given);
	assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
	assert_memory_equal(rep.public, first.public, sizeof(rep.public));
	assert_memory_not_equal(rep.boot_id, first.boot_id, sizeof(rep.boot_id));
	assert_memory_not_equal(rep.proof, first.proof, sizeof(rep.proof));
}

/* Points of low order, the ignored bit clear and set: refused, with no body. */
static void
low_order_refused(void **state)
{
	static const uint8_t zero[32];
	struct iso *iso = iso_fresh();

	(void)state;
	for (size_t i = 0; i < 2 * LOW_ORDERS; i++) {
		struct iso_req_prove req = { 0 };
		struct iso_rep_prove rep = { 0 };
		uint8_t private[32], out[32];
		uint64_t refused = iso->count.refused;

		unhex(low_order[i / 2], req.public);
		req.public[31] = (uint8_t)(req.public[31] | (i % 2 ? 0x80 : 0));
		for (int round = 0; round < 20; round++) {
			test_random(private, sizeof(private));
			memset(out, 1, sizeof(out));
			assert_int_equal(x25519(out, private, req.public), ISO_E_RANGE);
			assert_memory_equal(out, zero, sizeof(zero));
		}
		assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_E_RANGE);
		assert_memory_equal(rep.proof, zero, sizeof(rep.proof));
		assert_int_equal(iso->count.refused, refused + 1);
		/* what was computed does not stay behind either */
		assert_memory_equal(iso->rep.prove.proof, zero, sizeof(zero));
	}
}

/* The private key is in no octet of the state, before and after its use. */
static void
private_not_kept(void **state)
{
	struct iso *iso = iso_fresh();
	struct iso_req_prove req = { 0 };
	uint8_t own[32], private[32], check[32];

	(void)state;
	set_root(iso, given);
	for (int round = 0; round < 2; round++) {
		iso_derive(iso, ISO_PRIVATE, (struct wr){ private, sizeof(private) });
		curve25519_mul_g(check, private);
		assert_memory_equal(check, status(iso).public_key, sizeof(check));
		for (size_t i = 0; i + 8 <= sizeof(private); i++)
			assert_null(memmem(iso, sizeof(*iso), private + i, 8));
		asker(own, &req);
		assert_int_equal(iso_call(iso, ISO_OP_prove, &req, NULL), ISO_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(iterated),
		cmocka_unit_test(against_nettle),
		cmocka_unit_test(clamped),
		cmocka_unit_test(key_of_the_root),
		cmocka_unit_test(proves),
		cmocka_unit_test(bound),
		cmocka_unit_test(low_order_refused),
		cmocka_unit_test(private_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
