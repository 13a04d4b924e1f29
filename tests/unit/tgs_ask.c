/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does ask keep its side of the mailbox: every answer comes to its asker,
 * no wake-up is lost, nothing stays in shared memory, death is noticed?
 * The other side is played by a thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <assert.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/mailbox.h"
#include "lsass/ask.h"

static const uint8_t boot_id[ISO_BOOT_ID] = "a boot id of it";

/* What the thread at the other end does. */
struct other {
	struct mailbox *box;
	int life;
	pthread_t thread;
	volatile bool stop, die_next, hold_next, too_long_next;
	volatile unsigned int nap_every; /* sleep before every n-th answer */
	unsigned int served;
};

static struct other other;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* Wait as lsaiso does: a look, the sleeps word, a look, the futex. */
static bool
await(uint32_t seen)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	struct mailbox *box = other.box;

	while (__atomic_load_n(&box->req_seq, __ATOMIC_SEQ_CST) == seen) {
		if (other.stop)
			return false;
		__atomic_store_n(&box->iso_sleeps, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&box->req_seq, __ATOMIC_SEQ_CST) == seen)
			syscall(SYS_futex, &box->req_seq, FUTEX_WAIT, seen, &tick, NULL, 0);
		__atomic_store_n(&box->iso_sleeps, 0, __ATOMIC_SEQ_CST);
	}
	return true;
}

/* Session numbers come back as they went, so that answers can be told apart. */
static size_t
answer(void)
{
	struct mailbox *box = other.box;
	union iso_req req;
	union iso_rep rep;
	uint32_t op = 0;
	size_t len = 0;
	enum iso_status status = rpc_decode_req((struct rd){ box->req, box->req_len }, &op, &req);

	memset(&rep, 0, sizeof(rep));
	if (op == ISO_OP_session_open) {
		rep.session_open.session = req.session_open.owner;
		rep.session_open.generation = req.session_open.lifetime;
	} else if (op == ISO_OP_cred_absorb) {
		rep.cred_absorb.blob.len = ISO_BLOB_MAX;
		memset(rep.cred_absorb.blob.at, 0xbb, ISO_BLOB_MAX);
	} else if (op == ISO_OP_session_close) {
		status = ISO_E_SESSION;
	}
	assert(rpc_encode_rep(op, status, &rep, (struct wr){ box->rep, sizeof(box->rep) }, &len) ==
	       ISO_OK);
	return len;
}

static void *
other_main(void *arg)
{
	struct mailbox *box = other.box;
	uint32_t seq = box->rep_seq;

	while (await(seq)) {
		seq = __atomic_load_n(&box->req_seq, __ATOMIC_SEQ_CST);
		while (other.hold_next && !other.stop)
			usleep(1000);
		if (other.die_next) {
			close(other.life);
			return NULL;
		}
		box->rep_len = (uint32_t)answer();
		if (other.too_long_next)
			box->rep_len = RPC_REP_MAX + 1;
		other.served++;
		if (other.nap_every != 0 && other.served % other.nap_every == 0)
			usleep(other.served % 7 * 30);
		__atomic_store_n(&box->rep_seq, seq, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&box->broker_sleeps, __ATOMIC_SEQ_CST) != 0)
			syscall(SYS_futex, &box->rep_seq, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	close(other.life);
	return NULL;
}

static void
start_at(uint32_t seq)
{
	int fd = mailbox_make(), life[2];

	memset(&other, 0, sizeof(other));
	assert_true(fd >= 0);
	other.box = mailbox_map(fd);
	assert_non_null(other.box);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life), 0);
	other.life = life[1];
	other.box->req_seq = other.box->rep_seq = seq;
	assert_int_equal(pthread_create(&other.thread, NULL, other_main, NULL), 0);
	assert_int_equal(ask_attach(fd, life[0], boot_id), 0);
}

static int
start(void **state)
{
	start_at(0);
	return 0;
}

static int
stop(void **state)
{
	other.stop = true;
	pthread_join(other.thread, NULL);
	ask_detach();
	mailbox_unmap(other.box);
	return 0;
}

