/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listening sockets. They outlive lsass: clients wait in the backlog. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/init.h"
#include "lsainit/rival.h"

#define BACKLOG 4096 /* the kernel caps it at net.core.somaxconn */

#define ORPHAN_MS      3000
#define ORPHAN_STEP_MS 20

/* Say who it is that answers at path, and what else can be done; fd is connected to it. */
static void
log_rival(const char *path, int fd, const char *instead)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	char name[32] = "";

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		program_of(peer.pid, name, sizeof(name));
	if (instead == NULL)
		instead = peer.pid == 1
			      ? ": systemctl disable --now sssd-kcm.socket sssd-kcm.service"
			      : "";
	log_err("%s is in use by another daemon: pid %d (%s); stop it%s", path, (int)peer.pid,
		name[0] != '\0' ? name : "unknown", instead);
}

/*
 * Make way for bind: nothing there, or a socket that nobody answers.
 * Returns 0, or -1.
 */
static int
clear_stale(const char *path, const struct sockaddr_un *addr, const char *instead)
{
	struct stat sb;
	int fd, got;

	if (lstat(path, &sb) != 0) {
		if (errno == ENOENT)
			return 0;
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISSOCK(sb.st_mode)) {
		log_err("%s exists and is not a socket; remove it, or configure another path",
			path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	got = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	if (got == 0 || errno == EAGAIN) {
		log_rival(path, fd, instead);
	} else if (errno != ECONNREFUSED) {
		log_err("%s: cannot tell whether it is in use: %s", path, strerror(errno));
	} else if (unlink(path) != 0) {
		log_err("%s: stale socket cannot be removed: %s", path, strerror(errno));
	} else {
		log_info("%s: stale socket replaced", path);
		(void)close(fd);
		return 0;
	}
	(void)close(fd);
	return -1;
}

/* Who made the socket at path that somebody still holds open: its pid; 0: nobody. */
static pid_t
maker(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		peer.pid = 0;
	if (fd >= 0)
		(void)close(fd);
	return peer.pid;
}

/*
 * A lsainit that was killed leaves a lsass and a lsawatch that end as soon as
 * they notice, which lsawatch does not while it opens its sensors; until then
 * their sockets are in use.
 */
static void
let_orphan_end(const char *path)
{
	const struct timespec pause = { .tv_nsec = ORPHAN_STEP_MS * 1000000L };
	pid_t pid = maker(path);

	for (int ms = 0; ms < ORPHAN_MS && pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
	     ms += ORPHAN_STEP_MS) {
		(void)nanosleep(&pause, NULL);
		pid = maker(path);
	}
}

int
listen_at(const char *path, mode_t mask, const char *instead)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t before;
	int fd, got;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		log_err("%s: too long for a socket", path);
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path));
	let_orphan_end(path);
	if (clear_stale(path, &addr, instead) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	before = umask(mask);
	got = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	(void)umask(before);
	if (got != 0 || listen(fd, BACKLOG) != 0) {
		log_err("%s: %s%s", path, strerror(errno),
			errno == ENOENT ? "; its folder must exist" : "");
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Where clients come: everybody may connect, and who it is decides what they get. */
static int
listen_programs(struct instance *in)
{
	in->kcm_fd = listen_at(in->cf.kcm_socket, 0111, NULL);
	return in->kcm_fd < 0 || winbind_listen(in) != 0 ? -1 : kdc_listen(in);
}

/* Where the guest comes: through its monitor, by vsock, or both. */
static int
listen_guest(struct instance *in)
{
	const struct config *cf = &in->cf;

	if (cf->guest_socket[0] != '\0') {
		in->kcm_fd = listen_at(cf->guest_socket, 0177, NULL);
		if (in->kcm_fd < 0)
			return -1;
	}
	if (cf->guest_socket[0] != '\0' && guest_give(in, cf->guest_socket) != 0)
		return -1;
	if (cf->guest_vsock_port != 0)
		in->vsock_fd = guest_listen_vsock(in);
	return cf->guest_vsock_port != 0 && in->vsock_fd < 0 ? -1 : 0;
}

int
listen_sockets(struct instance *in)
{
	if ((in->serves_guest ? listen_guest : listen_programs)(in) == 0)
		in->admin_fd = listen_at(in->cf.admin_socket, 0111, NULL);
	if (in->admin_fd >= 0 && watch_listen(in) == 0)
		return 0;
	unlink_sockets(in);
	close_fd(&in->kcm_fd);
	close_fd(&in->vsock_fd);
	winbind_close(in);
	kdc_close(in);
	return -1;
}

void
unlink_sockets(const struct instance *in)
{
	if (in->kcm_fd >= 0)
		(void)unlink(in->serves_guest ? in->cf.guest_socket : in->cf.kcm_socket);
	if (in->admin_fd >= 0)
		(void)unlink(in->cf.admin_socket);
	winbind_unlink(in);
	kdc_unlink(in);
	watch_unlink(in);
}
