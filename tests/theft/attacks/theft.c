/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "theft.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WORKED = 0, REFUSED = 1, CANNOT = 77 };

__attribute__((format(printf, 1, 0))) static void
say(const char *format, va_list args)
{
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void
theft_refused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(REFUSED);
}

void
theft_cannot(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(CANNOT);
}

void
theft_failed(const char *what, int error)
{
	if (error == ENOSYS || error == EOPNOTSUPP || error == ENOENT || error == ENODEV)
		theft_cannot("%s: %s", what, strerror(error));
	theft_refused("%s: %s", what, strerror(error));
}

double
theft_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
theft_patience(double usual)
{
	const char *told = getenv("THEFT_SECONDS");

	return told != NULL ? strtod(told, NULL) : usual;
}

/* Code and what is only reserved hold nothing of interest. */
static bool
worth_reading(const struct area *a)
{
	if (a->perms[0] != 'r' || a->perms[2] == 'x' || a->end - a->start > THEFT_LARGEST)
		return false;
	if (strncmp(a->name, "[v", 2) == 0)
		return false;
	return a->perms[1] == 'w' || a->name[0] != '/' || a->inode == 0;
}

/* start-end perms offset major:minor inode name */
static bool
parse(const char *line, struct area *a)
{
	char *at = NULL;

	memset(a, 0, sizeof(*a));
	a->start = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	a->end = strtoull(at + 1, &at, 16);
	if (strlen(at) < 8)
		return false;
	memcpy(a->perms, at + 1, 4);
	a->offset = strtoull(at + 6, &at, 16);
	at = strchr(at, ' ') != NULL ? strchr(at + 1, ' ') : NULL; /* behind the device */
	if (at == NULL)
		return false;
	a->inode = strtoull(at, &at, 10);
	at += strspn(at, " ");
	snprintf(a->name, sizeof(a->name), "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

int
theft_map(struct theft *t)
{
	char path[64], line[512];
	FILE *f = NULL;

	t->areas = t->all = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", t->pid);
	f = fopen(path, "r");
	if (f == NULL)
		return errno;
	while (fgets(line, sizeof(line), f) != NULL && t->all < THEFT_AREAS) {
		struct area *a = &t->every[t->all];

		if (!parse(line, a))
			continue;
		t->all++;
		if (worth_reading(a))
			t->area[t->areas++] = *a;
	}
	fclose(f);
	return t->all != 0 ? 0 : ESRCH;
}

void
theft_begin(struct theft *t, int argc, char **argv)
{
	memset(t, 0, sizeof(*t));
	if (argc == 3)
		t->pid = (pid_t)strtol(argv[1], NULL, 10);
	if (t->pid <= 0) {
		fprintf(stderr, "usage: %s PID OUT\n", argv[0]);
		exit(2);
	}
	t->path = argv[2];
	t->out = open(t->path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (t->out < 0)
		theft_cannot("%s: %s", t->path, strerror(errno));
	t->blind = theft_map(t);
	if (t->blind != 0) {
		/* Somewhere: the technique itself is to be refused, not this. */
		t->area[0] = (struct area){ .start = 0x400000, .end = 0x401000, .perms = "rw-p" };
		t->areas = 1;
	}
}

void
theft_write(struct theft *t, const void *octets, size_t len)
{
	const char *at = octets;

	while (len > 0) {
		ssize_t n = write(t->out, at, len);

		if (n <= 0)
			theft_cannot("%s: %s", t->path, strerror(errno));
		at += n;
		len -= (size_t)n;
		t->octets += (uint64_t)n;
	}
}

/* Returns whether anything of these pages was read. */
static bool
read_pages(struct theft *t, uint64_t at, char *into, size_t len, theft_reader *reader, void *arg)
{
	ssize_t n = reader(arg, at, into, len);
	bool any = n > 0;

	if (n == (ssize_t)len)
		return true;
	if (len > THEFT_PAGE) {
		any = false;
		for (size_t done = 0; done < len; done += THEFT_PAGE)
			any |= read_pages(t, at + done, into + done, THEFT_PAGE, reader, arg);
		return any;
	}
	t->pages_refused++;
	if (t->error == 0)
		t->error = n < 0 ? (int)-n : EIO;
	return any;
}

ssize_t
theft_from_fd(void *arg, uint64_t address, void *buffer, size_t length)
{
	ssize_t n = pread(*(const int *)arg, buffer, length, (off_t)address);

	return n < 0 ? -errno : n;
}

void
theft_copy(struct theft *t, const struct area *a, theft_reader *reader, void *arg)
{
	const size_t piece = 1u << 16;
	size_t size = a->end - a->start;
	char *all = calloc(1, size);
	bool any = false;

	if (all == NULL)
		theft_cannot("no memory for %zu octets", size);
	for (size_t at = 0; at < size; at += piece) {
		size_t len = size - at < piece ? size - at : piece;

		any |= read_pages(t, a->start + at, all + at, len, reader, arg);
	}
	if (any)
		theft_write(t, all, size);
	free(all);
}

void
theft_copy_all(struct theft *t, theft_reader *reader, void *arg)
{
	for (size_t i = 0; i < t->areas; i++)
		theft_copy(t, &t->area[i], reader, arg);
}

void
theft_end(const struct theft *t, const char *how)
{
	if (t->octets == 0)
		theft_refused("%s: %s", how, strerror(t->error != 0 ? t->error : EIO));
	fprintf(stderr, "%s: %" PRIu64 " KiB read", how, t->octets >> 10);
	if (t->pages_refused != 0)
		fprintf(stderr, ", %" PRIu64 " pages refused (%s)", t->pages_refused,
			strerror(t->error));
	fputc('\n', stderr);
	exit(WORKED);
}

const struct area *
theft_ordinary(const struct theft *t)
{
	const struct area *best = NULL;

	for (size_t i = 0; i < t->areas; i++) {
		const struct area *a = &t->area[i];

		if (a->perms[1] != 'w' || strstr(a->name, "secretmem") != NULL ||
		    strcmp(a->name, "[stack]") == 0)
			continue;
		/* Shared memory with a name (the mailbox) before anything private. */
		if (best == NULL || (best->perms[3] != 's' && a->perms[3] == 's') ||
		    (best->perms[3] == a->perms[3] && a->end - a->start > best->end - best->start))
			best = a;
	}
	return best;
}
