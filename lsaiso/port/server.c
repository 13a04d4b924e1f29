/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receive and send over the mailbox of rpc/mailbox.h. Every word in it may
 * change at any time: each is loaded once into a local, then judged.
 */
#include "host.h"

#include <string.h>

#include "port/port.h"

#define LUCK_MAX 16u

/*
 * Where the server's words are. They lie in the secret region; this pointer
 * is written once, before the image is sealed.
 */
static struct server *the_server;

void
server_start(struct server *server)
{
	the_server = server;
}

/* Look for a while. Returns true when a request has come. */
static bool
spin(const struct server *s, uint64_t ticks)
{
	uint64_t from = arch_ticks();

	do {
		if (__atomic_load_n(&s->box->req_seq, __ATOMIC_ACQUIRE) != s->seq)
			return true;
		arch_pause();
	} while (arch_ticks() - from < ticks);
	return false;
}

/*
 * Sleep until req_seq is another. The sleeps word is set before the last
 * look (both sequentially consistent, as is the broker's order: number, then
 * sleeps word), so either we see the number or the broker sees that we
 * sleep; and the kernel compares once more under its lock.
 */
static void
sleep_until_asked(const struct server *s)
{
	struct mailbox *box = s->box;

	while (__atomic_load_n(&box->req_seq, __ATOMIC_ACQUIRE) == s->seq) {
		__atomic_store_n(&box->iso_sleeps, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&box->req_seq, __ATOMIC_SEQ_CST) != s->seq)
			break;
		port_sleep(box, s->seq);
	}
	__atomic_store_n(&box->iso_sleeps, 0, __ATOMIC_RELAXED);
}

/*
 * Wait for the next request. Spinning is tried while it pays: luck goes up
 * by two when a request came within the window, or soon after a sleep
 * began, down by one when it did not.
 */
static void
await(struct server *s)
{
	bool came = false;

	if (s->spin_ticks != 0 && s->luck > 0)
		came = spin(s, s->spin_ticks);
	if (!came) {
		sleep_until_asked(s);
		came = arch_ticks() - s->idle_since < s->spin_ticks;
	}
	if (came)
		s->luck = s->luck + 2 < LUCK_MAX ? s->luck + 2 : LUCK_MAX;
	else if (s->luck > 0)
		s->luck--;
}

size_t
iso_host_recv(struct wr into)
{
	struct server *s = the_server;
	uint32_t len = 0;

	arch_forget();
	await(s);
	s->seq = __atomic_load_n(&s->box->req_seq, __ATOMIC_ACQUIRE);
	len = __atomic_load_n(&s->box->req_len, __ATOMIC_RELAXED);
	if (len > into.left || len > sizeof(s->box->req))
		return 0;
	memcpy(into.at, s->box->req, len);
	return len;
}

void
iso_host_send(struct rd reply)
{
	struct server *s = the_server;
	struct mailbox *box = s->box;

	if (reply.len > sizeof(box->rep))
		port_exit(ISO_EXIT_ASSERT);
	memcpy(box->rep, reply.at, reply.len);
	__atomic_store_n(&box->rep_len, (uint32_t)reply.len, __ATOMIC_RELAXED);
	__atomic_store_n(&box->rep_seq, s->seq, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&box->broker_sleeps, __ATOMIC_SEQ_CST) != 0)
		port_wake(box);
	s->idle_since = arch_ticks();
}
