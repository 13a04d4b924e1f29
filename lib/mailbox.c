/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 20 /* longest wait before the life socket is looked at again */

static struct mailbox *
map_whole(int fd)
{
	void *at = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

int
mailbox_make(void)
{
	int fd = memfd_create("lsaiso-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct mailbox *mb = NULL;
	int saved;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, MAILBOX_SIZE) != 0 || (mb = map_whole(fd)) == NULL ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
		saved = errno;
		mailbox_unmap(mb);
		(void)close(fd);
		errno = saved;
		return -1;
	}
	mb->magic = MAILBOX_MAGIC;
	mb->version = RPC_VERSION;
	mailbox_unmap(mb);
	return fd;
}

struct mailbox *
mailbox_map(int fd)
{
	struct mailbox *mb;
	struct stat sb;

	if (fstat(fd, &sb) != 0)
		return NULL;
	if (sb.st_size != MAILBOX_SIZE) {
		errno = EBADMSG;
		return NULL;
	}
	mb = map_whole(fd);
	if (mb != NULL && (mb->magic != MAILBOX_MAGIC || mb->version != RPC_VERSION)) {
		mailbox_unmap(mb);
		errno = EBADMSG;
		return NULL;
	}
	return mb;
}

void
mailbox_unmap(struct mailbox *mb)
{
	if (mb != NULL)
		(void)munmap(mb, MAILBOX_SIZE);
}

/* ---- waiting */

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
is_dead(int life_fd)
{
	struct pollfd pf = { .fd = life_fd, .events = POLLIN };

	return life_fd >= 0 && poll(&pf, 1, 0) > 0 && (pf.revents & (POLLHUP | POLLERR | POLLIN));
}

/* Until rep_seq is seq. Sleeps in slices, so that a death is seen. */
static int
wait_for(struct mailbox *mb, uint32_t seq, int life_fd, int64_t until)
{
	const struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };

	for (;;) {
		uint32_t now;

		__atomic_store_n(&mb->broker_sleeps, 1, __ATOMIC_SEQ_CST);
		now = __atomic_load_n(&mb->rep_seq, __ATOMIC_SEQ_CST);
		if (now == seq) {
			__atomic_store_n(&mb->broker_sleeps, 0, __ATOMIC_SEQ_CST);
			return 0;
		}
		if (is_dead(life_fd)) {
			errno = EPIPE;
			return -1;
		}
		if (now_ms() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)syscall(SYS_futex, &mb->rep_seq, FUTEX_WAIT, now, &slice, NULL, 0);
	}
}

static void
ring(struct mailbox *mb, uint32_t seq)
{
	__atomic_store_n(&mb->req_seq, seq, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mb->iso_sleeps, __ATOMIC_SEQ_CST) != 0)
		(void)syscall(SYS_futex, &mb->req_seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The reply is copied before it is read: lsaiso could still write to it. */
static enum iso_status
read_reply(struct mailbox *mb, uint32_t op, void *rep)
{
	uint8_t frame[RPC_REP_MAX];
	uint32_t len = __atomic_load_n(&mb->rep_len, __ATOMIC_RELAXED);
	enum iso_status st = ISO_E_FRAME, answer = ISO_E_FRAME;

	if (len <= sizeof(frame)) {
		memcpy(frame, mb->rep, len);
		st = rpc_decode_rep((struct rd){ .at = frame, .len = len }, op, &answer, rep);
	}
	explicit_bzero(frame, sizeof(frame));
	return st == ISO_OK ? answer : ISO_E_FRAME;
}

enum iso_status
mailbox_call(struct mailbox *mb, int life_fd, uint32_t op, const void *req, void *rep,
	     int timeout_ms)
{
	int64_t until = now_ms() + timeout_ms;
	uint32_t seq = __atomic_load_n(&mb->req_seq, __ATOMIC_SEQ_CST);
	enum iso_status st;
	size_t len = 0;

	if (wait_for(mb, seq, life_fd, until) != 0)
		return (enum iso_status)ISO_GONE;
	st = rpc_encode_req(op, req, (struct wr){ .at = mb->req, .left = sizeof(mb->req) }, &len);
	if (st == ISO_OK) {
		__atomic_store_n(&mb->req_len, (uint32_t)len, __ATOMIC_RELAXED);
		ring(mb, seq + 1);
		if (wait_for(mb, seq + 1, life_fd, until) != 0)
			st = (enum iso_status)ISO_GONE;
		else
			st = read_reply(mb, op, rep);
	}
	explicit_bzero(mb->req, sizeof(mb->req));
	explicit_bzero(mb->rep, sizeof(mb->rep));
	return st;
}
