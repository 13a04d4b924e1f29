/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of lsaiso or lsass: one deed for each packet, one packet of answer for each deed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/watch/standin.h"

#define MIB (1L << 20)

static int last_fd = -1; /* that a deed opened */
static char *grown;
static size_t grown_size;

static long
number(const char *word)
{
	return word != NULL ? strtol(word, NULL, 0) : 0;
}

/* ---- sockets */

static long
make_socket(char *const words[])
{
	int family = strcmp(words[1], "unix") == 0 ? AF_UNIX : AF_INET;
	int type = strcmp(words[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;

	last_fd = socket(family, type, 0);
	return last_fd;
}

static struct sockaddr_in
loopback(long port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* socket TYPE first; at that port of 127.0.0.1, or anywhere. Returns the port. */
static long
listen_on(char *const words[])
{
	struct sockaddr_in sin = loopback(words[1] != NULL ? number(words[1]) : 0);
	socklen_t len = sizeof(sin);

	if (words[1] == NULL)
		sin.sin_addr.s_addr = htonl(INADDR_ANY);
	if (bind(last_fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    (listen(last_fd, 1) != 0 && errno != EOPNOTSUPP) ||
	    getsockname(last_fd, (struct sockaddr *)&sin, &len) != 0)
		return -1;
	return ntohs(sin.sin_port);
}

static long
connect_to(char *const words[])
{
	struct sockaddr_in sin = loopback(number(words[1]));

	return connect(last_fd, (struct sockaddr *)&sin, sizeof(sin));
}

/* ---- users */

static long
set_user(char *const words[])
{
	uid_t uid = (uid_t)number(words[1]);

	return setresuid(uid, uid, uid);
}

static long
set_group(char *const words[])
{
	gid_t gid = (gid_t)number(words[1]);

	return setresgid(gid, gid, gid);
}

static long
leave(char *const words[])
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = { { "user", CLONE_NEWUSER },
		      { "net", CLONE_NEWNET },
		      { "mnt", CLONE_NEWNS },
		      { "ipc", CLONE_NEWIPC },
		      { "uts", CLONE_NEWUTS } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(words[1], kinds[i].name) == 0)
			return unshare(kinds[i].flag);
	}
	return -1;
}

/* ---- use */

static long
spin(char *const words[])
{
	struct timespec from, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		for (int i = 0; i < 1000000; i++)
			asm volatile("" : : : "memory");
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 <
		 number(words[1]));
	return 0;
}

static long
grow(char *const words[])
{
	grown_size = (size_t)(number(words[1]) * MIB);
	grown = mmap(NULL, grown_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (grown == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < grown_size; i += 4096)
		grown[i] = (char)i;
	return 0;
}

/* To swap, where there is any. */
static long
page_out(char *const words[])
{
	return grown != NULL ? madvise(grown, grown_size, MADV_PAGEOUT) : -1;
}

/* ---- descriptors, threads, mappings */

static long
leak(char *const words[])
{
	for (long i = 0; i < number(words[2]); i++) {
		int two[2];

		if (strcmp(words[1], "pipe") == 0)
			last_fd = pipe(two) == 0 ? two[0] : -1;
		else if (strcmp(words[1], "memfd") == 0)
			last_fd = memfd_create("leak", 0);
		else
			last_fd = open(words[1], O_RDONLY);
		if (last_fd < 0)
			return -1;
	}
	return last_fd;
}

static long
close_last(char *const words[])
{
	return close(last_fd);
}

static void *
idle(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}

static long
make_thread(char *const words[])
{
	pthread_t thread;

	for (long i = 0; i < number(words[1]); i++) {
		if (pthread_create(&thread, NULL, idle, NULL) != 0)
			return -1;
	}
	return 0;
}

/* map rwx, map anonymous, map memfd, map FILE */
static long
map(char *const words[])
{
	static const char nothing[4096];
	bool rwx = strcmp(words[1], "rwx") == 0, none = strcmp(words[1], "anonymous") == 0;
	int fd = -1;
	void *at;

	if (strcmp(words[1], "memfd") == 0) {
		fd = memfd_create("code", MFD_CLOEXEC);
		if (fd < 0 || write(fd, nothing, sizeof(nothing)) != sizeof(nothing))
			return -1;
	} else if (!rwx && !none) {
		fd = open(words[1], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -1;
	}
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC | (rwx ? PROT_WRITE : 0),
		  MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (fd >= 0)
		(void)close(fd);
	return at == MAP_FAILED ? -1 : 0;
}

/* ---- processes */

static long
make_child(char *const words[])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (words[1] != NULL) {
		char *argv[] = { words[1], words[2], NULL };

		(void)execv(words[1], argv);
		_exit(127);
	}
	for (;;)
		(void)pause();
}

static long
become(char *const words[])
{
	return execv(words[1], words + 1);
}

static long
rename_self(char *const words[])
{
	return prctl(PR_SET_NAME, words[1]);
}

/* ---- obeying */

static const struct {
	const char *name;
	int least; /* words */
	long (*deed)(char *const words[]);
} deeds[] = {
	{ "socket", 2, make_socket },
	{ "listen", 1, listen_on },
	{ "connect", 2, connect_to },
	{ "setuid", 2, set_user },
	{ "setgid", 2, set_group },
	{ "unshare", 2, leave },
	{ "spin", 2, spin },
	{ "grow", 2, grow },
	{ "pageout", 1, page_out },
	{ "leak", 3, leak },
	{ "close", 1, close_last },
	{ "thread", 2, make_thread },
	{ "map", 2, map },
	{ "fork", 1, make_child },
	{ "exec", 2, become },
	{ "name", 2, rename_self },
};

static void
obey(char *line, char answer[LINE_MOST])
{
	char *words[WORDS_MOST] = { 0 };
	int n = split(line, words);
	long got = -1;

	errno = ENOSYS;
	for (size_t i = 0; n > 0 && i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(words[0], deeds[i].name) == 0 && n >= deeds[i].least)
			got = deeds[i].deed(words);
	}
	if (got < 0)
		(void)snprintf(answer, LINE_MOST, "error %s", strerror(errno));
	else
		(void)snprintf(answer, LINE_MOST, "ok %ld", got);
}

void
play(int fd)
{
	char line[LINE_MOST], answer[LINE_MOST] = "ok";
	ssize_t got = 1;

	/* The first answer is to nothing: it runs. */
	while (got > 0 && send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0) {
		got = recv(fd, line, sizeof(line) - 1, 0);
		if (got > 0) {
			line[got] = '\0';
			obey(line, answer);
		}
	}
	_exit(0);
}
