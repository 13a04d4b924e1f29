/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the two private lines, control and mailbox, carry what they should and
 * refuse the rest? The far end of the mailbox is a thread of this test that
 * answers, stays silent, or answers garbage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/control.h"
#include "lib/mailbox.h"

/* ---- control */

static int
make_pair(void **state)
{
	int *pair = calloc(2, sizeof(*pair));

	*state = pair;
	return pair == NULL ? -1 : socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int
close_pair(void **state)
{
	int *pair = *state;

	(void)close(pair[0]);
	(void)close(pair[1]);
	free(pair);
	return 0;
}

static bool
same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static void
test_control_hello(void **state)
{
	int *pair = *state, fds[2] = { 7, 7 };
	struct control_msg out = { .type = CTL_HELLO, .table.lsass_pid = 42 }, in;

	memset(out.state_key, 0xa5, sizeof(out.state_key));
	assert_int_equal(control_send(pair[0], &out, NULL), 0);
	assert_int_equal(control_recv(pair[1], &in, fds), 1);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
}

static void
test_control_iso(void **state)
{
	int *pair = *state, pipes[2], got[2];
	struct control_msg out = { .type = CTL_ISO }, in;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(control_send(pair[0], &out, pipes), 0);
	assert_int_equal(control_recv(pair[1], &in, got), 1);
	assert_true(same_file(got[0], pipes[0]) && same_file(got[1], pipes[1]));
	assert_int_equal(fcntl(got[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(got[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		(void)close(pipes[i]);
		(void)close(got[i]);
	}
}

static void
refused(int line)
{
	int fds[2], before = dup(0);
	struct control_msg in;

	(void)close(before);
	errno = 0;
	assert_int_equal(control_recv(line, &in, fds), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
	/* nothing that came with it stays open */
	fds[0] = dup(0);
	assert_int_equal(fds[0], before);
	(void)close(fds[0]);
}

static void
test_control_malformed(void **state)
{
	int *pair = *state, one[2] = { 0, -1 }, two[2] = { 0, 1 };
	struct control_msg out = { .type = CTL_READY };
	char big[sizeof(out) + 1];

	assert_int_equal(send(pair[0], &out, sizeof(out) - 1, 0), sizeof(out) - 1);
	refused(pair[1]);
	memset(big, 0, sizeof(big));
	memcpy(big, &out, sizeof(out));
	assert_int_equal(send(pair[0], big, sizeof(big), 0), sizeof(big));
	refused(pair[1]);
	out.type = 0;
	assert_int_equal(control_send(pair[0], &out, NULL), 0);
	refused(pair[1]);
	out.type = CTL_END;
	assert_int_equal(control_send(pair[0], &out, NULL), 0);
	refused(pair[1]);
	out.type = CTL_ISO; /* without, with one descriptor */
	assert_int_equal(control_send(pair[0], &out, NULL), 0);
	refused(pair[1]);
	assert_int_equal(control_send(pair[0], &out, one), 0);
	refused(pair[1]);
	out.type = CTL_TABLE; /* with descriptors nobody asked for */
	assert_int_equal(control_send(pair[0], &out, two), 0);
	refused(pair[1]);
}

static void
test_control_end(void **state)
{
	int *pair = *state, fds[2];
	struct control_msg msg = { .type = CTL_STOP };

	(void)shutdown(pair[0], SHUT_RDWR);
	assert_int_equal(control_recv(pair[1], &msg, fds), 0);
	msg.type = CTL_STOP;
	assert_int_equal(control_send(pair[1], &msg, NULL), -1); /* no SIGPIPE */
	assert_int_equal(errno, EPIPE);
}

/* ---- mailbox */

enum mood { ANSWERS, SILENT, GARBAGE, TOO_LONG, REFUSES };

struct far {
	struct mailbox *mb;
	enum mood mood;
	volatile int stop;
	pthread_t thread;
	uint32_t rate; /* of the last configure */
};

static void
answer(struct far *fa)
{
	struct mailbox *mb = fa->mb;
	static union iso_req req;
	static union iso_rep rep;
	enum iso_status st;
	uint32_t op = 0;
	size_t len = 0;

	memset(&rep, 0, sizeof(rep));
	st = rpc_decode_req((struct rd){ .at = mb->req, .len = mb->req_len }, &op, &req);
	if (op == ISO_OP_configure)
		fa->rate = req.configure.rate;
	if (op == ISO_OP_status)
		rep.status.served = 0x123456789abcdef0u;
	if (fa->mood == REFUSES)
		st = ISO_E_POLICY;
	if (rpc_encode_rep(op, st, &rep, (struct wr){ .at = mb->rep, .left = RPC_REP_MAX }, &len) !=
	    ISO_OK)
		abort();
	if (fa->mood == GARBAGE)
		mb->rep[0] ^= 0xff;
	mb->rep_len = fa->mood == TOO_LONG ? RPC_REP_MAX + 1 : (uint32_t)len;
}

static void *
far_main(void *arg)
{
	struct far *fa = arg;
	const struct timespec nap = { .tv_nsec = 200000 };

	while (!fa->stop) {
		uint32_t seq = __atomic_load_n(&fa->mb->req_seq, __ATOMIC_SEQ_CST);

		if (fa->mood != SILENT && seq != fa->mb->rep_seq) {
			answer(fa);
			__atomic_store_n(&fa->mb->rep_seq, seq, __ATOMIC_SEQ_CST);
		}
		(void)nanosleep(&nap, NULL);
	}
	return NULL;
}

static void
far_start(struct far *fa, enum mood mood)
{
	int fd = mailbox_make();

	assert_true(fd >= 0);
	memset(fa, 0, sizeof(*fa));
	fa->mood = mood;
	fa->mb = mailbox_map(fd);
	assert_non_null(fa->mb);
	(void)close(fd);
	assert_int_equal(pthread_create(&fa->thread, NULL, far_main, fa), 0);
}

static void
far_stop(struct far *fa)
{
	fa->stop = 1;
	assert_int_equal(pthread_join(fa->thread, NULL), 0);
	mailbox_unmap(fa->mb);
}

static void
is_wiped(const struct mailbox *mb)
{
	for (size_t i = 0; i < sizeof(mb->req); i++)
		assert_int_equal(mb->req[i], 0);
	for (size_t i = 0; i < sizeof(mb->rep); i++)
		assert_int_equal(mb->rep[i], 0);
}

static void
test_mailbox_calls(void **state)
{
	struct far fa;
	struct iso_req_configure conf = { .rate = 77, .burst = 8 };
	struct iso_rep_configure done = { 0 };
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is = { 0 };

	(void)state;
	far_start(&fa, ANSWERS);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_configure, &conf, &done, 5000),
				 ISO_OK);
		assert_int_equal(fa.rate, 77);
		assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_status, &ask, &is, 5000), ISO_OK);
		assert_true(is.served == 0x123456789abcdef0u);
		is_wiped(fa.mb);
	}
	far_stop(&fa);
}

static void
test_mailbox_refusal(void **state)
{
	struct far fa;
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping is = { 0 };

	(void)state;
	far_start(&fa, REFUSES);
	assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_ping, &ask, &is, 5000), ISO_E_POLICY);
	assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_END, &ask, &is, 5000), ISO_E_OP);
	far_stop(&fa);
}