static enum iso_status
ping(void)
{
	struct iso_req_ping req = { 0 };
	struct iso_rep_ping rep;

	return ask_ping(&req, &rep);
}

static enum iso_status
echo(uint32_t a, uint32_t b)
{
	struct iso_req_session_open req = { .owner = a, .lifetime = b };
	struct iso_rep_session_open rep;
	enum iso_status status = ask_session_open(&req, &rep);

	if (status == ISO_OK && (rep.session != a || rep.generation != b))
		return ISO_E_MISMATCH;
	return status;
}

/* ---- */

static void
test_round_trips(void **state)
{
	uint8_t id[ISO_BOOT_ID];
	struct iso_req_session_close req = { 0 };
	struct iso_rep_session_close rep;

	assert_true(ask_boot_id(id));
	assert_memory_equal(id, boot_id, sizeof(id));
	assert_true(ask_life_fd() >= 0);
	assert_int_equal(ping(), ISO_OK);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(echo(i, ~i), ISO_OK);
	assert_int_equal(ask_session_close(&req, &rep), ISO_E_SESSION);
}

/* Both sequence numbers pass through zero. */
static void
test_wrap_around(void **state)
{
	stop(state);
	start_at(UINT32_MAX - 3);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(echo(i, i), ISO_OK);
	assert_true(other.box->req_seq < 20);
}

static void *
asker(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;
	uintptr_t bad = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		bad += echo(me, i) != ISO_OK;
		if (i % 100 == me)
			usleep(200);
	}
	return (void *)bad;
}

/* Sleeping and spinning in every order; a lost wake-up would cost 50 ms each. */
static void
test_threads(void **state)
{
	pthread_t threads[4];
	uint64_t start_ms = now_ms();
	void *bad;

	other.nap_every = 13;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, asker, (void *)i), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(other.served, 12000);
	assert_true(now_ms() - start_ms < 30000);
}

static bool
has(const uint8_t *at, size_t n, uint8_t octet)
{
	size_t run = 0;

	for (size_t i = 0; i < n && run < 8; i++)
		run = at[i] == octet ? run + 1 : 0;
	return run == 8;
}

static void
test_wiped(void **state)
{
	uint8_t key[ISO_KEY_MAX + 1];
	struct iso_req_cred_absorb req = { 0 };
	struct iso_rep_cred_absorb rep;

	memset(key, 0xaa, sizeof(key));
	req.key = (struct rd){ key, ISO_KEY_MAX };
	assert_int_equal(ask_cred_absorb(&req, &rep), ISO_OK);
	assert_int_equal(rep.blob.len, ISO_BLOB_MAX);
	assert_int_equal(rep.blob.at[ISO_BLOB_MAX - 1], 0xbb);
	assert_false(has((uint8_t *)other.box, MAILBOX_SIZE, 0xaa));
	assert_false(has((uint8_t *)other.box, MAILBOX_SIZE, 0xbb));
	/* A request that does not fit never goes out, and leaves nothing. */
	req.key.len = sizeof(key);
	assert_int_equal(ask_cred_absorb(&req, &rep), ISO_E_RANGE);
	assert_int_equal(rep.blob.len, 0);
	assert_false(has((uint8_t *)other.box, MAILBOX_SIZE, 0xaa));
	assert_int_equal(ping(), ISO_OK);
}

static void
test_bad_reply(void **state)
{
	struct iso_req_session_open req = { .owner = 1 };
	struct iso_rep_session_open rep;

	other.too_long_next = true;
	memset(&rep, 0xff, sizeof(rep));
	assert_int_equal(ask_session_open(&req, &rep), ISO_E_FRAME);
	assert_int_equal(rep.session, 0);
	other.too_long_next = false;
	assert_int_equal(ping(), ISO_OK);
}

