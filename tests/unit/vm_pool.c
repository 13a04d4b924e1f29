/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What does the generator of level vm give? With this machine's RDRAND. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cpuid.h>

#include "port/vm/vm.h"

void
vm_cpuid(uint32_t leaf, uint32_t said[4])
{
	__cpuid_count(leaf, 0, said[0], said[1], said[2], said[3]);
}

static const uint8_t seed[VM_SEED] = { 1, 2, 3 };

static void
fill(struct vm_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	if (vm_pool_fill(pool, seed) != ISO_OK) {
		print_message("SKIP: this processor has no RDRAND\n");
		skip();
	}
}

static void
test_never_twice(void **state)
{
	struct vm_pool one, other;
	uint8_t a[96], b[96];

	(void)state;
	fill(&one);
	fill(&other); /* the same seed: the processor's share alone makes the difference */
	assert_memory_not_equal(one.key, other.key, VM_POOL);
	other = one; /* a machine that was copied */
	assert_int_equal(vm_pool_draw(&one, (struct wr){ a, sizeof(a) }), ISO_OK);
	assert_int_equal(vm_pool_draw(&other, (struct wr){ b, sizeof(b) }), ISO_OK);
	for (size_t i = 0; i + 8 <= sizeof(a); i++)
		assert_memory_not_equal(a + i, b + i, 8);
	for (size_t i = 32; i < sizeof(a); i += 32)
		assert_memory_not_equal(a, a + i, 32);
}

/* The key is another after each draw, and no octets of a draw are in it. */
static void
test_forgets(void **state)
{
	struct vm_pool pool, before;
	uint8_t a[VM_POOL];

	(void)state;
	fill(&pool);
	before = pool;
	assert_int_equal(vm_pool_draw(&pool, (struct wr){ a, sizeof(a) }), ISO_OK);
	assert_memory_not_equal(pool.key, before.key, VM_POOL);
	for (size_t i = 0; i + 8 <= VM_POOL; i++)
		assert_memory_not_equal(pool.key + i, a + i, 8);
}

/* Exactly as many octets as were asked for, and each bit both ways. */
static void
test_bounds(void **state)
{
	struct vm_pool pool;
	uint8_t all = 0xff, any = 0;

	(void)state;
	fill(&pool);
	for (size_t n = 0; n <= 70; n++) {
		uint8_t octets[72] = { 0 };

		assert_int_equal(vm_pool_draw(&pool, (struct wr){ octets, n }), ISO_OK);
		for (size_t i = n; i < sizeof(octets); i++)
			assert_int_equal(octets[i], 0);
		for (size_t i = 0; i < n; i++) {
			all &= octets[i];
			any |= octets[i];
		}
	}
	assert_int_equal(all, 0); /* of 2,485 octets */
	assert_int_equal(any, 0xff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_twice),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
