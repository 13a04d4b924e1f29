/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Make the process write its memory out by system calls of its own, with its
 * seccomp filter suspended: memfd_create, then write(2) of every area.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "puppet.h"
#include "theft.h"
#include "trace.h"

/* Any string will do as a name: the first zero octet of ordinary memory. */
static uint64_t
a_string(const struct theft *t)
{
	const struct area *a = theft_ordinary(t);
	uint8_t piece[THEFT_PAGE];

	if (a != NULL && trace_peek(t->pid, a->start, piece, sizeof(piece)) == 0) {
		for (size_t i = 0; i < sizeof(piece); i++) {
			if (piece[i] == 0)
				return a->start + i;
		}
	}
	theft_cannot("no zero octet in ordinary memory");
}

static int
write_areas(const struct puppet *p, struct theft *t, long fd)
{
	int written = 0;

	for (size_t i = 0; i < t->areas; i++) {
		const struct area *a = &t->area[i];
		long n = puppet_call(p, SYS_write, fd, (long)a->start, (long)(a->end - a->start));

		if (PUPPET_ERROR(n) && t->error == 0)
			t->error = (int)-n;
		written += n > 0;
	}
	return written;
}

static void
collect(struct theft *t, long fd)
{
	char path[64], piece[1 << 16];
	ssize_t n = 0;
	int mine = -1;

	snprintf(path, sizeof(path), "/proc/%d/fd/%ld", t->pid, fd);
	mine = open(path, O_RDONLY | O_CLOEXEC);
	if (mine < 0)
		return;
	while ((n = read(mine, piece, sizeof(piece))) > 0)
		theft_write(t, piece, (size_t)n);
	close(mine);
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { 1024, 1024 };
	struct puppet p = { 0 };
	struct rlimit before = { 0 };
	static struct theft t;
	long fd = 0;

	theft_begin(&t, argc, argv);
	puppet_take(&p, &t);
	(void)prlimit(t.pid, RLIMIT_NOFILE, &files, &before);
	fd = puppet_call(&p, SYS_memfd_create, (long)a_string(&t), 0);
	if (!PUPPET_ERROR(fd)) {
		write_areas(&p, &t, fd);
		collect(&t, fd);
		(void)puppet_call(&p, SYS_close, fd);
	} else {
		t.error = (int)-fd;
	}
	(void)prlimit(t.pid, RLIMIT_NOFILE, &before, NULL);
	puppet_leave(&p);
	theft_end(&t, "write(2) injected, seccomp suspended");
}