static void
test_death(void **state)
{
	uint64_t start_ms = now_ms();
	uint8_t id[ISO_BOOT_ID];

	other.die_next = true;
	assert_int_equal(ping(), ISO_GONE);
	assert_true(now_ms() - start_ms <= 100);
	assert_false(ask_boot_id(id));
	start_ms = now_ms();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ping(), ISO_GONE);
	assert_true(now_ms() - start_ms <= 50);
}

/* Alive but stopped: given up after 4 s, at once after that; usable again when it answers. */
static void
test_stuck(void **state)
{
	uint64_t start_ms = now_ms();

	other.hold_next = true;
	assert_int_equal(ping(), ISO_GONE);
	assert_true(now_ms() - start_ms >= 3500);
	start_ms = now_ms();
	assert_int_equal(ping(), ISO_GONE);
	assert_true(now_ms() - start_ms < 1000);
	other.hold_next = false;
	usleep(100000);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(echo(i, i), ISO_OK);
}

static void
test_detached(void **state)
{
	uint8_t id[ISO_BOOT_ID];

	assert_int_equal(ping(), ISO_GONE);
	assert_int_equal(ask_life_fd(), -1);
	assert_false(ask_boot_id(id));
}

/* ---- taking over */

static void *
release_soon(void *arg)
{
	usleep(200000);
	other.hold_next = false;
	return NULL;
}

/* An earlier broker died in the middle of a call: wait, wipe, go on. */
static void
test_take_over(void **state)
{
	struct mailbox *box;
	pthread_t thread;
	uint64_t start_ms = now_ms();
	int fd = mailbox_make(), life[2];

	assert_true(fd >= 0);
	memset(&other, 0, sizeof(other));
	other.box = box = mailbox_map(fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life), 0);
	other.life = life[1];
	other.hold_next = true;
	assert_int_equal(pthread_create(&other.thread, NULL, other_main, NULL), 0);
	memset(box->req, 0xaa, 64);
	box->req_len = 64;
	box->req_seq++;
	syscall(SYS_futex, &box->req_seq, FUTEX_WAKE, 1, NULL, NULL, 0);
	assert_int_equal(pthread_create(&thread, NULL, release_soon, NULL), 0);
	assert_int_equal(ask_attach(fd, life[0], boot_id), 0);
	assert_true(now_ms() - start_ms >= 150);
	assert_false(has((uint8_t *)box, MAILBOX_SIZE, 0xaa));
	assert_int_equal(echo(5, 6), ISO_OK);
	pthread_join(thread, NULL);
	stop(NULL);
}

static void
attach_fails(int fd, int life, int error)
{
	errno = 0;
	assert_int_equal(ask_attach(fd, life, boot_id), -1);
	assert_int_equal(errno, error);
	assert_int_equal(fcntl(life, F_GETFD), -1); /* both were taken */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(ping(), ISO_GONE);
}

static void
test_attach_refused(void **state)
{
	int fd, life[2];
	struct mailbox *box;

	/* Too small: would be SIGBUS later. */
	fd = memfd_create("small", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, life), 0);
	attach_fails(fd, life[0], EPROTO);
	close(life[1]);
	/* Not a mailbox. */
	fd = memfd_create("zero", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, MAILBOX_SIZE), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, life), 0);
	attach_fails(fd, life[0], EPROTO);
	close(life[1]);
	/* In the middle of a call that nobody will ever answer. */
	fd = mailbox_make();
	box = mailbox_map(fd);
	box->req_seq++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, life), 0);
	close(life[1]);
	attach_fails(fd, life[0], EPIPE);
	mailbox_unmap(box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detached),
		cmocka_unit_test_setup_teardown(test_round_trips, start, stop),
		cmocka_unit_test_setup_teardown(test_wrap_around, start, stop),
		cmocka_unit_test_setup_teardown(test_threads, start, stop),
		cmocka_unit_test_setup_teardown(test_wiped, start, stop),
		cmocka_unit_test_setup_teardown(test_bad_reply, start, stop),
		cmocka_unit_test_setup_teardown(test_death, start, stop),
		cmocka_unit_test_setup_teardown(test_stuck, start, stop),
		cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_attach_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
