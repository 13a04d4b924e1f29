/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer events: the end of each of our processes, by its pidfd. Kernels since
 * 6.15 tell the wait status by it, some also whether a core was made; with
 * older ones the status comes with the process table of lsainit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lsass/loop.h"
#include "lsawatch/sense/sense.h"

/* struct pidfd_info of linux/pidfd.h; headers are older than kernels. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
	uint32_t core, core_signal;
};
#define INFO_EXIT      (1U << 3)
#define INFO_CORE      (1U << 4)
#define CORE_DUMPED    (1U << 0)
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct info)

static struct one {
	struct lsawatch *w;
	struct watch *wa;
	pid_t pid;
	int fd;	   /* our own copy; 0: none */
	bool told; /* its end */
} ones[PART_END];

static void
forget(struct one *on)
{
	loop_unwatch(on->wa);
	if (on->fd > 0)
		(void)close(on->fd);
	*on = (struct one){ 0 };
}

static void
tell(const struct one *on, enum watch_see see, int number)
{
	struct watch_sight si = { .see = see,
				  .layer = LAYER_EVENTS,
				  .target = on->pid,
				  .number = number,
				  .allowed = -1 };

	si.by.uid = si.by.login = UINT32_MAX;
	watch_see(on->w, &si);
}

/* The reason is known once its parent has waited for it; before that one asks in vain. */
static void
ask(struct one *on)
{
	struct info in = { .mask = INFO_EXIT | INFO_CORE };

	if (on->told || on->fd <= 0 || ioctl(on->fd, PIDFD_GET_INFO, &in) != 0 ||
	    (in.mask & INFO_EXIT) == 0)
		return;
	on->told = true;
	if ((in.mask & INFO_CORE) != 0 && (in.core & CORE_DUMPED) != 0)
		tell(on, SEE_CORE, (int)in.core_signal);
	tell(on, SEE_EXIT, in.exit_code);
}

static void
ready(void *arg, uint32_t events)
{
	struct one *on = arg;

	ask(on);
	if ((events & EPOLLHUP) != 0 || on->told) {
		loop_unwatch(on->wa);
		on->wa = NULL;
	} else {
		(void)loop_change(on->wa, 0); /* EPOLLHUP comes when it was waited for */
	}
}

/* Copies: those of the targets are closed when the table changes. */
static void
follow(struct lsawatch *w, struct one *on, const struct watch_target *ta)
{
	*on = (struct one){ .w = w, .pid = ta->pid };
	if (ta->pid == 0 || ta->pidfd < 0)
		return;
	on->fd = fcntl(ta->pidfd, F_DUPFD_CLOEXEC, 3);
	if (on->fd > 0)
		on->wa = loop_watch(w->lo, on->fd, EPOLLIN, ready, on);
}

static void
exits_targets(struct lsawatch *w)
{
	for (size_t i = 0; i < PART_END; i++) {
		if (ones[i].pid == w->targets[i].pid)
			continue;
		ask(&ones[i]); /* the table may come before the loop gets to it */
		forget(&ones[i]);
		follow(w, &ones[i], &w->targets[i]);
	}
}

static void
exits_close(struct lsawatch *w)
{
	(void)w;
	for (size_t i = 0; i < PART_END; i++)
		forget(&ones[i]);
}

static uint32_t
exits_open(struct lsawatch *w, char *why, size_t n)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct info in = { .mask = INFO_EXIT | INFO_CORE };
	uint32_t shows = SEES(EXIT);

	(void)w;
	if (fd < 0) {
		(void)snprintf(why, n, "no pidfd: %s", strerror(errno));
		return 0;
	}
	if (ioctl(fd, PIDFD_GET_INFO, &in) != 0)
		(void)snprintf(why, n, "reasons come from lsainit: this kernel does not tell them");
	else if ((in.mask & INFO_CORE) != 0)
		shows |= SEES(CORE);
	(void)close(fd);
	return shows;
}

const struct watch_sensor sense_exits = {
	.name = "exits",
	.layer = LAYER_EVENTS,
	.sees = SEES(EXIT) | SEES(CORE),
	.open = exits_open,
	.targets = exits_targets,
	.close = exits_close,
};
