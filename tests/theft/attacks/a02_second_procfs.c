/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mount another procfs, out of reach of rules about /proc, and read mem there. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "theft.h"

int
main(int argc, char **argv)
{
	static struct theft t;
	char folder[] = "/tmp/theft-proc-XXXXXX", path[96];
	int mem = -1, error = 0;

	theft_begin(&t, argc, argv);
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		theft_cannot("private mounts: %m");
	if (mkdtemp(folder) == NULL)
		theft_cannot("%s: %m", folder);
	if (mount("proc", folder, "proc", 0, NULL) != 0) {
		error = errno;
		rmdir(folder);
		errno = error;
		theft_cannot("mount a procfs: %m");
	}
	snprintf(path, sizeof(path), "%s/%d/mem", folder, t.pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	error = errno;
	umount2(folder, MNT_DETACH);
	rmdir(folder);
	errno = error;
	if (mem < 0)
		theft_refused("open mem in a second procfs: %m");
	theft_copy_all(&t, theft_from_fd, &mem);
	theft_end(&t, "mem in a second procfs");
}
