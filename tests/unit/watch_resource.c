/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a swapped page told, and one that spins from one that works? What a look
 * shows is made here: not every machine has swap, and none has lsaiso swapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lsawatch/judge/judge.h"

static bool held[RULE_END];
static struct lsawatch w;
static struct watch_target iso = { .part = PART_ISO, .pid = 7, .image.name = "lsaiso" };
static struct watch_target lsass = { .part = PART_LSASS, .pid = 8, .image.name = "lsass" };

/* ---- in place of finding.c and baseline.c */

const char *const watch_measure_names[MEASURE_END] = { "cpu", "resident", "fds", "threads" };

void
finding_holds(struct lsawatch *of, const struct watch_case *ca, bool holds, const char *key,
	      const char *format, ...)
{
	held[ca->rule] = holds;
}

bool
baseline_above(struct lsawatch *of, enum watch_part part, enum watch_measure measure,
	       uint64_t value)
{
	return false;
}

const struct watch_band *
baseline_band(const struct lsawatch *of, enum watch_part part, enum watch_measure measure)
{
	static const struct watch_band band = { .bound = 1000, .samples = 1 };

	return &band;
}

/* ---- looks */

static struct watch_look
make(int64_t at, uint64_t used_ms, uint64_t waits)
{
	return (struct watch_look){ .seen = LOOK_STATUS | LOOK_STAT,
				    .at = at,
				    .ticks = used_ms * (uint64_t)sysconf(_SC_CLK_TCK) / 1000,
				    .waits = waits };
}

static int
anew(void **state)
{
	(void)state;
	memset(held, 0, sizeof(held));
	judge_resource_anew(PART_ISO);
	judge_resource_anew(PART_LSASS);
	return 0;
}

/* A second each: used_ms of processor and waits in each. Was it told? */
static bool
told(const struct watch_target *ta, int seconds, uint64_t used_ms, uint64_t waits)
{
	for (int i = 0; i <= seconds; i++) {
		struct watch_look lo = make(1000 + 1000 * i, used_ms * (uint64_t)i,
					    waits * (uint64_t)i);

		judge_resource_look(&w, ta, &lo);
	}
	return held[RULE_resource_spinning];
}

static void
test_swapped(void **state)
{
	struct watch_look lo = make(1000, 0, 0);

	(void)state;
	judge_resource_look(&w, &iso, &lo);
	assert_false(held[RULE_resource_swapped]);
	lo = make(2000, 0, 0);
	lo.swapped = 4096;
	judge_resource_look(&w, &iso, &lo);
	assert_true(held[RULE_resource_swapped]);
	lo = make(3000, 0, 0);
	judge_resource_look(&w, &iso, &lo);
	assert_false(held[RULE_resource_swapped]);
}

/* lsass holds no key. */
static void
test_swapped_lsass(void **state)
{
	struct watch_look lo = make(1000, 0, 0);

	(void)state;
	lo.swapped = 4096;
	judge_resource_look(&w, &lsass, &lo);
	assert_false(held[RULE_resource_swapped]);
}

static void
test_memory(void **state)
{
	struct watch_look lo = make(1000, 0, 0);

	(void)state;
	lo.resident = 1000;
	judge_resource_look(&w, &iso, &lo);
	assert_false(held[RULE_resource_memory]);
	lo = make(2000, 0, 0);
	lo.resident = 1001;
	judge_resource_look(&w, &iso, &lo);
	assert_true(held[RULE_resource_memory]);
}

static void
test_spins(void **state)
{
	(void)state;
	assert_true(told(&iso, 2, 1000, 0));
}

/* Beside another that wants the processor as well. */
static void
test_spins_slowly(void **state)
{
	(void)state;
	assert_true(told(&iso, 2, 320, 0));
}

static void
test_one_long_request(void **state)
{
	(void)state;
	assert_false(told(&iso, 1, 1000, 0));
}

static void
test_all_of_a_processor_for_requests(void **state)
{
	(void)state;
	assert_false(told(&iso, 20, 1000, 1));
}

static void
test_idle(void **state)
{
	(void)state;
	assert_false(told(&iso, 20, 0, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_swapped, anew),
		cmocka_unit_test_setup(test_swapped_lsass, anew),
		cmocka_unit_test_setup(test_memory, anew),
		cmocka_unit_test_setup(test_spins, anew),
		cmocka_unit_test_setup(test_spins_slowly, anew),
		cmocka_unit_test_setup(test_one_long_request, anew),
		cmocka_unit_test_setup(test_all_of_a_processor_for_requests, anew),
		cmocka_unit_test_setup(test_idle, anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
