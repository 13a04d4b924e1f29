/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsass/start.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/log.h"
#include "lsass/loop.h"

bool
start_is_socket(int fd, int type, int listening)
{
	int is = 0, accepts = 0;
	socklen_t len = sizeof(is);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &len) != 0 || is != type)
		return false;
	len = sizeof(accepts);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 &&
	       accepts == listening;
}

bool
start_is_of_parent(int line)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.pid == getppid() && (peer.uid == 0 || peer.uid == geteuid());
}

void
start_confined(const char *name)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	/* Executed from a descriptor, whose number older kernels take as the name. */
	(void)prctl(PR_SET_NAME, name);
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn("cannot forbid core dumps: %s", strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			log_warn("cannot raise RLIMIT_NOFILE: %s", strerror(errno));
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* of a terminal: lsainit decides */
	umask(077);
}

bool
start_hear_one(start_heard *heard, void *arg)
{
	struct control_msg msg;
	int fds[2] = { -1, -1 };
	int got = control_recv(CONTROL_FD_LINE, &msg, fds);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (got <= 0) {
		if (got < 0)
			log_err("line to lsainit: %s", strerror(errno));
		return false;
	}
	heard(arg, &msg, fds);
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	explicit_bzero(&msg, sizeof(msg));
	return true;
}

void
start_hear(struct loop *lo, start_heard *heard, void *arg)
{
	if (!start_hear_one(heard, arg))
		loop_stop(lo);
}
