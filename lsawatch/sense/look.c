/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/sense/look.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsawatch/watch.h"

#define FDS_MOST 16384 /* of one process; more are not told apart */

const char *const look_ns_names[NS_END] = { "pid", "net", "ipc", "uts", "mnt", "user", "cgroup" };
const char *const look_caps_names[CAPS_END] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };

int
look_open(pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

const char *
look_file(int dir, const char *name, size_t *len)
{
	static char text[LOOK_TEXT];
	size_t have = 0;
	ssize_t got;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	while (have + 1 < sizeof(text) &&
	       (got = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)got;
	(void)close(fd);
	text[have] = '\0';
	if (len != NULL)
		*len = have;
	return text;
}

/* ---- status: lines of a name, a colon, a tab */

static const char *
line_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += at != text ? 1 : 0;
		if (strncmp(at, name, len) == 0 && at[len] == ':')
			return at + len + 1;
	}
	return NULL;
}

static uint64_t
number_at(const char *text, const char *name, int base)
{
	const char *at = line_of(text, name);

	return at != NULL ? strtoull(at, NULL, base) : 0;
}

static void
four(const char *text, const char *name, uint32_t id[4])
{
	const char *at = line_of(text, name);
	char *end;

	for (int i = 0; i < 4; i++) {
		id[i] = at != NULL ? (uint32_t)strtoul(at, &end, 10) : UINT32_MAX;
		at = at != NULL ? end : NULL;
	}
}

static uint32_t
words(const char *at)
{
	uint32_t n = 0;

	while (at != NULL && *at != '\n' && *at != '\0') {
		at += strspn(at, " \t");
		if (*at != '\n' && *at != '\0')
			n++;
		at += strcspn(at, " \t\n");
	}
	return n;
}

static void
read_status(int dir, struct watch_look *lo)
{
	const char *text = look_file(dir, "status", NULL);

	if (text == NULL || line_of(text, "CapEff") == NULL)
		return;
	lo->parent = (pid_t)number_at(text, "PPid", 10);
	lo->tracer = (pid_t)number_at(text, "TracerPid", 10);
	four(text, "Uid", lo->uid);
	four(text, "Gid", lo->gid);
	lo->groups = words(line_of(text, "Groups"));
	for (int i = 0; i < CAPS_END; i++)
		lo->caps[i] = number_at(text, look_caps_names[i], 16);
	lo->no_new_privs = (int)number_at(text, "NoNewPrivs", 10);
	lo->seccomp = (int)number_at(text, "Seccomp", 10);
	lo->resident = number_at(text, "VmRSS", 10) * 1024;
	lo->swapped = number_at(text, "VmSwap", 10) * 1024;
	lo->threads = number_at(text, "Threads", 10);
	lo->waits = number_at(text, "voluntary_ctxt_switches", 10);
	lo->seen |= LOOK_STATUS;
}

#define STAT_UTIME 14 /* fields by their number in proc(5); the state is 3 */

static void
read_stat(int dir, struct watch_look *lo)
{
	const char *text = look_file(dir, "stat", NULL);
	const char *at = text != NULL ? strrchr(text, ')') : NULL;
	char *end;

	if (at == NULL || at[1] != ' ' || at[2] == '\0')
		return;
	lo->state = at[2];
	at += 2;
	for (int field = 3; at != NULL && field < STAT_UTIME; field++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		return;
	lo->ticks = strtoull(at, &end, 10);
	lo->ticks += strtoull(end, NULL, 10);
	lo->seen |= LOOK_STAT;
}

static void
read_exe(int dir, struct watch_look *lo)
{
	struct stat sb;
	ssize_t got = readlinkat(dir, "exe", lo->exe, sizeof(lo->exe) - 1);

	if (got <= 0 || fstatat(dir, "exe", &sb, 0) != 0)
		return;
	lo->exe[got] = '\0';
	lo->dev = sb.st_dev;
	lo->ino = sb.st_ino;
	lo->seen |= LOOK_EXE;
}

static void
read_ns(int dir, struct watch_look *lo)
{
	char name[16];
	struct stat sb;

	for (int i = 0; i < NS_END; i++) {
		(void)snprintf(name, sizeof(name), "ns/%s", look_ns_names[i]);
		if (fstatat(dir, name, &sb, 0) != 0)
			return;
		lo->ns[i] = sb.st_ino;
	}
	lo->seen |= LOOK_NS;
}

static int
make_room(struct watch_look *lo)
{
	size_t room = lo->fds_room == 0 ? 32 : lo->fds_room * 2;
	struct look_fd *fds;

	if (lo->nfds < lo->fds_room)
		return 0;
	fds = lo->nfds < FDS_MOST ? realloc(lo->fds, room * sizeof(*fds)) : NULL;
	if (fds == NULL)
		return -1;
	lo->fds = fds;
	lo->fds_room = room;
	return 0;
}

static void
read_fds(int dir, struct watch_look *lo)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *de;

	lo->nfds = 0;
	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((de = readdir(folder)) != NULL && make_room(lo) == 0) {
		struct look_fd *one = &lo->fds[lo->nfds];
		ssize_t got;

		if (de->d_name[0] == '.')
			continue;
		got = readlinkat(fd, de->d_name, one->what, sizeof(one->what) - 1);
		if (got <= 0) /* closed meanwhile */
			continue;
		one->what[got] = '\0';
		one->fd = (int)strtol(de->d_name, NULL, 10);
		one->socket = strncmp(one->what, "socket:[", 8) == 0
				  ? strtoull(one->what + 8, NULL, 10)
				  : 0;
		lo->nfds++;
	}
	(void)closedir(folder);
	lo->seen |= LOOK_FDS;
}

int
look_at(int dir, struct watch_look *lo)
{
	lo->seen = 0;
	lo->at = watch_now_ms();
	read_stat(dir, lo);
	if ((lo->seen & LOOK_STAT) == 0 || strchr("ZXx", lo->state) != NULL)
		return -1;
	read_status(dir, lo);
	read_exe(dir, lo);
	read_ns(dir, lo);
	read_fds(dir, lo);
	return 0;
}

void
look_free(struct watch_look *lo)
{
	free(lo->fds);
	lo->fds = NULL;
	lo->nfds = lo->fds_room = 0;
}
