/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Take a copy of each descriptor with pidfd_getfd(2) and map what is behind it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "theft.h"

#define MOST 256

static sigjmp_buf back;

static void
on_bus(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* Memory that refuses to be touched raises SIGBUS. */
static int
read_mapping(struct theft *t, int fd)
{
	struct stat st = { 0 };
	void *at = MAP_FAILED;
	void *copy = NULL;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > (off_t)THEFT_LARGEST)
		return 0;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return errno;
	copy = malloc((size_t)st.st_size);
	if (copy != NULL && sigsetjmp(back, 1) == 0) {
		/* write(2) would be refused for secret memory of our own; copy first. */
		memcpy(copy, at, (size_t)st.st_size);
		theft_write(t, copy, (size_t)st.st_size);
	}
	free(copy);
	munmap(at, (size_t)st.st_size);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct theft t;
	long pidfd = 0;

	theft_begin(&t, argc, argv);
	signal(SIGBUS, on_bus);
	pidfd = syscall(SYS_pidfd_open, t.pid, 0);
	if (pidfd < 0)
		theft_failed("pidfd_open", errno);
	for (int n = 0; n < MOST; n++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0);
		int error = fd < 0 ? errno : read_mapping(&t, fd);

		if (error == ENOSYS)
			theft_failed("pidfd_getfd", error);
		if (error != 0 && error != EBADF && t.error == 0)
			t.error = error;
		if (fd >= 0)
			close(fd);
	}
	if (t.octets == 0 && t.error == 0)
		theft_refused("pidfd_getfd: no descriptor has memory behind it");
	theft_end(&t, "pidfd_getfd and mmap");
}
