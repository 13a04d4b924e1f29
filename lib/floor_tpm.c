/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The count of security versions in the TPM, asked through lsaseal: bits of
 * an NV index that can be set and never cleared (lsaseal/nv.c). Used with
 * [seal] root = tpm.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/floor.h"
#include "lib/launch.h"
#include "lsaseal/exits.h"

#define OUT 3 /* descriptor of the answer */

static int program = -1;

void
floor_tpm_program(int fd)
{
	program = fd;
}

/* lsainit has it open and measured; lsactl looks for it. */
static int
open_program(const struct config *cf)
{
	char path[PATH_MAX];
	int fd = -1;

	if (program >= 0)
		return fcntl(program, F_DUPFD_CLOEXEC, OUT + 1);
	for (unsigned int i = 0; fd < 0 && launch_candidate(cf, "lsaseal", i, path); i++)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd;
}

static void __attribute__((noreturn))
run(const struct config *cf, int fd, int out, const char *verb, const char *to)
{
	const char *argv[] = { "lsaseal",
			       "--root",
			       cf->seal_root,
			       "--directory",
			       cf->host_directory,
			       "--tcti",
			       cf->seal_tcti,
			       "--pcrs",
			       cf->seal_pcrs,
			       "--out",
			       "3",
			       "floor",
			       verb,
			       to,
			       NULL };
	char *const envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), high = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	if (null < 0 || high < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(null, 0) < 0 ||
	    dup2(null, 1) < 0 || (out == OUT ? fcntl(out, F_SETFD, 0) : dup2(out, OUT)) < 0 ||
	    close_range(OUT + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		_exit(SEAL_SYSTEM);
	(void)fexecve(high, (char *const *)(uintptr_t)argv, envp);
	_exit(SEAL_SYSTEM);
}

/* "5\n", or "none\n". */
static int
parse(const char *text, int *svn)
{
	char *end = NULL;
	long n = strtol(text, &end, 10);

	*svn = FLOOR_NONE;
	if (strcmp(text, "none\n") == 0)
		return 0;
	if (end == text || strcmp(end, "\n") != 0 || n < 0 || n > FLOOR_MAX)
		return -1;
	*svn = (int)n;
	return 0;
}

static int
ask(const struct config *cf, const char *verb, const char *to, int *svn, char *error, size_t n)
{
	int ends[2] = { -1, -1 }, status = -1, code, fd = open_program(cf);
	char text[32] = "";
	ssize_t got = 0;
	pid_t pid = -1;

	if (fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
		(void)snprintf(error, n, "the TPM cannot be asked: %s: %s",
			       fd < 0 ? "lsaseal" : "pipe", strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		run(cf, fd, ends[1], verb, to);
	(void)close(fd);
	(void)close(ends[1]);
	do
		got = pid < 0 ? -1 : read(ends[0], text, sizeof(text) - 1);
	while (got < 0 && errno == EINTR);
	(void)close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	code = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	text[got > 0 ? got : 0] = '\0';
	if (code == SEAL_OK && parse(text, svn) == 0)
		return 0;
	(void)snprintf(error, n, "the count of security versions in the TPM: %s; %s",
		       code > 0 && seal_exit_text(code) != NULL ? seal_exit_text(code)
								: "lsaseal failed",
		       code > 0 && seal_exit_advice(code) != NULL ? seal_exit_advice(code)
								  : "see the line above");
	return -1;
}

static int
tpm_used(const struct config *cf)
{
	return strcmp(cf->seal_root, "tpm") == 0;
}

static int
tpm_read(const struct config *cf, struct floor *fl, char *error, size_t n)
{
	*fl = (struct floor){ .svn = FLOOR_NONE };
	return ask(cf, "read", NULL, &fl->svn, error, n);
}

static int
tpm_raise(const struct config *cf, int svn, int64_t now, char *error, size_t n)
{
	char to[16];
	int is = FLOOR_NONE;

	(void)now;
	(void)snprintf(to, sizeof(to), "%d", svn);
	if (ask(cf, "raise", to, &is, error, n) != 0)
		return -1;
	if (is >= svn)
		return 0;
	(void)snprintf(error, n, "the TPM did not take security version %d", svn);
	return -1;
}

const struct floor_keeper floor_tpm = {
	.name = "TPM",
	.used = tpm_used,
	.read = tpm_read,
	.raise = tpm_raise,
};
