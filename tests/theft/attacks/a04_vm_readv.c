/* SPDX-License-Identifier: GPL-3.0-or-later */
/* process_vm_readv(2). */
#include <errno.h>
#include <sys/uio.h>

#include "theft.h"

static ssize_t
from_process(void *arg, uint64_t address, void *buffer, size_t length)
{
	const struct theft *t = arg;
	struct iovec mine = { buffer, length };
	struct iovec theirs = { (void *)(uintptr_t)address, length };
	ssize_t n = process_vm_readv(t->pid, &mine, 1, &theirs, 1, 0);

	return n < 0 ? -errno : n;
}

int
main(int argc, char **argv)
{
	static struct theft t;

	theft_begin(&t, argc, argv);
	theft_copy_all(&t, from_process, &t);
	theft_end(&t, "process_vm_readv");
}
