/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do frames come out of a stream as they were put in, and nothing else,
 * wherever it begins and however it is cut?
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/stream.h"

static struct stream_reader sr;
static uint8_t made[2 * STREAM_FRAME];
static const uint8_t zeros[STREAM_SYNC];

static void
feed(const void *octets, size_t n)
{
	struct wr room = stream_room(&sr);

	assert_true(n <= room.left);
	memcpy(room.at, octets, n);
	stream_came(&sr, n);
}

/* As much as there is room for at a time, frames in between being errors. */
static void
feed_long(const uint8_t *octets, size_t n)
{
	struct stream_frame fr;

	while (n > 0) {
		struct wr room = stream_room(&sr);
		size_t part = n < room.left ? n : room.left;

		memcpy(room.at, octets, part);
		stream_came(&sr, part);
		octets += part;
		n -= part;
		if (n > 0)
			assert_false(stream_next(&sr, &fr));
	}
}

static size_t
make(uint32_t type, uint32_t seq, const void *payload, size_t n)
{
	size_t len = stream_put((struct wr){ made, sizeof(made) }, type, seq,
				(struct rd){ payload, n });

	assert_int_equal(len, STREAM_HDR + n + STREAM_TRAILER);
	return len;
}

static void
expect(uint32_t type, uint32_t seq, const void *payload, size_t n)
{
	struct stream_frame fr;

	assert_true(stream_next(&sr, &fr));
	assert_int_equal(fr.type, type);
	assert_int_equal(fr.seq, seq);
	assert_int_equal(fr.payload.len, n);
	assert_memory_equal(fr.payload.at, payload, n);
}

static void
expect_nothing(void)
{
	struct stream_frame fr;

	assert_false(stream_next(&sr, &fr));
}

static void
start_synced(enum stream_mode mode)
{
	stream_init(&sr, mode);
	feed_long(zeros, sizeof(zeros));
	expect_nothing();
}

static void
test_layout(void **state)
{
	static const uint8_t want[] = "LSAS\4\0\0\0\1\2\0\0\3\0\0\0abcEND\n";

	assert_int_equal(make(STREAM_CALL, 0x201, "abc", 3), sizeof(want) - 1);
	assert_memory_equal(made, want, sizeof(want) - 1);
}

static void
test_put_bounds(void **state)
{
	struct wr out = { made, STREAM_HDR + 4 + STREAM_TRAILER };
	static uint8_t longest[STREAM_BODY + 1];

	assert_int_equal(stream_put(out, 1, 0, (struct rd){ zeros, 4 }), out.left);
	assert_int_equal(stream_put(out, 1, 0, (struct rd){ zeros, 5 }), 0);
	out.left = sizeof(made);
	assert_int_equal(stream_put(out, 1, 0, (struct rd){ longest, STREAM_BODY }), STREAM_FRAME);
	assert_int_equal(stream_put(out, 1, 0, (struct rd){ longest, STREAM_BODY + 1 }), 0);
}

static void
test_in_place(void **state)
{
	static const uint8_t here[11] = { 'i', 'n', ' ', 'p', 'l', 'a', 'c', 'e' };

	memcpy(made + STREAM_HDR, here, sizeof(here));
	assert_int_equal(stream_put((struct wr){ made, sizeof(made) }, STREAM_REPLY, 9,
				    (struct rd){ made + STREAM_HDR, 11 }),
			 31);
	stream_init(&sr, STREAM_HUNTS);
	feed(made, 31);
	expect(STREAM_REPLY, 9, here, 11);
}

static void
test_octet_by_octet(void **state)
{
	size_t len = make(STREAM_CALL, 7, "payload", 7);

	start_synced(STREAM_NEEDS_SYNC);
	for (size_t i = 0; i < len; i++) {
		expect_nothing();
		feed(made + i, 1);
	}
	expect(STREAM_CALL, 7, "payload", 7);
	expect_nothing();
	assert_int_equal(sr.skipped + sr.torn, 0);
}

static void
test_many_at_once(void **state)
{
	start_synced(STREAM_NEEDS_SYNC);
	for (uint32_t i = 1; i <= 1000; i++)
		feed(made, make(STREAM_CALL, i, &i, sizeof(i)));
	for (uint32_t i = 1; i <= 1000; i++)
		expect(STREAM_CALL, i, &i, sizeof(i));
	expect_nothing();
}

static void
test_longest(void **state)
{
	static uint8_t payload[STREAM_BODY];

	memset(payload, 'L', sizeof(payload));
	start_synced(STREAM_NEEDS_SYNC);
	for (int i = 0; i < 3; i++) {
		feed_long(made, make(STREAM_CALL, 1, payload, sizeof(payload)));
		expect(STREAM_CALL, 1, payload, sizeof(payload));
	}
	expect_nothing();
}

static void
test_too_long(void **state)
{
	size_t len = make(STREAM_CALL, 1, "x", 1);

	start_synced(STREAM_NEEDS_SYNC);
	made[12] = (uint8_t)(STREAM_BODY + 1);
	made[13] = (uint8_t)((STREAM_BODY + 1) >> 8);
	made[14] = (uint8_t)((STREAM_BODY + 1) >> 16);
	feed(made, len);
	expect_nothing();
	assert_int_equal(sr.torn, 1);
	/* Nothing is believed until the guest starts over. */
	feed(made, make(STREAM_CALL, 2, "y", 1));
	expect_nothing();
	feed_long(zeros, sizeof(zeros));
	expect_nothing();
	feed(made, make(STREAM_CALL, 3, "z", 1));
	expect(STREAM_CALL, 3, "z", 1);
}

