/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The asker's side of op prove: is the right lsaiso believed, and nobody
 * else, whoever sits between, whatever he changes, keeps and repeats? And is
 * a pinned key read strictly?
 */
#define _GNU_SOURCE
#include "lib/prove.h"

#include <errno.h>
#include <nettle/curve25519.h>
#include <nettle/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso_host.h"
#include "x25519_words.h"

/* Who sits between, and what he does. */
struct between {
	struct iso *iso;
	enum {
		HONEST,
		ERROR,	    /* answers st */
		BEND,	    /* flips bit of the answer */
		BEND_ASKED, /* flips bit of what is asked */
		REPLAY,	    /* answers what was answered before */
		CLAIM,	    /* names another's key, proves his own */
		ZERO,	    /* names a point of low order, and knows what is shared */
	} does;
	enum iso_status st;
	unsigned int bit;
	const uint8_t *key;
	struct iso_rep_prove seen;
};

/* Is this octet of an answer in a field? The first is unused, and before a number may be others. */
static bool
in_field(size_t octet)
{
	return octet > 0 && (octet < offsetof(struct iso_rep_prove, boot_id) + ISO_BOOT_ID ||
			     octet >= offsetof(struct iso_rep_prove, sequence));
}

static void
flip(void *at, unsigned int bit)
{
	((uint8_t *)at)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static enum iso_status
ask(void *to, const struct iso_req_prove *req, struct iso_rep_prove *rep)
{
	struct between *be = to;
	struct iso_req_prove bent = *req;
	enum iso_status st;

	if (be->does == ERROR)
		return be->st;
	if (be->does == REPLAY) {
		*rep = be->seen;
		return ISO_OK;
	}
	if (be->does == BEND_ASKED)
		flip(&bent, be->bit);
	st = iso_call(be->iso, ISO_OP_prove, &bent, rep);
	be->seen = *rep;
	if (be->does == BEND)
		flip(rep, be->bit);
	if (be->does == CLAIM)
		memcpy(rep->public, be->key, sizeof(rep->public));
	if (be->does == ZERO) {
		static const uint8_t zero[32];
		struct hmac_sha256_ctx ctx;

		memcpy(rep->public, be->key, sizeof(rep->public));
		hmac_sha256_set_key(&ctx, sizeof(zero), zero);
		hmac_sha256_update(&ctx, 12, (const uint8_t *)"lsaiso prove");
		hmac_sha256_update(&ctx, 32, req->public);
		hmac_sha256_update(&ctx, 32, rep->public);
		hmac_sha256_update(&ctx, 32, req->nonce);
		hmac_sha256_update(&ctx, 16, rep->boot_id);
		hmac_sha256_update(&ctx, 8, (const uint8_t *)&rep->sequence);
		hmac_sha256_update(&ctx, 32, rep->chain);
		hmac_sha256_digest(&ctx, 32, rep->proof);
	}
	return st;
}

static char why[512];
static uint8_t boot_id[ISO_BOOT_ID];

static int
check(struct between *be, const uint8_t pinned[32])
{
	static const uint8_t zero[ISO_BOOT_ID];
	int bad;

	memset(why, 'x', sizeof(why));
	memset(boot_id, 'x', sizeof(boot_id));
	bad = prove_check(ask, be, pinned, boot_id, why, sizeof(why));
	assert_non_null(memchr(why, 0, sizeof(why)));
	assert_int_equal(bad != 0, memcmp(boot_id, zero, sizeof(zero)) == 0);
	assert_int_equal(bad != 0, why[0] != '\0');
	return bad;
}

/* A running lsaiso, and the key to pin. */
static struct between
far(uint8_t pinned[32])
{
	struct between be = { .iso = iso_running(0) };

	memcpy(pinned, be.iso->public, 32);
	return be;
}

static void
believed(void **state)
{
	uint8_t pinned[32];

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct between be = far(pinned);

		assert_int_equal(check(&be, pinned), 0);
		assert_memory_equal(boot_id, be.iso->boot_id, sizeof(boot_id));
	}
}

