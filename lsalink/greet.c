/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The beginning of a stream that an earlier lsalink may have left in the
 * middle of anything: STREAM_SYNC zero octets, HELLO, and then everything is
 * dropped until an answer bears the nonce of that HELLO.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>

#include "lsalink/link.h"

/* ---- the two answers; octets as they came, which lie anywhere */

/* 0: not for us. */
static bool
is_welcome(const struct link *li, const struct stream_frame *frame)
{
	struct stream_welcome is;

	if (frame->type != STREAM_WELCOME || frame->payload.len != sizeof(is))
		return false;
	memcpy(&is, frame->payload.at, sizeof(is));
	if (memcmp(is.nonce, li->hello.nonce, sizeof(is.nonce)) != 0)
		return false;
	if (is.version != STREAM_VERSION || is.rpc != RPC_VERSION)
		link_exit(LINK_EXIT_VERSION);
	return true;
}

static void
look_for_refusal(const struct link *li, const struct stream_frame *frame)
{
	struct stream_refused is;

	if (frame->type != STREAM_REFUSED || frame->payload.len != sizeof(is))
		return;
	memcpy(&is, frame->payload.at, sizeof(is));
	if (memcmp(is.nonce, li->hello.nonce, sizeof(is.nonce)) != 0)
		return;
	switch (is.why) {
#define WHY_EXIT(number, name, text)                                                               \
	case number:                                                                               \
		link_exit(LINK_EXIT_##name);
		STREAM_WHY_LIST(WHY_EXIT)
#undef WHY_EXIT
	default:
		link_exit(LINK_EXIT_PROTOCOL);
	}
}

/* Has WELCOME come? */
static bool
take_answers(struct link *li)
{
	struct stream_frame frame;

	while (stream_next(&li->in, &frame)) {
		if (is_welcome(li, &frame))
			return true;
		look_for_refusal(li, &frame);
	}
	return false;
}

/* ---- all of it within LINK_HELLO_MS */

/* Both ways at once: the host may have to get rid of something before it reads. */
static bool
exchange(struct link *li, const uint8_t **at, size_t *left, int ms)
{
	struct pollfd pf = { .fd = LINK_FD_STREAM,
			     .events = (short)(POLLIN | (*left > 0 ? POLLOUT : 0)) };

	if (poll(&pf, 1, ms) <= 0)
		return false;
	if ((pf.revents & POLLOUT) != 0 && *left > 0) {
		size_t went = link_write(*at, *left);

		*at += went;
		*left -= went;
	}
	return (pf.revents & ~POLLOUT) != 0 && link_read(li) && take_answers(li);
}

/* Send len octets; until WELCOME if it is the last of them. */
static bool
say(struct link *li, const uint8_t *at, size_t len, bool last, int64_t until)
{
	bool welcome = false;

	while (!welcome && (len > 0 || last)) {
		int64_t ms = until - link_now_ms();

		if (ms <= 0)
			link_exit(LINK_EXIT_NOBODY);
		welcome = exchange(li, &at, &len, (int)ms);
	}
	return welcome;
}

void
greet(struct link *li)
{
	int64_t until = link_now_ms() + LINK_HELLO_MS;
	const struct rd hello = { (const uint8_t *)&li->hello, sizeof(li->hello) };
	size_t len;

	_Static_assert(sizeof(li->out) == STREAM_SYNC, "zero octets are at hand");
	/* A WELCOME now can only be of a nonce that we have not sent. */
	if (say(li, li->out, STREAM_SYNC, false, until))
		link_exit(LINK_EXIT_PROTOCOL);
	len = stream_put((struct wr){ li->out, sizeof(li->out) }, STREAM_HELLO, 0, hello);
	if (len == 0)
		link_exit(ISO_EXIT_ASSERT);
	(void)say(li, li->out, len, true, until);
	stream_done(&li->in);
	li->in.skipped = li->in.torn = 0;
}
