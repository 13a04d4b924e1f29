/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsainit/rival.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* include/net/tcp_states.h */
#define CLOSED	  7 /* of UDP: it has no peer */
#define LISTENING 10

void
program_of(pid_t pid, char *name, size_t n)
{
	char path[64];
	ssize_t got = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, name, n - 1);
		(void)close(fd);
	}
	name[got > 0 ? got : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

/* Root's, and called so? A name alone anybody can have. */
static bool
is_lsainit(pid_t pid)
{
	static const char root[] = "\nUid:\t0\t0\t0\t0\n";
	char path[64], name[32], text[1024];
	size_t got = 0;
	FILE *file;

	program_of(pid, name, sizeof(name));
	if (strcmp(name, "lsainit") != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (file != NULL) {
		got = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
	}
	text[got] = '\0';
	return strstr(text, root) != NULL;
}

pid_t
other_lsainit(void)
{
	DIR *folder = opendir("/proc");
	const struct dirent *de;
	pid_t found = 0;

	while (folder != NULL && found == 0 && (de = readdir(folder)) != NULL) {
		pid_t pid = (pid_t)strtol(de->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && is_lsainit(pid))
			found = pid;
	}
	if (folder != NULL)
		(void)closedir(folder);
	return found;
}

/* The n-th word of a line that has words with spaces between; "" beyond its end. */
static const char *
word_at(const char *line, size_t n)
{
	for (line += strspn(line, " "); n > 0; n--) {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	return line;
}

/* "sl: local:port remote:port state queues timer retransmits uid timeout inode ..." */
static bool
is_line_of(const char *line, uint16_t port, unsigned int state)
{
	const char *local = word_at(line, 1), *colon = strchr(local, ':');

	return colon != NULL && strtoul(colon + 1, NULL, 16) == port &&
	       strtoul(word_at(line, 3), NULL, 16) == state;
}

/* The socket in one table of the kernel: its inode; 0: none. */
static unsigned long
inode_in(const char *table, uint16_t port, unsigned int state, uid_t *uid)
{
	FILE *file = fopen(table, "re");
	unsigned long inode = 0;
	char line[512];

	if (file == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof(line), file) != NULL) {
		if (!is_line_of(line, port, state))
			continue;
		*uid = (uid_t)strtoul(word_at(line, 7), NULL, 10);
		inode = strtoul(word_at(line, 9), NULL, 10);
	}
	(void)fclose(file);
	return inode;
}

static bool
has_open(const char *pid, const char *socket)
{
	char path[64 + NAME_MAX], to[64];
	const struct dirent *de;
	bool has = false;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	folder = opendir(path);
	while (folder != NULL && !has && (de = readdir(folder)) != NULL) {
		ssize_t got = readlinkat(dirfd(folder), de->d_name, to, sizeof(to) - 1);

		to[got > 0 ? got : 0] = '\0';
		has = strcmp(to, socket) == 0;
	}
	if (folder != NULL)
		(void)closedir(folder);
	return has;
}

pid_t
port_holder(uint16_t port, bool stream, uid_t *uid)
{
	unsigned int state = stream ? LISTENING : CLOSED;
	unsigned long inode = inode_in(stream ? "/proc/net/tcp" : "/proc/net/udp", port, state,
				       uid);
	const struct dirent *de;
	char socket[64];
	pid_t pid = 0;
	DIR *folder;

	if (inode == 0)
		inode = inode_in(stream ? "/proc/net/tcp6" : "/proc/net/udp6", port, state, uid);
	if (inode == 0)
		return -1;
	(void)snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	folder = opendir("/proc");
	while (folder != NULL && pid == 0 && (de = readdir(folder)) != NULL) {
		if (de->d_name[0] >= '0' && de->d_name[0] <= '9' && has_open(de->d_name, socket))
			pid = (pid_t)strtol(de->d_name, NULL, 10);
	}
	if (folder != NULL)
		(void)closedir(folder);
	return pid;
}
