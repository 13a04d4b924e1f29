/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsawatch --config FILE: started by lsainit and by nobody else, with its
 * sockets, its line to lsainit and the images already open (lib/control.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsass/start.h"
#include "lsawatch/watch.h"

#define EXIT_USAGE 2
#define ORPHAN_MS  1000

/* ---- who is watched */

/* lsainit said that this is the process of a part now; 0: there is none. */
static bool
set_target(struct lsawatch *w, enum watch_part part, pid_t pid)
{
	struct watch_target *ta = &w->targets[part];
	uint64_t start = pid != 0 ? process_start(pid) : 0;

	/* The next one may have the number of the last. */
	if (ta->pid == pid && (start == 0 || start == ta->start))
		return false;
	if (ta->pidfd >= 0)
		(void)close(ta->pidfd);
	ta->pid = pid;
	ta->start = start;
	ta->pidfd = pid != 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	ta->since = watch_now_ms();
	return true;
}

static void
take_image(struct watch_image *im, int fd, const char *name)
{
	struct stat sb;
	char link[32];
	ssize_t got;

	im->fd = -1;
	(void)snprintf(im->name, sizeof(im->name), "%s", name);
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode))
		return;
	im->fd = fd;
	im->dev = sb.st_dev;
	im->ino = sb.st_ino;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, im->path, sizeof(im->path) - 1);
	im->path[got > 0 ? got : 0] = '\0';
}

static void
take_images(struct lsawatch *w)
{
	bool guest = strcmp(w->cf.run_serves, "guest") == 0;
	const char *keeper = strcmp(w->cf.isolation_level, "vm") == 0		? "lsavmm"
			     : strcmp(w->cf.isolation_level, "hypervisor") == 0 ? "lsalink"
										: "lsaiso";

	for (int i = 0; i < PART_END; i++) {
		w->targets[i].part = (enum watch_part)i;
		w->targets[i].pidfd = -1;
	}
	take_image(&w->targets[PART_INIT].image, CONTROL_FD_IMAGE_INIT, "lsainit");
	take_image(&w->targets[PART_ISO].image, CONTROL_FD_IMAGE_ISO, keeper);
	take_image(&w->targets[PART_LSASS].image, CONTROL_FD_IMAGE_LSASS,
		   guest ? "lsaiso-host" : "lsass");
	take_image(&w->vm_image, CONTROL_FD_IMAGE_VM, "lsaiso-vm");
}

/* ---- lsainit speaks */

static void
new_table(struct lsawatch *w, const struct control_table *table)
{
	struct control_table before = w->table;
	bool changed, told = w->told;

	w->table = *table;
	w->told = true;
	changed = set_target(w, PART_INIT, table->lsainit_pid);
	changed |= set_target(w, PART_ISO, table->lsaiso_pid);
	changed |= set_target(w, PART_LSASS, table->lsass_pid);
	if (changed)
		sensors_targets(w);
	if (told)
		judges_table(w, &before);
}

static void
heard(void *arg, const struct control_msg *msg, int fds[2])
{
	struct lsawatch *w = arg;

	(void)fds;
	switch (msg->type) {
	case CTL_TABLE:
		new_table(w, &msg->table);
		break;
	case CTL_REFUSED:
		judges_refused(w, &msg->refused);
		break;
	case CTL_STOP:
		w->stopping = true;
		loop_stop(w->lo);
		break;
	default:
		log_warn("lsainit sent a message of unknown type %u", msg->type);
	}
}

static void
end(void *arg)
{
	struct lsawatch *w = arg;

	loop_stop(w->lo);
}

/*
 * lsainit, parent of all, is gone, or has done with us. What the sensors still
 * have of that is waited for, then we end.
 */
static void
line_ended(struct lsawatch *w)
{
	log_warn("the line to lsainit (pid %d) ended without a word", (int)w->table.lsainit_pid);
	loop_unwatch(w->line);
	w->line = NULL;
	judges_orphaned(w);
	if (loop_every(w->lo, ORPHAN_MS, end, w) != 0)
		loop_stop(w->lo);
}

