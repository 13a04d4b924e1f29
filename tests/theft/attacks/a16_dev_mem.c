/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target's pages at their physical addresses, by /dev/mem. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "frames.h"

static ssize_t
at_physical(void *arg, uint64_t address, void *buffer, size_t length)
{
	ssize_t n = pread(*(const int *)arg, buffer, length, (off_t)address);

	return n < 0 ? -errno : n;
}

int
main(int argc, char **argv)
{
	static struct theft t;
	int fd = -1;

	theft_begin(&t, argc, argv);
	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		theft_failed("/dev/mem", errno);
	frames_copy(&t, at_physical, &fd);
	theft_end(&t, "/dev/mem");
}
