/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read /proc/PID/mem. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "theft.h"

static ssize_t
from_mem(void *arg, uint64_t address, void *buffer, size_t length)
{
	ssize_t n = pread(*(const int *)arg, buffer, length, (off_t)address);

	return n < 0 ? -errno : n;
}

int
main(int argc, char **argv)
{
	static struct theft t;
	char path[64];
	int mem = -1;

	theft_begin(&t, argc, argv);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		theft_refused("open %s: %m", path);
	theft_copy_all(&t, from_mem, &mem);
	theft_end(&t, path);
}
