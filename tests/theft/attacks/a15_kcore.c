/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target's pages in the kernel's own memory, by /proc/kcore. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "frames.h"

#define SEGMENTS 256

struct kcore {
	int fd;
	int segments;
	Elf64_Phdr segment[SEGMENTS];
};

static ssize_t
at_physical(void *arg, uint64_t address, void *buffer, size_t length)
{
	const struct kcore *k = arg;

	for (int i = 0; i < k->segments; i++) {
		const Elf64_Phdr *p = &k->segment[i];
		ssize_t n = 0;

		if (p->p_type != PT_LOAD || p->p_paddr == (Elf64_Addr)-1 || address < p->p_paddr ||
		    address + length > p->p_paddr + p->p_filesz)
			continue;
		n = pread(k->fd, buffer, length, (off_t)(p->p_offset + (address - p->p_paddr)));
		return n < 0 ? -errno : n;
	}
	return -ENXIO;
}

int
main(int argc, char **argv)
{
	static struct kcore k;
	static struct theft t;
	Elf64_Ehdr head = { 0 };

	theft_begin(&t, argc, argv);
	k.fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (k.fd < 0)
		theft_failed("/proc/kcore", errno);
	if (pread(k.fd, &head, sizeof(head), 0) != sizeof(head) || head.e_phnum > SEGMENTS)
		theft_refused("/proc/kcore: %m");
	k.segments = head.e_phnum;
	if (pread(k.fd, k.segment, sizeof(k.segment[0]) * head.e_phnum, (off_t)head.e_phoff) < 0)
		theft_refused("/proc/kcore: %m");
	frames_copy(&t, at_physical, &k);
	theft_end(&t, "/proc/kcore");
}
