/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read /proc/PID/mem. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "theft.h"

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
	theft_copy_all(&t, theft_from_fd, &mem);
	theft_end(&t, path);
}
