/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "lsass/front/door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"

#define ACCEPTS	    64	  /* per wake-up */
#define COMPLAIN_MS 10000 /* at most one line about limits in that time */

struct door {
	struct loop *lo;
	struct watch *watch;
	door_came *came;
	void *arg;
	int listen_fd;
	int spare_fd;	     /* given up for a moment when descriptors run out */
	uint64_t complained; /* ms, of the last line about limits */
};

void
door_complain(struct door *dr, const char *what, uid_t uid)
{
	uint64_t now = loop_now_ms(dr->lo);

	if (dr->complained != 0 && now - dr->complained < COMPLAIN_MS)
		return;
	dr->complained = now;
	log_warn("client of uid %u turned away: %s", uid, what);
}

static void
welcome(struct door *dr, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer))
		close(fd);
	else
		dr->came(dr->arg, fd, peer.uid, peer.pid);
}

/* Out of descriptors: take one client with the spare one, and cut it off. */
static void
turn_away(struct door *dr)
{
	int fd;

	if (dr->spare_fd < 0)
		return;
	close(dr->spare_fd);
	fd = accept4(dr->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	dr->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	door_complain(dr, "out of file descriptors", (uid_t)-1);
}

static void
knock(void *arg, uint32_t events)
{
	struct door *dr = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(dr->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			welcome(dr, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			turn_away(dr);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

struct door *
door_open(struct loop *lo, int listen_fd, door_came *came, void *arg)
{
	struct door *dr = calloc(1, sizeof(*dr));
	int flags = fcntl(listen_fd, F_GETFL);

	if (dr == NULL)
		return NULL;
	dr->lo = lo;
	dr->came = came;
	dr->arg = arg;
	dr->listen_fd = listen_fd;
	dr->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (flags >= 0 && fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) == 0)
		dr->watch = loop_watch(lo, listen_fd, EPOLLIN, knock, dr);
	if (dr->watch != NULL)
		return dr;
	door_close(dr);
	return NULL;
}

void
door_close(struct door *dr)
{
	if (dr == NULL)
		return;
	loop_unwatch(dr->watch);
	if (dr->spare_fd >= 0)
		close(dr->spare_fd);
	free(dr);
}
