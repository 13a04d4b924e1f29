/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PRESENT	   (1ull << 63)
#define FRAME_MASK ((1ull << 55) - 1)

uint64_t
frames_of(const struct theft *t, uint64_t address)
{
	static int pagemap = -1;
	uint64_t entry = 0;

	if (pagemap < 0) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/pagemap", t->pid);
		pagemap = open(path, O_RDONLY | O_CLOEXEC);
		if (pagemap < 0)
			theft_refused("%s: %m", path);
	}
	if (pread(pagemap, &entry, sizeof(entry), (off_t)(address / THEFT_PAGE * sizeof(entry))) !=
	    sizeof(entry))
		return 0;
	return (entry & PRESENT) != 0 ? entry & FRAME_MASK : 0;
}

struct physical {
	const struct theft *t;
	theft_reader *read_at;
	void *arg;
};

static ssize_t
one_page(void *arg, uint64_t address, void *buffer, size_t length)
{
	const struct physical *p = arg;
	uint64_t frame = 0;

	if (length > THEFT_PAGE)
		return -E2BIG; /* comes back in pages */
	frame = frames_of(p->t, address);
	return frame != 0 ? p->read_at(p->arg, frame * THEFT_PAGE, buffer, length) : -ENXIO;
}

void
frames_copy(struct theft *t, theft_reader *read_at, void *arg)
{
	struct physical p = { t, read_at, arg };

	theft_copy_all(t, one_page, &p);
}