static void
test_mailbox_garbage(void **state)
{
	struct far fa;
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is = { 0 };

	(void)state;
	far_start(&fa, GARBAGE);
	assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_status, &ask, &is, 5000), ISO_E_FRAME);
	is_wiped(fa.mb);
	fa.mood = TOO_LONG;
	assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_status, &ask, &is, 5000), ISO_E_FRAME);
	far_stop(&fa);
}

static void
test_mailbox_silence(void **state)
{
	struct far fa;
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping is = { 0 };

	(void)state;
	far_start(&fa, SILENT);
	assert_int_equal(mailbox_call(fa.mb, -1, ISO_OP_ping, &ask, &is, 100), ISO_GONE);
	assert_int_equal(errno, ETIMEDOUT);
	is_wiped(fa.mb);
	far_stop(&fa);
}

static void
test_mailbox_death(void **state)
{
	struct far fa;
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping is = { 0 };
	int pair[2];

	(void)state;
	far_start(&fa, SILENT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	(void)close(pair[1]);
	assert_int_equal(mailbox_call(fa.mb, pair[0], ISO_OP_ping, &ask, &is, 60000), ISO_GONE);
	assert_int_equal(errno, EPIPE);
	(void)close(pair[0]);
	far_stop(&fa);
}

/* Its size can be changed by nobody; what is not a mailbox is not mapped. */
static void
test_mailbox_shape(void **state)
{
	int fd = mailbox_make(), other;
	struct mailbox *mb = mailbox_map(fd);

	(void)state;
	assert_non_null(mb);
	assert_int_equal(ftruncate(fd, MAILBOX_SIZE + 4096), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	mb->magic ^= 1;
	assert_null(mailbox_map(fd));
	assert_int_equal(errno, EBADMSG);
	mailbox_unmap(mb);
	(void)close(fd);
	other = memfd_create("short", MFD_CLOEXEC);
	assert_int_equal(ftruncate(other, 4096), 0);
	assert_null(mailbox_map(other));
	assert_int_equal(errno, EBADMSG);
	(void)close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_control_hello, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_control_iso, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_control_malformed, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_control_end, make_pair, close_pair),
		cmocka_unit_test(test_mailbox_calls),
		cmocka_unit_test(test_mailbox_refusal),
		cmocka_unit_test(test_mailbox_garbage),
		cmocka_unit_test(test_mailbox_silence),
		cmocka_unit_test(test_mailbox_death),
		cmocka_unit_test(test_mailbox_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
