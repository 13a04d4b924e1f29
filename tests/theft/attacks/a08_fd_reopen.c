/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open what the process has open once more, by /proc/PID/fd, and read it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "theft.h"

/* Files, not pipes or terminals: reading those would do harm. */
static void
read_file(struct theft *t, const char *path)
{
	struct stat st = { 0 };
	char piece[1 << 16];
	ssize_t n = 0;
	int fd = -1;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && t->error == 0)
		t->error = errno;
	if (fd < 0)
		return;
	while ((n = read(fd, piece, sizeof(piece))) > 0 && t->octets < THEFT_LARGEST)
		theft_write(t, piece, (size_t)n);
	if (n < 0 && t->error == 0)
		t->error = errno;
	close(fd);
}

int
main(int argc, char **argv)
{
	static struct theft t;
	char folder[64], path[360];
	struct dirent *e = NULL;
	DIR *d = NULL;
	int files = 0;

	theft_begin(&t, argc, argv);
	snprintf(folder, sizeof(folder), "/proc/%d/fd", t.pid);
	d = opendir(folder);
	if (d == NULL)
		theft_refused("%s: %m", folder);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		files++;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		read_file(&t, path);
	}
	closedir(d);
	if (t.octets == 0 && t.error == 0)
		theft_refused("%s: %d descriptors, none of a file", folder, files);
	theft_end(&t, folder);
}