static void
line_ready(void *arg, uint32_t events)
{
	struct lsawatch *w = arg;

	(void)events;
	if (!start_hear_one(heard, w))
		line_ended(w);
}

/* Its end must be told even when no sensor has seen it. */
static void
say_orphaned(struct lsawatch *w)
{
	const struct watch_target *ta = &w->targets[PART_INIT];
	struct pollfd pf = { .fd = ta->pidfd, .events = POLLIN };
	struct watch_case ca = { .rule = RULE_stability_supervisor,
				 .layer = LAYER_EVENTS,
				 .part = PART_INIT,
				 .allowed = -1 };

	if (findings_count(w, RULE_stability_supervisor) != 0 || ta->pid == 0 ||
	    poll(&pf, 1, 0) <= 0) /* told, or it lives and has closed the line */
		return;
	finding_raise(w, &ca, "lsainit (pid %d) ended without a word", (int)ta->pid);
}

static void
say_alive(void *arg)
{
	const struct control_msg msg = { .type = CTL_ALIVE };
	const struct lsawatch *w = arg;

	if (w->line != NULL)
		(void)control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 });
}

/* ---- start and end */

static int
open_all(struct lsawatch *w)
{
	struct control_msg ready = { .type = CTL_READY };

	if (processes_open(w) != 0 || findings_open(w) != 0 || baseline_open(w) != 0 ||
	    outputs_open(w) != 0 || responder_open(w) != 0 || judges_open(w) != 0 ||
	    sensors_open(w) != 0 || serve_open(w) != 0) {
		log_err("cannot start: %s", strerror(errno));
		return -1;
	}
	if (confine(w) != 0)
		return -1;
	w->line = loop_watch(w->lo, CONTROL_FD_LINE, EPOLLIN, line_ready, w);
	if (w->line == NULL ||
	    control_send(CONTROL_FD_LINE, &ready, (const int[2]){ -1, -1 }) != 0) {
		log_err("line to lsainit: %s", strerror(errno));
		return -1;
	}
	return loop_every(w->lo, CONTROL_ALIVE_MS, say_alive, w);
}

static void
close_all(struct lsawatch *w)
{
	sensors_close(w);
	judges_close(w);
	findings_close(w);
	responder_close(w);
	outputs_close(w);
	baseline_close(w);
	processes_close(w);
	for (int i = 0; i < PART_END; i++) {
		if (w->targets[i].pidfd >= 0)
			(void)close(w->targets[i].pidfd);
	}
}

static int
run(struct lsawatch *w)
{
	int code = EXIT_FAILURE;

	w->lo = loop_new();
	if (w->lo != NULL && open_all(w) == 0) {
		code = loop_run(w->lo) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		if (!w->stopping)
			say_orphaned(w);
	}
	close_all(w);
	loop_free(w->lo);
	return code;
}

int
main(int argc, char **argv)
{
	static struct lsawatch w;
	char error[1024];
	int code;

	log_open("lsawatch", LOG_INFO);
	if (argc != 3 || strcmp(argv[1], "--config") != 0 ||
	    !start_is_socket(CONTROL_FD_LINE, SOCK_SEQPACKET, 0) ||
	    !start_is_socket(CONTROL_FD_WATCH, SOCK_STREAM, 1)) {
		(void)fputs("lsawatch: started without its channels; only lsainit(8) starts it\n"
			    "lsawatch: set [watch] mode = auto, and see `lsactl watch`\n",
			    stderr);
		return EXIT_USAGE;
	}
	if (!start_is_of_parent(CONTROL_FD_LINE)) {
		(void)fputs("lsawatch: its line to lsainit is not that of its parent, so it does "
			    "not start; only lsainit(8) starts it\n",
			    stderr);
		return EXIT_USAGE;
	}
	start_confined("lsawatch");
	w.config_path = argv[2];
	if (config_read(&w.cf, argv[2], error, sizeof(error)) != 0) {
		log_err("%s", error);
		return EXIT_USAGE;
	}
	log_open("lsawatch", log_level(w.cf.log_level));
	take_images(&w);
	code = run(&w);
	config_free(&w.cf);
	return code;
}
