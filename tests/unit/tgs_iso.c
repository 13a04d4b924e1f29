/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "tests/unit/tgs_iso.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mailbox.h"
#include "lsass/ask.h"

uint32_t tgs_iso_policy;

static void
run_iso(const char *program, int box, int life)
{
	char name[] = "lsaiso";
	char *argv[] = { name, NULL };
	char *envp[] = { NULL };
	int low_box = fcntl(box, F_DUPFD, 10), low_life = fcntl(life, F_DUPFD, 10);

	if (dup2(low_box, ISO_FD_MAILBOX) < 0 || dup2(low_life, ISO_FD_LIFE) < 0)
		_exit(125);
	execve(program, argv, envp);
	_exit(127);
}

static int
configure(uint32_t rate, uint32_t burst)
{
	struct iso_req_configure req = { .policy = tgs_iso_policy, .rate = rate, .burst = burst };
	struct iso_rep_configure rep;

	return ask_configure(&req, &rep) == ISO_OK ? 0 : -1;
}

pid_t
tgs_iso_start(const char *program, uint32_t rate, uint32_t burst)
{
	const uint8_t boot_id[ISO_BOOT_ID] = { 0 };
	int box = mailbox_make(), life[2];
	pid_t pid;

	if (box < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run_iso(program, box, life[1]);
	close(life[1]);
	if (ask_attach(box, life[0], boot_id) != 0 || configure(rate, burst) != 0) {
		tgs_iso_stop(pid);
		errno = EPROTO;
		return -1;
	}
	return pid;
}

void
tgs_iso_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ask_detach();
}
