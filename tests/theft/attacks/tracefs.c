/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char instance[64];

/* Returns 0 or an errno. */
static int
put(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* In mounts of our own: nothing of it stays. */
bool
tracefs_find(void)
{
	if (access(TRACEFS "/README", F_OK) == 0)
		return true;
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tracefs", TRACEFS, "tracefs", 0, NULL) == 0;
}

void
tracefs_begin(const char *needed)
{
	char path[128];

	snprintf(path, sizeof(path), TRACEFS "/%s", needed);
	if (!tracefs_find()) {
		if (errno == EPERM || errno == EACCES)
			theft_refused("mount tracefs: %m");
		theft_cannot("mount tracefs: %m");
	}
	if (access(path, F_OK) != 0) {
		if (errno == EPERM || errno == EACCES)
			theft_refused("%s: %m", path);
		theft_cannot("%s: %m", path);
	}
	snprintf(instance, sizeof(instance), TRACEFS "/instances/theft%d", (int)getpid());
	if (mkdir(instance, 0700) != 0)
		theft_refused("%s: %m", instance);
	atexit(tracefs_end);
	snprintf(path, sizeof(path), "%s/buffer_size_kb", instance);
	(void)put(path, "4096", 0);
}

bool
tracefs_knows(const char *words)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(TRACEFS "/README", "r");

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, words) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

void
tracefs_write(const char *file, const char *line)
{
	char path[128];
	int error = 0;

	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	error = put(path, line, O_APPEND);
	if (error != 0)
		theft_refused("%s: %s", path, strerror(error));
}

void
tracefs_enable(const char *event, const char *filter)
{
	char path[256];
	int error = 0;

	snprintf(path, sizeof(path), "%s/events/%s/filter", instance, event);
	error = put(path, filter, 0);
	snprintf(path, sizeof(path), "%s/events/%s/enable", instance, event);
	if (error == 0)
		error = put(path, "1", 0);
	if (error != 0)
		theft_refused("%s: %s", path, strerror(error));
}

/* " arg1=0x1234 arg2=(fault)" to octets. */
static void
words(struct theft *t, const char *line)
{
	for (const char *at = strstr(line, "=0x"); at != NULL; at = strstr(at + 1, "=0x")) {
		uint64_t word = strtoull(at + 1, NULL, 16);

		theft_write(t, &word, sizeof(word));
	}
}

size_t
tracefs_collect(struct theft *t, double seconds)
{
	static char text[1u << 16];
	double until = theft_now() + seconds;
	size_t lines = 0, have = 0;
	char path[128];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		theft_refused("%s: %m", path);
	while (theft_now() < until && t->octets < THEFT_LARGEST) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);
		char *end = NULL, *at = text;

		if (n <= 0) {
			usleep(5000);
			continue;
		}
		have += (size_t)n;
		text[have] = 0;
		for (end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
			*end = 0;
			words(t, at);
			lines++;
			at = end + 1;
		}
		have = strlen(at);
		memmove(text, at, have);
		if (have >= sizeof(text) - 1)
			have = 0;
	}
	close(fd);
	return lines;
}

void
tracefs_remove(const char *file, const char *event)
{
	char path[256], line[128];

	snprintf(path, sizeof(path), "%s/events/%s/enable", instance, event);
	(void)put(path, "0", 0);
	snprintf(line, sizeof(line), "-:%s", event);
	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	(void)put(path, line, O_APPEND);
}

void
tracefs_end(void)
{
	if (instance[0] != 0)
		rmdir(instance);
}
