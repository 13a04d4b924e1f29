/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* The errno of the first thing that does not work, as an exit code. */
static int
try_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	char *at;

	if (fd < 0)
		return errno;
	if (ftruncate(fd, 4096) != 0)
		return errno;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return errno;
	*(volatile char *)at = 1; /* only now is there a page */
	return 0;
}

int
machine_memfd_secret(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(try_secret());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}

int
machine_line(const char *path, char *text, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return -1;
	got = read(fd, text, n - 1);
	(void)close(fd);
	if (got < 0)
		return -1;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return (int)strlen(text);
}

bool
machine_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
		bool begins = at == list || strchr(", ", at[-1]) != NULL;

		if (begins && (at[len] == '\0' || strchr(", ", at[len]) != NULL))
			return true;
	}
	return false;
}