static void
another_key(void **state)
{
	uint8_t pinned[32], other[32];
	struct between be = far(pinned);
	char text[PROVE_TEXT] = { 0 };

	(void)state;
	for (unsigned int bit = 0; bit < 256; bit++) {
		memcpy(other, pinned, sizeof(other));
		other[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(&be, other), -1);
	}
	be = far(other); /* a restart with another root key */
	assert_int_equal(check(&be, pinned), -1);
	for (size_t i = 0; i < sizeof(pinned); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", pinned[i]);
	assert_non_null(strstr(why, text));
	for (size_t i = 0; i < sizeof(other); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", other[i]);
	assert_non_null(strstr(why, text));
	/* it only says that it is the pinned one */
	be.does = CLAIM;
	be.key = pinned;
	assert_int_equal(check(&be, pinned), -1);
	assert_non_null(strstr(why, "somebody else"));
}

static void
bent(void **state)
{
	uint8_t pinned[32];
	struct between be = far(pinned);
	unsigned int bits = 0;

	(void)state;
	be.does = BEND;
	for (be.bit = 0; be.bit < sizeof(struct iso_rep_prove) * 8; be.bit++) {
		if (!in_field(be.bit / 8) ||
		    be.bit / 8 >= offsetof(struct iso_rep_prove, proof) + ISO_HASH)
			continue;
		assert_int_equal(check(&be, pinned), -1);
		bits++;
	}
	assert_int_equal(bits, (ISO_PUBLIC + ISO_BOOT_ID + 8 + ISO_HASH + ISO_HASH) * 8);
	be.does = BEND_ASKED;
	for (be.bit = 8; be.bit < (1 + ISO_PUBLIC + ISO_NONCE) * 8; be.bit++)
		assert_int_equal(check(&be, pinned), -1);
	be.does = HONEST;
	assert_int_equal(check(&be, pinned), 0);
}

static void
replayed(void **state)
{
	uint8_t pinned[32];
	struct between be = far(pinned);

	(void)state;
	assert_int_equal(check(&be, pinned), 0);
	be.does = REPLAY;
	assert_int_equal(check(&be, pinned), -1);
	/* the same key after a restart: the old answer, with the new boot id */
	memcpy(be.seen.boot_id, pinned, sizeof(be.seen.boot_id));
	assert_int_equal(check(&be, pinned), -1);
}

/* A pinned key that anybody can prove is never believed. */
static void
low_order_pinned(void **state)
{
	uint8_t pinned[32], low[32];
	struct between be = far(pinned);

	(void)state;
	be.does = ZERO;
	be.key = low;
	for (size_t i = 0; i < 2 * LOW_ORDERS; i++) {
		char text[PROVE_TEXT] = { 0 };
		uint8_t key[32];

		unhex(low_order[i / 2], low);
		low[31] = (uint8_t)(low[31] | (i % 2 ? 0x80 : 0));
		assert_int_equal(check(&be, low), -1);
		assert_int_equal(check(&be, pinned), -1);
		for (size_t k = 0; k < sizeof(low); k++)
			(void)snprintf(text + 2 * k, 3, "%02x", low[k]);
		assert_int_equal(prove_pin(text, key, why, sizeof(why)), -1);
		assert_non_null(strstr(why, "everybody"));
	}
}

static void
no_answer(void **state)
{
	static const enum iso_status each[] = { ISO_E_OP, ISO_E_PHASE, ISO_E_FRAME, ISO_E_RANGE,
						(enum iso_status)ISO_GONE };
	uint8_t pinned[32];
	struct between be = far(pinned);

	(void)state;
	be.does = ERROR;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		be.st = each[i];
		errno = ETIMEDOUT;
		assert_int_equal(check(&be, pinned), -1);
	}
	assert_non_null(strstr(why, "in time"));
	errno = EPIPE;
	assert_int_equal(check(&be, pinned), -1);
	assert_non_null(strstr(why, "gone"));
}

/* ---- the pin */

static const char good[] = "8520F0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

static int
pin_file(const char *octets, size_t len)
{
	char path[] = "/tmp/lib_prove.XXXXXX", text[64];
	int fd = mkstemp(path), bad;
	uint8_t key[32] = { 0 }, want[32];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), len);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "file:%s", path);
	bad = prove_pin(text, key, why, sizeof(why));
	(void)unlink(path);
	unhex(good, want);
	if (bad == 0)
		assert_memory_equal(key, want, sizeof(want));
	return bad;
}

static void
pins(void **state)
{
	uint8_t key[32], want[32];
	char text[300];

	(void)state;
	unhex(good, want);
	assert_int_equal(prove_pin(good, key, why, sizeof(why)), 0);
	assert_memory_equal(key, want, sizeof(want));
	/* short, long, not a digit at each place */
	for (size_t i = 0; i < 64; i++) {
		(void)snprintf(text, sizeof(text), "%s", good);
		text[i] = i % 2 ? 'g' : ' ';
		assert_int_equal(prove_pin(text, key, why, sizeof(why)), -1);
		text[i] = '\0';
		assert_int_equal(prove_pin(text, key, why, sizeof(why)), -1);
	}
	(void)snprintf(text, sizeof(text), "%s0", good);
	assert_int_equal(prove_pin(text, key, why, sizeof(why)), -1);
	assert_int_equal(prove_pin("", key, why, sizeof(why)), -1);
	/* files: as lsactl key writes them, as firmware tables hold them */
	assert_int_equal(pin_file(good, 64), 0);
	(void)snprintf(text, sizeof(text), " %s\r\n", good);
	assert_int_equal(pin_file(text, strlen(text)), 0);
	memset(text, 0, sizeof(text));
	memcpy(text, good, 64);
	text[64] = '\n';
	assert_int_equal(pin_file(text, 128), 0);
	text[65] = '0'; /* something after it */
	assert_int_equal(pin_file(text, 66), -1);
	text[65] = '\0';
	text[66] = '0';
	assert_int_equal(pin_file(text, 67), -1);
	assert_int_equal(pin_file(good, 63), -1);
	assert_int_equal(pin_file("", 0), -1);
	memset(text, '0', sizeof(text)); /* longer than any */
	assert_int_equal(pin_file(text, sizeof(text)), -1);
	assert_int_equal(prove_pin("file:/nowhere/key", key, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(prove_pin("file:key", key, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "absolute"));
	assert_int_equal(prove_pin("file:/tmp", key, why, sizeof(why)), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believed),
		cmocka_unit_test(another_key),
		cmocka_unit_test(bent),
		cmocka_unit_test(replayed),
		cmocka_unit_test(low_order_pinned),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
