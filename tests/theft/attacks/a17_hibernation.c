/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ask the kernel for the image that hibernation would write, through
 * /dev/snapshot, and read it. The machine stands still meanwhile; it is not
 * switched off. Only where $THEFT_HIBERNATE says that it may be tried: a
 * machine whose root file system is not on a disk can stand still for good.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/suspend_ioctls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "theft.h"

#define LARGEST_IMAGE (1ull << 30)

int
main(int argc, char **argv)
{
	static uint8_t piece[1u << 16];
	static struct theft t;
	int fd = -1, suspended = 0, error = 0;
	ssize_t n = 0;

	theft_begin(&t, argc, argv);
	if (getenv("THEFT_HIBERNATE") == NULL)
		theft_cannot("no machine to stop (THEFT_HIBERNATE)");
	fd = open("/dev/snapshot", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV))
		theft_cannot("/dev/snapshot: %m");
	if (fd < 0)
		theft_refused("/dev/snapshot: %m");
	if (ioctl(fd, SNAPSHOT_FREEZE, 0) != 0)
		theft_cannot("freeze: %m");
	if (ioctl(fd, SNAPSHOT_CREATE_IMAGE, &suspended) != 0)
		error = errno;
	while (error == 0 && t.octets < LARGEST_IMAGE && (n = read(fd, piece, sizeof(piece))) > 0)
		theft_write(&t, piece, (size_t)n);
	ioctl(fd, SNAPSHOT_FREE, 0);
	ioctl(fd, SNAPSHOT_UNFREEZE, 0);
	close(fd);
	if (error != 0)
		theft_cannot("an image for hibernation: %s", strerror(error));
	theft_end(&t, "image for hibernation");
}
