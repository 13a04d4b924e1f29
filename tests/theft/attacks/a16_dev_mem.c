/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target's pages at their physical addresses, by /dev/mem. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "frames.h"

int
main(int argc, char **argv)
{
	static struct theft t;
	int fd = -1;

	theft_begin(&t, argc, argv);
	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		theft_failed("/dev/mem", errno);
	frames_copy(&t, theft_from_fd, &fd);
	theft_end(&t, "/dev/mem");
}
