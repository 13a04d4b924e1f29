/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of include/rpc/stream.h: writing one, and reading them out of a
 * stream that may begin anywhere and hold anything. Both ends use it:
 * lsaiso-host and lsalink. It does no input or output of its own.
 *
 * The payload of a frame is never searched for frames, whatever its end says:
 * parts of it come from ordinary users of the guest. For the same reason the
 * reader of the host starts, and goes on after octets that are no frame, only
 * behind STREAM_SYNC zero octets in a row, which no payload has room for
 * (STREAM_NEEDS_SYNC). The guest's reader takes the next magic
 * (STREAM_HUNTS): there it is the nonce of its HELLO that decides.
 */
#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/stream.h"

enum stream_mode {
	STREAM_HUNTS,	   /* guest */
	STREAM_NEEDS_SYNC, /* host */
};

struct stream_frame {
	uint32_t type, seq;
	struct rd payload; /* at most STREAM_BODY octets, in the reader's buffer */
};

/* What was read and not yet taken. Large; to be zero, then stream_init. */
struct stream_reader {
	enum stream_mode mode;
	bool synced;
	size_t zeros;	  /* in a row, while not synced */
	size_t at, end;	  /* unread octets in buf */
	size_t given;	  /* octets of the frame that stream_next gave, before at */
	uint64_t skipped; /* octets other than zero that were in no frame */
	uint64_t torn;	  /* frames with a wrong length or end, dropped */
	uint8_t buf[STREAM_FRAME];
};

void stream_init(struct stream_reader *sr, enum stream_mode mode);

/* Forget all that was read, wiped; the counts stay. */
void stream_reset(struct stream_reader *sr);

/*
 * Where the next octets of the stream go, at least one, and how many of them
 * came. Ask stream_next until it says false before the next room: only then
 * is there any. Frames given before are void from here on.
 */
struct wr stream_room(struct stream_reader *sr);
void stream_came(struct stream_reader *sr, size_t n);

/*
 * The next whole frame whose end is right. False: more octets are needed. The
 * payload holds until the next call with sr, and is wiped then; seq and type
 * are as they came.
 */
bool stream_next(struct stream_reader *sr, struct stream_frame *frame);

/* Wipe the frame that stream_next gave now, not only at the next call. */
void stream_done(struct stream_reader *sr);

/*
 * Write a frame. payload may already lie where it belongs, STREAM_HDR octets
 * behind out.at. Returns its length, or 0: out too small, payload too long.
 */
size_t stream_put(struct wr out, uint32_t type, uint32_t seq, struct rd payload);

/* Why a HELLO was refused, for people. */
const char *stream_why_text(uint32_t why);

#endif
