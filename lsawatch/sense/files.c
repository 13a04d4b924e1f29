/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer events: changes in the folders of what is installed, as they happen,
 * by fanotify, which says who did it. Where the kernel or a file system does
 * not have that, by inotify, which does not. And the mount table.
 *
 * Folders are marked, not files: a file that is put into the place of another
 * was never marked. What else happens in these folders is dropped here.
 */
#define _GNU_SOURCE
#include "lsawatch/sense/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/installed.h"
#include "lsawatch/sense/sense.h"

#define FOLDERS 32
#define HANDLE	128 /* octets of a handle, most file systems have 8 to 28 */

#define FAN_EVENTS                                                                                 \
	(FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM |    \
	 FAN_MOVED_TO | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define IN_EVENTS                                                                                  \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |          \
	 IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define FAN_SELF (FAN_DELETE_SELF | FAN_MOVE_SELF)
#define IN_SELF	 (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

struct folder {
	char path[512];
	fsid_t fsid;
	union {
		struct file_handle head;
		uint8_t octets[sizeof(struct file_handle) + HANDLE];
	} handle;
	size_t handle_len; /* 0: by inotify */
	int wd;		   /* -1: by fanotify, or it does not exist */
};

static struct {
	struct folder folders[FOLDERS];
	size_t n, mute; /* folders; of these by inotify */
	int fan, in, mounts;
	struct watch *wa_fan, *wa_in, *wa_mounts;
} fs = { .fan = -1, .in = -1, .mounts = -1 };

/* ---- marks */

static bool
mark_fan(struct folder *fo)
{
	struct statfs sb;
	int mount;

	fo->handle.head.handle_bytes = HANDLE;
	if (fs.fan < 0 ||
	    fanotify_mark(fs.fan, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_EVENTS, AT_FDCWD,
			  fo->path) != 0 ||
	    statfs(fo->path, &sb) != 0 ||
	    name_to_handle_at(AT_FDCWD, fo->path, &fo->handle.head, &mount, AT_SYMLINK_FOLLOW) != 0)
		return false;
	fo->fsid = sb.f_fsid;
	fo->handle_len = sizeof(struct file_handle) + fo->handle.head.handle_bytes;
	return true;
}

/* Marks stay with the folder, so what lies at the path now gets one (again). */
static void
mark_all(void)
{
	fs.mute = 0;
	for (size_t i = 0; i < fs.n; i++) {
		struct folder *fo = &fs.folders[i];

		fo->handle_len = 0;
		if (access(fo->path, F_OK) != 0 || mark_fan(fo))
			continue;
		fo->wd = fs.in >= 0 ? inotify_add_watch(fs.in, fo->path, IN_EVENTS | IN_ONLYDIR)
				    : -1;
		fs.mute += fo->wd >= 0;
	}
}

static void
add_folder(const char *path)
{
	for (size_t i = 0; i < fs.n; i++) {
		if (strcmp(fs.folders[i].path, path) == 0)
			return;
	}
	if (fs.n == FOLDERS) {
		log_warn("too many folders of installed files: changes in %s are seen only when "
			 "it is looked at",
			 path);
		return;
	}
	fs.folders[fs.n] = (struct folder){ .wd = -1 };
	(void)snprintf(fs.folders[fs.n++].path, sizeof(fs.folders[0].path), "%s", path);
}

static void
find_folders(void)
{
	size_t n;
	const struct installed *in = installed_all(&n);
	char path[512];

	fs.n = 0;
	for (size_t i = 0; i < n; i++) {
		installed_folder(&in[i], path);
		add_folder(path);
	}
}

/* ---- events */

static void
see(struct lsawatch *w, enum watch_see what, const struct file_event *ev, const char *path)
{
	struct watch_sight si = { .see = what, .layer = LAYER_EVENTS, .allowed = -1 };

	si.by.uid = si.by.login = UINT32_MAX;
	if (ev != NULL && ev->pid > 0 && ev->pid != getpid()) {
		si.by.pid = ev->pid;
		process_complete(w, &si.by); /* mv(1) does not live long */
	}
	(void)snprintf(si.name, sizeof(si.name), "%s", path);
	watch_see(w, &si);
}

static void
see_in(struct lsawatch *w, const struct folder *fo, const struct file_event *ev)
{
	const struct installed *in = installed_find(fo->path, ev->name);

	if (in != NULL)
		see(w, SEE_FILE, ev, in->path);
}

static bool
is_folder(const struct folder *fo, const struct file_event *ev)
{
	if (fo->handle_len == 0)
		return ev->wd >= 0 && fo->wd == ev->wd;
	return ev->handle != NULL && ev->handle_len == fo->handle_len &&
	       memcmp(ev->handle, &fo->handle, fo->handle_len) == 0 &&
	       memcmp(ev->fsid, &fo->fsid, sizeof(fo->fsid)) == 0;
}

static void
event(struct lsawatch *w, const struct file_event *ev, bool self)
{
	bool found = false;

	if (self) { /* the folder itself went: what is in its place? */
		mark_all();
		see(w, SEE_FILE, ev, "");
		return;
	}
	for (size_t i = 0; i < fs.n; i++) {
		if (!is_folder(&fs.folders[i], ev))
			continue;
		found = true;
		see_in(w, &fs.folders[i], ev);
	}
	/* A folder that was there before, and is covered or moved away: by the name alone. */
	for (size_t i = 0; i < fs.n && !found; i++)
		see_in(w, &fs.folders[i], ev);
}

static void
drain(struct lsawatch *w, const uint8_t *buf, size_t len, bool fan)
{
	struct file_event ev;
	size_t at = 0;

	while ((fan ? files_fanotify(buf, len, &at, &ev) : files_inotify(buf, len, &at, &ev)) ==
	       1) {
		/* The same bit for both, as most are. */
		_Static_assert(FAN_Q_OVERFLOW == IN_Q_OVERFLOW, "one bit");
		if ((ev.mask & FAN_Q_OVERFLOW) != 0)
			sensors_lost(w, LAYER_EVENTS, "changes of files were not read in time");
		else
			event(w, &ev, (ev.mask & (fan ? FAN_SELF : IN_SELF)) != 0);
	}
}

static void
read_from(struct lsawatch *w, int fd, bool fan)
{
	_Alignas(struct fanotify_event_metadata) uint8_t buf[8192];
	ssize_t got = read(fd, buf, sizeof(buf));

	if (got > 0)
		drain(w, buf, (size_t)got, fan);
}

static void
fan_ready(void *arg, uint32_t events)
{
	(void)events;
	read_from(arg, fs.fan, true);
}

static void
in_ready(void *arg, uint32_t events)
{
	(void)events;
	read_from(arg, fs.in, false);
}

/* Something was mounted or unmounted somewhere; the judge looks whether it concerns us. */
static void
mounts_changed(void *arg, uint32_t events)
{
	if ((events & (EPOLLPRI | EPOLLERR)) == 0)
		return;
	mark_all(); /* what lies there now, too */
	see(arg, SEE_MOUNT, NULL, "");
}

/* ---- open and close */

static void
files_close(struct lsawatch *w)
{
	int *const fds[] = { &fs.fan, &fs.in, &fs.mounts };

	(void)w;
	loop_unwatch(fs.wa_fan);
	loop_unwatch(fs.wa_in);
	loop_unwatch(fs.wa_mounts);
	fs.wa_fan = fs.wa_in = fs.wa_mounts = NULL;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
}

/* fanotify tells the process only to those who were capable when they opened it. */
static bool
may_know_who(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { 0 };

	return syscall(SYS_capget, &head, caps) == 0 &&
	       (caps[0].effective & 1U << CAP_SYS_ADMIN) != 0;
}

static uint32_t
files_open(struct lsawatch *w, char *why, size_t n)
{
	uint32_t shows = 0;

	fs.fan = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME,
			       O_RDONLY);
	fs.in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	fs.mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	find_folders();
	mark_all();
	if (fs.fan >= 0)
		fs.wa_fan = loop_watch(w->lo, fs.fan, EPOLLIN, fan_ready, w);
	if (fs.in >= 0)
		fs.wa_in = loop_watch(w->lo, fs.in, EPOLLIN, in_ready, w);
	if (fs.mounts >= 0)
		fs.wa_mounts = loop_watch(w->lo, fs.mounts, EPOLLPRI, mounts_changed, w);
	if (fs.wa_fan != NULL || fs.wa_in != NULL)
		shows |= SEES(FILE);
	if (fs.wa_mounts != NULL)
		shows |= SEES(MOUNT);
	if (shows != 0 && !may_know_who()) {
		(void)snprintf(why, n, "without CAP_SYS_ADMIN it is not said who");
	} else if (shows == 0) {
		(void)snprintf(why, n, "neither fanotify nor inotify: %s", strerror(errno));
		files_close(w);
	} else if (fs.mute != 0) {
		(void)snprintf(why, n, "by inotify, which does not say who, in %zu of %zu folders",
			       fs.mute, fs.n);
	}
	return shows;
}

static void
files_rescan(struct lsawatch *w)
{
	mark_all();
	see(w, SEE_FILE, NULL, "");
}

const struct watch_sensor sense_files = {
	.name = "files",
	.layer = LAYER_EVENTS,
	.sees = SEES(FILE) | SEES(MOUNT),
	.open = files_open,
	.rescan = files_rescan,
	.close = files_close,
};
