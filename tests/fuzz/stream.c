/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as the stream of a guest, cut in two ways: the same frames come
 * out, each of them as it stands in the input, and whatever came before, the
 * zero octets and HELLO of a new opener are understood.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAKEN 65536

/* All frames that came out, written as frames again. */
struct taken {
	uint8_t octets[TAKEN];
	size_t len;
};

static struct stream_reader reader;
static struct taken once, twice;
static const uint8_t zeros[STREAM_SYNC];

static void
take(struct taken *to)
{
	struct stream_frame fr;

	while (stream_next(&reader, &fr)) {
		size_t len = 0;

		if (fr.payload.len > STREAM_BODY || fr.payload.at < reader.buf ||
		    fr.payload.at + fr.payload.len > reader.buf + sizeof(reader.buf))
			abort();
		if (to != NULL)
			len = stream_put((struct wr){ to->octets + to->len, TAKEN - to->len },
					 fr.type, fr.seq, fr.payload);
		if (to != NULL && len == 0)
			abort(); /* the input is shorter */
		if (to != NULL)
			to->len += len;
	}
}

static void
feed(const uint8_t *at, size_t n, size_t step, struct taken *to)
{
	while (n > 0) {
		struct wr room = stream_room(&reader);
		size_t part = n < step ? n : step;

		if (room.left == 0)
			abort();
		if (part > room.left)
			part = room.left;
		memcpy(room.at, at, part);
		stream_came(&reader, part);
		at += part;
		n -= part;
		take(to);
	}
}

static void
feed_from(const uint8_t *data, size_t size, enum stream_mode mode, size_t step, struct taken *to)
{
	to->len = 0;
	stream_init(&reader, mode);
	if (mode == STREAM_NEEDS_SYNC)
		feed(zeros, sizeof(zeros), sizeof(zeros), NULL);
	feed(data, size, step, to);
}

static void
start_over(void)
{
	static const uint8_t hello[sizeof(struct stream_hello)] = { 7 };
	uint8_t octets[STREAM_HDR + sizeof(hello) + STREAM_TRAILER];
	size_t len = stream_put((struct wr){ octets, sizeof(octets) }, STREAM_HELLO, 0,
				(struct rd){ hello, sizeof(hello) });

	feed(zeros, sizeof(zeros), sizeof(zeros), NULL);
	twice.len = 0;
	feed(octets, len, len, &twice);
	if (twice.len != len || memcmp(twice.octets, octets, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum stream_mode mode = size > 0 && (data[0] & 1) != 0 ? STREAM_NEEDS_SYNC : STREAM_HUNTS;

	if (size < 1 || size > TAKEN)
		return 0;
	feed_from(data + 1, size - 1, mode, 1 + data[0] / 2u, &once);
	feed_from(data + 1, size - 1, mode, size, &twice);
	if (once.len != twice.len || memcmp(once.octets, twice.octets, once.len) != 0)
		abort();
	start_over();
	return 0;
}
