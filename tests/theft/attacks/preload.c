/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For LD_PRELOAD: in the program named by $THEFT_NAME, a thread that writes
 * the program's own memory to $THEFT_OUT after $THEFT_SECONDS.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char *program_invocation_short_name;

static void
copy_out(int mem, int out, const char *line)
{
	static char piece[1u << 16];
	char *end = NULL;
	unsigned long from = strtoul(line, &end, 16);
	unsigned long to = *end == '-' ? strtoul(end + 1, &end, 16) : from;

	if (*end != ' ' || end[1] != 'r' || end[2] != 'w')
		return;
	for (; from < to; from += sizeof(piece)) {
		size_t want = to - from < sizeof(piece) ? to - from : sizeof(piece);
		ssize_t n = pread(mem, piece, want, (off_t)from);

		if (n <= 0 || write(out, piece, (size_t)n) != n)
			return;
	}
}

static void *
thread(void *arg)
{
	const char *seconds = getenv("THEFT_SECONDS");
	const char *path = getenv("THEFT_OUT");
	char line[512];
	FILE *f = NULL;
	int mem = -1, out = -1;

	(void)arg;
	usleep((useconds_t)((seconds != NULL ? strtod(seconds, NULL) : 1) * 1e6));
	mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	out = path != NULL ? open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	f = fopen("/proc/self/maps", "re");
	while (f != NULL && out >= 0 && fgets(line, sizeof(line), f) != NULL)
		copy_out(mem, out, line);
	if (f != NULL)
		fclose(f);
	close(out);
	close(mem);
	return NULL;
}

static __attribute__((constructor)) void
begin(void)
{
	const char *name = getenv("THEFT_NAME");
	pthread_t t = 0;

	if (name != NULL && getenv("THEFT_OUT") != NULL &&
	    strcmp(name, program_invocation_short_name) == 0)
		pthread_create(&t, NULL, thread, NULL);
}
