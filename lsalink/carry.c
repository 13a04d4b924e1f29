/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests outward, replies inward. The words of the mailbox are used as
 * lsaiso uses them (lsaiso/port/server.c); each may change at any
 * time and is loaded once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lsalink/link.h"

int64_t
link_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the stream */

/* Is it only that nothing can be done at the moment? Else the end has come. */
static void
only_later(void)
{
	if (errno != EAGAIN && errno != EINTR)
		link_exit(LINK_EXIT_LOST);
}

bool
link_read(struct link *li)
{
	struct wr room = stream_room(&li->in);
	ssize_t got = read(LINK_FD_STREAM, room.at, room.left);

	if (got == 0)
		link_exit(LINK_EXIT_LOST);
	if (got < 0)
		only_later();
	else
		stream_came(&li->in, (size_t)got);
	return got > 0;
}

size_t
link_write(const uint8_t *at, size_t len)
{
	ssize_t went = write(LINK_FD_STREAM, at, len);

	if (went < 0)
		only_later();
	return went > 0 ? (size_t)went : 0;
}

/* All of it, or the host takes nothing for LINK_ANSWER_MS. */
static void
write_whole(const uint8_t *at, size_t len)
{
	struct pollfd pf = { .fd = LINK_FD_STREAM, .events = POLLOUT };

	while (len > 0) {
		size_t went = link_write(at, len);

		at += went;
		len -= went;
		if (len > 0 && poll(&pf, 1, LINK_ANSWER_MS) == 0)
			link_exit(LINK_EXIT_SILENT);
	}
}

/* ---- words; the other end of the mailbox's is another process */

static long
futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static uint32_t
load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void
store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static void
enter(struct link *li, uint32_t phase)
{
	store(&li->phase, phase);
	(void)futex(&li->phase, FUTEX_WAKE, 1, NULL);
}

static void
await(struct link *li, uint32_t phase)
{
	uint32_t now;

	while ((now = load(&li->phase)) < phase)
		(void)futex(&li->phase, FUTEX_WAIT, now, NULL);
}

void
carry_ready(struct link *li)
{
	await(li, 1);
}

/* ---- outward */

/*
 * Until req_seq is another than seq, which is returned. The sleeps word is
 * set before the last look, so either we see the number or the broker sees
 * that we sleep. call: the one that is under way; if it still is when its
 * time is over, the host has not answered.
 */
static uint32_t
await_request(struct link *li, uint32_t seq, uint32_t call)
{
	const struct timespec limit = { .tv_sec = LINK_ANSWER_MS / 1000 };
	struct mailbox *box = li->box;
	uint32_t now;

	while ((now = load(&box->req_seq)) == seq) {
		store(&box->iso_sleeps, 1);
		if (load(&box->req_seq) != seq)
			continue;
		if (load(&li->call) == 0) {
			(void)futex(&box->req_seq, FUTEX_WAIT, seq, NULL);
		} else if (futex(&box->req_seq, FUTEX_WAIT, seq, &limit) != 0 &&
			   errno == ETIMEDOUT && load(&li->call) == call) {
			link_exit(LINK_EXIT_SILENT);
		}
	}
	store(&box->iso_sleeps, 0);
	return now;
}

/* One request: copied once, sent from the copy. A wrong length is for lsaiso to refuse. */
static void
send_call(struct link *li, uint32_t call)
{
	uint8_t *at = li->out + STREAM_HDR;
	uint32_t len = __atomic_load_n(&li->box->req_len, __ATOMIC_RELAXED);
	size_t frame;

	if (len > sizeof(li->box->req))
		len = 0;
	memcpy(at, li->box->req, len);
	frame = stream_put((struct wr){ li->out, sizeof(li->out) }, STREAM_CALL, call,
			   (struct rd){ at, len });
	if (frame == 0)
		link_exit(ISO_EXIT_ASSERT);
	store(&li->call, call);
	write_whole(li->out, frame);
	explicit_bzero(li->out, frame);
}

void *
carry_outward(void *link)
{
	struct link *li = link;
	uint32_t seq = load(&li->box->rep_seq), call = 0;

	enter(li, 1);
	await(li, 2);
	for (;;) {
		seq = await_request(li, seq, call);
		if (load(&li->call) != 0) /* the broker may not ask before it is answered */
			link_exit(ISO_EXIT_ASSERT);
		if (++call == 0)
			call = 1;
		li->mailbox_seq = seq;
		send_call(li, call);
	}
}

/* ---- inward */

static void
take_reply(struct link *li, const struct stream_frame *frame)
{
	struct mailbox *box = li->box;
	uint32_t call = load(&li->call), seq = li->mailbox_seq;

	if (call == 0 || frame->seq != call || frame->payload.len > sizeof(box->rep))
		link_exit(LINK_EXIT_PROTOCOL);
	memcpy(box->rep, frame->payload.at, frame->payload.len);
	__atomic_store_n(&box->rep_len, (uint32_t)frame->payload.len, __ATOMIC_RELAXED);
	store(&li->call, 0);
	store(&box->rep_seq, seq);
	if (load(&box->broker_sleeps) != 0)
		(void)futex(&box->rep_seq, FUTEX_WAKE, 1, NULL);
}

static void
take_frames(struct link *li)
{
	struct stream_frame frame;

	while (stream_next(&li->in, &frame)) {
		if (frame.type == STREAM_GONE)
			link_exit(LINK_EXIT_GONE);
		if (frame.type != STREAM_REPLY)
			link_exit(LINK_EXIT_PROTOCOL);
		take_reply(li, &frame);
	}
	/* After WELCOME there is nothing but frames. */
	if (li->in.skipped != 0 || li->in.torn != 0)
		link_exit(LINK_EXIT_PROTOCOL);
	stream_done(&li->in);
}

void
carry_inward(struct link *li)
{
	struct pollfd pf = { .fd = LINK_FD_STREAM, .events = POLLIN };

	enter(li, 2);
	for (;;) {
		take_frames(li); /* some may have come behind WELCOME */
		if (poll(&pf, 1, -1) > 0)
			(void)link_read(li);
	}
}
