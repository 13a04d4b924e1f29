/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The DER cursor: does it take exactly what DER is, and does one fault end
 * every cursor of a message? And KerberosTime against the C library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "der.h"
#include "iso_host.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool bad;

static struct der
cursor(const void *octets, size_t n)
{
	bad = false;
	return (struct der){ { octets, n }, &bad };
}

static void
lengths(void **state)
{
	static const size_t good[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 70000 };
	static const struct {
		const char *octets;
		size_t n;
	} rows[] = {
		{ "", 0 },
		{ "\x04", 1 },
		{ "\x04\x01", 2 },		       /* short by one */
		{ "\x04\x80\x00\x00", 4 },	       /* indefinite */
		{ "\x04\x81\x01\x00", 4 },	       /* not the shortest form */
		{ "\x04\x81\x7f", 3 },		       /* the same */
		{ "\x04\x82\x00\x01\x00", 5 },	       /* the same */
		{ "\x04\x82\x01", 3 },		       /* a length that is cut */
		{ "\x04\x84\x00\x00\x00\x01\x00", 7 }, /* four octets of length */
		{ "\x04\xff", 2 },		       /* reserved */
		{ "\x04\x83\xff\xff\xff\x00", 6 },     /* far beyond the end */
		{ "\x24\x01\x00", 3 },		       /* constructed */
		{ "\x05\x01\x00", 3 },		       /* another tag */
		{ "\x1f\x81\x00\x01\x00", 5 },	       /* high tag number */
		{ "\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff", 10 },
	};
	static uint8_t zero[70000];

	(void)state;
	d_reset();
	for (size_t i = 0; i < COUNT(good); i++) {
		struct rd all = d_octets((struct rd){ zero, good[i] });
		struct der in = cursor(all.at, all.len), value = der_take(&in, DER_OCTETS);

		assert_false(bad);
		assert_int_equal(value.rest.len, good[i]);
		assert_int_equal(in.rest.len, 0);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct der in = cursor(rows[i].octets, rows[i].n);

		der_take(&in, DER_OCTETS);
		if (!bad || in.rest.len != 0)
			fail_msg("row %zu", i);
	}
}

