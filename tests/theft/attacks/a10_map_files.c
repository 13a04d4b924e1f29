/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open the memory that is mapped by /proc/PID/map_files, and read it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "theft.h"

static ssize_t
from_file(void *arg, uint64_t address, void *buffer, size_t length)
{
	const int *fd = arg;
	ssize_t n = pread(*fd, buffer, length, (off_t)address);

	return n < 0 ? -errno : n;
}

int
main(int argc, char **argv)
{
	static struct theft t;
	int opened = 0;

	theft_begin(&t, argc, argv);
	for (size_t i = 0; i < t.areas; i++) {
		struct area a = t.area[i];
		char path[96];
		int fd = -1;

		if (a.inode == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, t.pid,
			 a.start, a.end);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			if (t.error == 0)
				t.error = errno;
			continue;
		}
		opened++;
		a.end = a.offset + (a.end - a.start);
		a.start = a.offset;
		theft_copy(&t, &a, from_file, &fd);
		close(fd);
	}
	if (opened == 0 && t.error == ENOENT)
		theft_cannot("/proc/%d/map_files: not in this kernel", t.pid);
	theft_end(&t, "map_files");
}
