/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/stream.h"

#include <string.h>

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void
put_u32(uint8_t *at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void
stream_init(struct stream_reader *sr, enum stream_mode mode)
{
	sr->mode = mode;
	sr->skipped = sr->torn = 0;
	stream_reset(sr);
}

void
stream_reset(struct stream_reader *sr)
{
	explicit_bzero(sr->buf, sizeof(sr->buf));
	sr->at = sr->end = sr->given = sr->zeros = 0;
	sr->synced = sr->mode == STREAM_HUNTS;
}

void
stream_done(struct stream_reader *sr)
{
	explicit_bzero(sr->buf + sr->at - sr->given, sr->given);
	sr->given = 0;
}

/* ---- filling */

struct wr
stream_room(struct stream_reader *sr)
{
	size_t len = sr->end - sr->at;

	stream_done(sr);
	if (sr->at > 0) {
		memmove(sr->buf, sr->buf + sr->at, len);
		explicit_bzero(sr->buf + len, sr->end - len);
		sr->at = 0;
		sr->end = len;
	}
	return (struct wr){ sr->buf + sr->end, sizeof(sr->buf) - sr->end };
}

void
stream_came(struct stream_reader *sr, size_t n)
{
	sr->end += n;
}

/* ---- taking out */

static void
drop(struct stream_reader *sr, size_t n)
{
	explicit_bzero(sr->buf + sr->at, n);
	sr->at += n;
}

/* What is no frame: the host's reader believes nothing from here on. */
static void
lose(struct stream_reader *sr)
{
	sr->synced = sr->mode == STREAM_HUNTS;
	sr->zeros = 0;
	sr->skipped++;
	drop(sr, 1);
}

/* Zero octets, as many as there are. False: STREAM_SYNC of them have not come yet. */
static bool
skip_zeros(struct stream_reader *sr)
{
	for (; sr->at < sr->end; sr->at++) {
		if (sr->buf[sr->at] == 0) {
			sr->zeros++;
		} else if (sr->synced || sr->zeros >= STREAM_SYNC) {
			break;
		} else {
			sr->zeros = 0;
			sr->skipped++;
			sr->buf[sr->at] = 0;
		}
	}
	if (sr->zeros >= STREAM_SYNC)
		sr->synced = true;
	sr->zeros = sr->synced ? 0 : sr->zeros;
	return sr->synced;
}

/*
 * At the first octet that is not zero: is this a frame, or may it become one?
 * len is the length of the whole, 0 while the header is not there.
 */
static bool
may_be_frame(const struct stream_reader *sr, size_t *len)
{
	const uint8_t *at = sr->buf + sr->at;
	size_t have = sr->end - sr->at;
	uint8_t magic[4];

	*len = 0;
	put_u32(magic, STREAM_MAGIC);
	if (memcmp(at, magic, have < sizeof(magic) ? have : sizeof(magic)) != 0)
		return false;
	if (have < STREAM_HDR)
		return true;
	if (get_u32(at + 12) > STREAM_BODY)
		return false;
	*len = STREAM_HDR + get_u32(at + 12) + STREAM_TRAILER;
	return true;
}

bool
stream_next(struct stream_reader *sr, struct stream_frame *frame)
{
	size_t len;

	stream_done(sr);
	while (skip_zeros(sr) && sr->at < sr->end) {
		const uint8_t *at = sr->buf + sr->at;

		if (!may_be_frame(sr, &len)) {
			sr->torn += sr->end - sr->at >= STREAM_HDR && get_u32(at) == STREAM_MAGIC;
			lose(sr);
			continue;
		}
		if (len == 0 || sr->end - sr->at < len)
			return false;
		if (get_u32(at + len - STREAM_TRAILER) != STREAM_END) {
			sr->torn++;
			drop(sr, len);
			continue;
		}
		frame->type = get_u32(at + 4);
		frame->seq = get_u32(at + 8);
		frame->payload = (struct rd){ at + STREAM_HDR, len - STREAM_HDR - STREAM_TRAILER };
		sr->at += len;
		sr->given = len;
		return true;
	}
	return false;
}

/* ---- writing */

size_t
stream_put(struct wr out, uint32_t type, uint32_t seq, struct rd payload)
{
	size_t len = STREAM_HDR + payload.len + STREAM_TRAILER;

	if (payload.len > STREAM_BODY || out.left < len)
		return 0;
	if (payload.len > 0)
		memmove(out.at + STREAM_HDR, payload.at, payload.len);
	put_u32(out.at, STREAM_MAGIC);
	put_u32(out.at + 4, type);
	put_u32(out.at + 8, seq);
	put_u32(out.at + 12, (uint32_t)payload.len);
	put_u32(out.at + len - STREAM_TRAILER, STREAM_END);
	return len;
}

const char *
stream_why_text(uint32_t why)
{
	switch (why) {
#define WHY_TEXT(n, name, text)                                                                    \
	case n:                                                                                    \
		return text;
		STREAM_WHY_LIST(WHY_TEXT)
#undef WHY_TEXT
	default:
		return "for a reason that this version does not know";
	}
}
