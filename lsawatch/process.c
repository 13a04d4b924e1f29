/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who a process is. What EXEC and FORK events told is kept for a while, so
 * that an actor that has ended when its deed is judged still has a name.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsawatch/watch.h"

#define KEPT 2048 /* processes, the latest of each slot by pid */

struct known {
	pid_t pid, parent;
	uint32_t uid;
	char comm[16];
	char exe[160];
};

struct watch_processes {
	struct known known[KEPT];
};

struct watch_target *
watch_target_of(struct lsawatch *w, pid_t pid)
{
	for (size_t i = 0; i < PART_END; i++) {
		if (pid != 0 && w->targets[i].pid == pid)
			return &w->targets[i];
	}
	return NULL;
}

static struct known *
slot(struct lsawatch *w, pid_t pid)
{
	return &w->processes->known[(uint32_t)pid % KEPT];
}

int
processes_open(struct lsawatch *w)
{
	w->processes = calloc(1, sizeof(*w->processes));
	return w->processes != NULL ? 0 : -1;
}

void
processes_close(struct lsawatch *w)
{
	free(w->processes);
	w->processes = NULL;
}

ssize_t
process_read(pid_t pid, const char *file, char *text, size_t n)
{
	char path[64];
	size_t have = 0;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	while (have + 1 < n && (got = read(fd, text + have, n - 1 - have)) > 0)
		have += (size_t)got;
	(void)close(fd);
	text[have] = '\0';
	return (ssize_t)have;
}

int
process_exe(pid_t pid, char *path, size_t n)
{
	char link[64];
	ssize_t got;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	got = readlink(link, path, n - 1);
	path[got > 0 ? got : 0] = '\0';
	return got > 0 ? 0 : -1;
}

/* Behind the name, which may have blanks and brackets in it. */
static const char *
stat_fields(pid_t pid, char *text, size_t n)
{
	const char *at = process_read(pid, "stat", text, n) > 0 ? strrchr(text, ')') : NULL;

	return at != NULL && at[1] == ' ' ? at + 2 : NULL;
}

uint64_t
process_start(pid_t pid)
{
	char text[1024];
	const char *at = stat_fields(pid, text, sizeof(text));

	for (int field = 3; at != NULL && field < 22; field++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

pid_t
process_parent(pid_t pid)
{
	char text[1024];
	const char *at = stat_fields(pid, text, sizeof(text));

	return at != NULL && at[0] != '\0' ? (pid_t)strtol(at + 1, NULL, 10) : 0;
}

void
process_note(struct lsawatch *w, const struct watch_sight *si)
{
	struct known *kn;

	if (si->see == SEE_EXEC && si->by.pid != 0) {
		kn = slot(w, si->by.pid);
		if (kn->pid != si->by.pid)
			*kn = (struct known){ .pid = si->by.pid };
		kn->uid = si->by.uid;
		if (si->by.parent != 0)
			kn->parent = si->by.parent;
		(void)snprintf(kn->comm, sizeof(kn->comm), "%s", si->by.comm);
		/* The sensor may have read it already. */
		if (si->by.exe[0] != '\0')
			(void)snprintf(kn->exe, sizeof(kn->exe), "%.159s", si->by.exe);
		else if (process_exe(kn->pid, kn->exe, sizeof(kn->exe)) != 0)
			(void)snprintf(kn->exe, sizeof(kn->exe), "%.159s", si->name);
	} else if (si->see == SEE_FORK && si->target != 0 && si->by.pid != 0) {
		const struct known *of = slot(w, si->by.pid);

		kn = slot(w, si->target);
		*kn = of->pid == si->by.pid ? *of : (struct known){ .uid = si->by.uid };
		kn->pid = si->target;
		kn->parent = si->by.pid;
	}
}

static uint32_t
number_of(pid_t pid, const char *file)
{
	char text[32];

	return process_read(pid, file, text, sizeof(text)) > 0 ? (uint32_t)strtoul(text, NULL, 10)
							       : UINT32_MAX;
}

static uint32_t
uid_of(pid_t pid)
{
	char text[4096];
	const char *at;

	if (process_read(pid, "status", text, sizeof(text)) <= 0)
		return UINT32_MAX;
	at = strstr(text, "\nUid:\t");
	return at != NULL ? (uint32_t)strtoul(at + 6, NULL, 10) : UINT32_MAX;
}

static void
read_command(struct watch_actor *by)
{
	ssize_t got = process_read(by->pid, "cmdline", by->command, sizeof(by->command));

	for (ssize_t i = 0; i + 1 < got; i++) {
		if (by->command[i] == '\0')
			by->command[i] = ' ';
	}
	if (got <= 0)
		by->command[0] = '\0';
}

/* From what was seen of it before. */
static void
recall(struct lsawatch *w, struct watch_actor *by)
{
	const struct known *kn = slot(w, by->pid);

	if (kn->pid != by->pid)
		return;
	if (by->exe[0] == '\0')
		(void)snprintf(by->exe, sizeof(by->exe), "%s", kn->exe);
	if (by->comm[0] == '\0')
		(void)snprintf(by->comm, sizeof(by->comm), "%s", kn->comm);
	if (by->uid == UINT32_MAX)
		by->uid = kn->uid;
	if (by->parent == 0)
		by->parent = kn->parent;
}

void
process_complete(struct lsawatch *w, struct watch_actor *by)
{
	char comm[32];

	if (by->pid <= 0)
		return;
	if (by->exe[0] == '\0')
		(void)process_exe(by->pid, by->exe, sizeof(by->exe));
	if (by->comm[0] == '\0' && process_read(by->pid, "comm", comm, sizeof(comm)) > 0)
		(void)snprintf(by->comm, sizeof(by->comm), "%.*s", (int)strcspn(comm, "\n"), comm);
	if (by->uid == UINT32_MAX)
		by->uid = uid_of(by->pid);
	if (by->parent == 0)
		by->parent = process_parent(by->pid);
	recall(w, by);
	if (by->login == 0 || by->login == UINT32_MAX)
		by->login = number_of(by->pid, "loginuid");
	if (by->command[0] == '\0')
		read_command(by);
	if (by->parent > 0 && by->parent_exe[0] == '\0' &&
	    process_exe(by->parent, by->parent_exe, sizeof(by->parent_exe)) != 0) {
		const struct known *kn = slot(w, by->parent);

		if (kn->pid == by->parent)
			(void)snprintf(by->parent_exe, sizeof(by->parent_exe), "%s", kn->exe);
	}
}