static void
integers(void **state)
{
	static const int64_t good[] = { 0,	 1,	    -1,	       127,	   128,
					-128,	 -129,	    255,       256,	   32767,
					32768,	 -32768,    -32769,    8388607,	   65536,
					1 << 24, INT32_MAX, INT32_MIN, UINT32_MAX, 0x80000000 };
	static const int64_t wrong[] = { (int64_t)UINT32_MAX + 1, (int64_t)INT32_MIN - 1, INT64_MAX,
					 INT64_MIN, 0x7fffffffff };
	static const struct {
		const char *octets;
		size_t n;
	} rows[] = {
		{ "\x02\x00", 2 },
		{ "\x02\x02\x00\x7f", 4 },
		{ "\x02\x02\xff\x80", 4 },
		{ "\x02\x05\x00\x00\x00\x00\x01", 7 },
		{ "\x02\x06\x01\x00\x00\x00\x00\x00", 8 },
		{ "\x0a\x01\x00", 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint8_t octets[16];
		struct derw w = { octets + sizeof(octets), sizeof(octets) };
		struct rd all = (d_reset(), d_int(good[i]));
		struct der in = cursor(all.at, all.len);

		assert_int_equal(der_int(&in), good[i]);
		der_end(&in);
		assert_false(bad);
		/* the core's own writer makes the same octets */
		derw_int(&w, good[i]);
		assert_int_equal(sizeof(octets) - w.left, all.len);
		assert_memory_equal(w.at, all.at, all.len);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct rd all = (d_reset(), d_int(wrong[i]));
		struct der in = cursor(all.at, all.len);

		der_int(&in);
		assert_true(bad);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct der in = cursor(rows[i].octets, rows[i].n);

		der_int(&in);
		if (!bad)
			fail_msg("row %zu", i);
	}
}

/* After one fault nothing can be read by any cursor of the message. */
static void
one_fault_ends_all(void **state)
{
	struct rd all = (d_reset(), d_seq(d_join(2, d_int(1), d_int(2))));
	struct der in = cursor(all.at, all.len), inner = der_take(&in, DER_SEQUENCE), copy = inner;

	(void)state;
	assert_int_equal(der_int(&inner), 1);
	der_take(&inner, DER_OCTETS);
	assert_true(bad);
	assert_int_equal(inner.rest.len, 0);
	assert_int_equal(der_int(&copy), 0);
	assert_int_equal(copy.rest.len, 0);
	assert_int_equal(der_field_name(&in, 0).count, 0);
	assert_true(bad);
	/* an explicit tag with two elements, with none */
	all = d_ctx(1, d_join(2, d_int(1), d_int(2)));
	in = cursor(all.at, all.len);
	der_field_int(&in, 1);
	assert_true(bad);
	all = d_ctx(1, d_raw("", 0));
	in = cursor(all.at, all.len);
	der_field_int(&in, 1);
	assert_true(bad);
	in = cursor(all.at, all.len);
	der_skip(&in, 1);
	der_end(&in);
	assert_true(bad);
	all = d_ctx(1, d_join(2, d_int(1), d_int(2)));
	in = cursor(all.at, all.len);
	der_skip(&in, 1);
	assert_true(bad);
	/* 32 components are a name, 33 are not */
	for (unsigned int n = 32; n <= 33; n++) {
		struct rd strings = { NULL, 0 };

		for (unsigned int i = 0; i < n; i++)
			strings = d_join(2, strings, d_text("x"));
		all = d_ctx(0, d_seq(d_join(2, d_ctx(0, d_int(1)), d_ctx(1, d_seq(strings)))));
		in = cursor(all.at, all.len);
		assert_int_equal(der_field_name(&in, 0).count, n);
		assert_int_equal(bad, n == 33);
	}
}

static void
writer_is_bounded(void **state)
{
	uint8_t octets[40];

	(void)state;
	for (size_t room = 0; room <= sizeof(octets); room++) {
		uint8_t *end = octets + room;
		struct derw w = { end, room };

		memset(octets, 0x5a, sizeof(octets));
		derw_octets(&w, (struct rd){ (const uint8_t *)"twenty octets in all", 20 });
		derw_head(&w, DER_OCTETS, end);
		assert_int_equal(w.at != NULL, room >= 22);
		derw_int(&w, 5);
		derw_head(&w, DER_SEQUENCE, end);
		assert_int_equal(w.at != NULL, room >= 27);
		for (size_t i = room; i < sizeof(octets); i++)
			assert_int_equal(octets[i], 0x5a);
	}
}

/* ---- KerberosTime */

static void
one_time(int64_t seconds)
{
	time_t t = (time_t)seconds;
	char want[32];
	uint8_t text[KRBTIME_LEN];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(want, sizeof(want), "%Y%m%d%H%M%SZ", &tm);
	krbtime_write(seconds, text);
	assert_memory_equal(text, want, KRBTIME_LEN);
	assert_int_equal(krbtime_read((struct rd){ text, sizeof(text) }), seconds);
}

static void
times(void **state)
{
	static const char *const wrong[] = {
		"20240230000000Z", "20230229000000Z",
		"19000229000000Z", "21000229000000Z",
		"20240001000000Z", "20241301000000Z",
		"20240100000000Z", "20240132000000Z",
		"20240431000000Z", "20240101240000Z",
		"20240101006000Z", "20240101000060Z",
		"19691231235959Z", "00000101000000Z",
		"2024010100000aZ", "2024010100000 Z",
		"20240101000000z", "20240101000000+",
		"-0240101000000Z", "202401010000:0Z",
		"2024010100/000Z", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffZ",
	};
	uint8_t text[KRBTIME_LEN];

	(void)state;
	/* each day of four centuries, then seconds of a day, then the ends */
	for (int64_t day = 0; day < 146097 + 400; day++)
		one_time(day * 86400 + day % 86400);
	for (int64_t second = 0; second < 86400; second += 7)
		one_time(1709164800 + second);
	one_time(0);
	one_time(INT64_C(253402300799));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (krbtime_read((struct rd){ (const uint8_t *)wrong[i], 15 }) != -1)
			fail_msg("%s", wrong[i]);
	}
	assert_int_equal(krbtime_read((struct rd){ (const uint8_t *)"20240101000000", 14 }), -1);
	assert_int_equal(krbtime_read((struct rd){ (const uint8_t *)"20240101000000.0Z", 17 }), -1);
	assert_int_equal(krbtime_read((struct rd){ NULL, 0 }), -1);
	krbtime_write(INT64_MAX, text);
	assert_memory_equal(text, "99991231235959Z", KRBTIME_LEN);
	krbtime_write(INT64_MIN, text);
	assert_memory_equal(text, "19700101000000Z", KRBTIME_LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(integers),
		cmocka_unit_test(one_fault_ends_all),
		cmocka_unit_test(writer_is_bounded),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
