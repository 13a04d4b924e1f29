/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HMAC-SHA256 as extractor and generator, with the key erased at each draw:
 * key' = HMAC(key, 0 | fresh), block i = HMAC(key, i | fresh), i = 1, 2 ...
 */
#include <nettle/hmac.h>
#include <string.h>

#include "port/vm/vm.h"
#include "wipe.h"

#define WORDS 4u  /* of 64 bits: 256 fresh bits go into each draw */
#define TRIES 32u /* Intel, Digital Random Number Generator guide: 10 do for RDRAND */

/* One word of the processor, RDSEED if there is one to be had. */
static bool
word(bool has_rdseed, uint64_t *value)
{
	unsigned char good = 0;

	for (unsigned int i = 0; i < TRIES && has_rdseed && good == 0; i++) {
		__asm__ volatile("rdseed %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
		if (good == 0)
			arch_pause();
	}
	for (unsigned int i = 0; i < TRIES && good == 0; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
	return good != 0;
}

/* Words in a row that are the same are a generator that is out of order. */
static enum iso_status
words(bool has_rdseed, uint64_t fresh[WORDS])
{
	for (unsigned int i = 0; i < WORDS; i++) {
		if (!word(has_rdseed, &fresh[i]) || (i > 0 && fresh[i] == fresh[i - 1]))
			return ISO_E_ENTROPY;
	}
	return ISO_OK;
}

static void
block(const uint8_t key[VM_POOL], uint32_t number, const uint64_t fresh[WORDS],
      uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, VM_POOL, key);
	hmac_sha256_update(&ctx, sizeof(number), (const uint8_t *)&number);
	hmac_sha256_update(&ctx, WORDS * sizeof(fresh[0]), (const uint8_t *)fresh);
	hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
	wipe(&ctx, sizeof(ctx));
}

enum iso_status
vm_pool_fill(struct vm_pool *pool, const uint8_t seed[VM_SEED])
{
	uint32_t said[4] = { 0 };
	struct hmac_sha256_ctx ctx;
	uint8_t once[VM_POOL] = { 0 };

	vm_cpuid(1, said);
	if ((said[2] & (1u << 30)) == 0) /* RDRAND */
		return ISO_E_ENTROPY;
	vm_cpuid(7, said);
	pool->has_rdseed = (said[1] & (1u << 18)) != 0;
	hmac_sha256_set_key(&ctx, sizeof(once), once);
	hmac_sha256_update(&ctx, VM_SEED, seed);
	hmac_sha256_digest(&ctx, VM_POOL, pool->key);
	wipe(&ctx, sizeof(ctx));
	return vm_pool_draw(pool, (struct wr){ once, sizeof(once) }); /* the processor's share */
}

enum iso_status
vm_pool_draw(struct vm_pool *pool, struct wr into)
{
	uint64_t fresh[WORDS] = { 0 };
	uint8_t out[SHA256_DIGEST_SIZE];
	uint32_t number = 1;

	if (words(pool->has_rdseed, fresh) != ISO_OK)
		return ISO_E_ENTROPY;
	for (; into.left > 0; number++) {
		size_t n = into.left < sizeof(out) ? into.left : sizeof(out);

		block(pool->key, number, fresh, out);
		memcpy(into.at, out, n);
		into.at += n;
		into.left -= n;
	}
	block(pool->key, 0, fresh, out);
	memcpy(pool->key, out, sizeof(pool->key));
	wipe(out, sizeof(out));
	wipe(fresh, sizeof(fresh));
	return ISO_OK;
}