/* Cut anywhere, the next opener's zero octets end it, and its HELLO is seen. */
static void
test_torn(void **state)
{
	static const uint8_t hello[sizeof(struct stream_hello)] = { 1 };
	static uint8_t first[STREAM_HDR + 300 + STREAM_TRAILER];
	uint8_t payload[300];
	size_t len;

	memset(payload, 'x', sizeof(payload));
	len = stream_put((struct wr){ first, sizeof(first) }, STREAM_CALL, 1,
			 (struct rd){ payload, sizeof(payload) });
	for (int mode = STREAM_HUNTS; mode <= STREAM_NEEDS_SYNC; mode++) {
		for (size_t cut = 1; cut < len; cut++) {
			start_synced((enum stream_mode)mode);
			feed(first, cut);
			expect_nothing();
			feed_long(zeros, sizeof(zeros));
			expect_nothing();
			feed(made, make(STREAM_HELLO, 0, hello, sizeof(hello)));
			expect(STREAM_HELLO, 0, hello, sizeof(hello));
			assert_true(sr.torn <= 1);
		}
	}
}

static void
test_wrong_end(void **state)
{
	size_t len = make(STREAM_CALL, 1, "dropped", 7);

	start_synced(STREAM_NEEDS_SYNC);
	made[len - 1] ^= 1;
	feed(made, len);
	feed(made, make(STREAM_CALL, 2, "kept", 4));
	expect(STREAM_CALL, 2, "kept", 4);
	assert_int_equal(sr.torn, 1);
}

/*
 * What a user of the guest put into a payload is no frame: not when the frame
 * around it is torn, and not when the reader begins in the middle of it.
 */
static void
test_frame_in_frame(void **state)
{
	static uint8_t within[64];
	size_t n = stream_put((struct wr){ within, sizeof(within) }, STREAM_CALL, 66,
			      (struct rd){ (const uint8_t *)"forged", 6 });
	size_t len = make(STREAM_CALL, 1, within, sizeof(within));

	start_synced(STREAM_NEEDS_SYNC);
	feed(made, STREAM_HDR + n);
	feed_long(zeros, sizeof(zeros));
	expect_nothing();
	assert_int_equal(sr.torn, 1);

	stream_init(&sr, STREAM_NEEDS_SYNC);
	feed(made + STREAM_HDR - 3, len - STREAM_HDR);
	expect_nothing();
	assert_true(sr.skipped > 0);
}

static void
test_before_sync(void **state)
{
	stream_init(&sr, STREAM_NEEDS_SYNC);
	feed(made, make(STREAM_HELLO, 0, "early", 5));
	expect_nothing();
	feed_long(zeros, sizeof(zeros) - 1);
	expect_nothing();
	feed(made, make(STREAM_HELLO, 0, "one zero octet short", 20));
	expect_nothing();
	feed_long(zeros, sizeof(zeros));
	expect_nothing();
	feed(made, make(STREAM_HELLO, 0, "now", 3));
	expect(STREAM_HELLO, 0, "now", 3);
}

static void
test_hunts(void **state)
{
	stream_init(&sr, STREAM_HUNTS);
	feed("rest of a reply LSALSAS", 20);
	feed(made, make(STREAM_WELCOME, 0, "w", 1));
	expect(STREAM_WELCOME, 0, "w", 1);
	assert_int_equal(sr.skipped, 20);
}

static void
test_wiped(void **state)
{
	static const char secret[] = "a key that is nobody's business";

	start_synced(STREAM_NEEDS_SYNC);
	feed(made, make(STREAM_CALL, 1, "first", 5));
	feed(made, make(STREAM_CALL, 2, secret, sizeof(secret)));
	expect(STREAM_CALL, 1, "first", 5);
	expect(STREAM_CALL, 2, secret, sizeof(secret));
	stream_done(&sr);
	assert_null(memmem(sr.buf, sizeof(sr.buf), secret, 4));
	/* Nor does the garbage stay, nor what was moved to the front. */
	feed(made, make(STREAM_CALL, 3, "first", 5));
	feed(made, make(STREAM_CALL, 4, secret, sizeof(secret)) - 1);
	expect(STREAM_CALL, 3, "first", 5);
	expect_nothing();
	feed("x", 1); /* a wrong end */
	expect_nothing();
	feed(secret, sizeof(secret));
	expect_nothing();
	assert_null(memmem(sr.buf, sizeof(sr.buf), secret, 4));
}

static void
test_why(void **state)
{
	assert_string_equal(stream_why_text(STREAM_WHY_BUSY),
			    "another connection of this guest is being served");
	assert_non_null(stream_why_text(0));
	assert_non_null(stream_why_text(UINT32_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_put_bounds),
		cmocka_unit_test(test_in_place),     cmocka_unit_test(test_octet_by_octet),
		cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_longest),
		cmocka_unit_test(test_too_long),     cmocka_unit_test(test_torn),
		cmocka_unit_test(test_wrong_end),    cmocka_unit_test(test_frame_in_frame),
		cmocka_unit_test(test_before_sync),  cmocka_unit_test(test_hunts),
		cmocka_unit_test(test_wiped),	     cmocka_unit_test(test_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
