/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsaiso-host: what lsass is to the programs of this machine, for one guest
 * of it. It is started by lsainit with [run] serves = guest and by nobody
 * else, with its sockets and its line to lsainit already open
 * (lib/control.h), and passes the guest's calls on to lsaiso.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/control.h"
#include "lib/log.h"
#include "lsaiso-host/admin.h"
#include "lsaiso-host/guest.h"
#include "lsass/ask.h"
#include "lsass/loop.h"
#include "lsass/start.h"

#define EXIT_USAGE 2
#define TICK_MS	   60000

struct host {
	struct config cf;
	uid_t peer;
	struct loop *lo;
	struct watch *line, *life;
	struct guest *guest;
	struct control_table table;
	int status; /* exit status */
};

static void
give_up(struct host *ho, const char *what)
{
	log_err("%s: %s", what, strerror(errno));
	ho->status = EXIT_FAILURE;
	loop_stop(ho->lo);
}

/* lsaiso has no timer: it looks for what has expired when it is called. */
static void
tick(void *arg)
{
	struct host *ho = arg;
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is = { 0 };

	if (ho->life != NULL && ask_status(&ask, &is) != ISO_OK)
		log_warn("lsaiso does not answer");
}

static int
listener(int fd)
{
	return start_is_socket(fd, SOCK_STREAM, 1) ? fd : -1;
}

/* lsaiso is there: open the doors, say so. */
static int
serve(struct host *ho)
{
	struct control_msg ready = { .type = CTL_READY };
	struct admin_view view = { .cf = &ho->cf, .table = &ho->table };

	ho->guest = guest_new(ho->lo, &ho->cf, listener(CONTROL_FD_GUEST),
			      listener(CONTROL_FD_VSOCK), ho->peer);
	view.guest = ho->guest;
	if (ho->guest != NULL && host_admin_start(ho->lo, CONTROL_FD_ADMIN, &view) == 0 &&
	    loop_every(ho->lo, TICK_MS, tick, ho) == 0 &&
	    control_send(CONTROL_FD_LINE, &ready, (const int[2]){ -1, -1 }) == 0)
		return 0;
	give_up(ho, "cannot start serving");
	return -1;
}

static void
life_ended(void *arg, uint32_t events)
{
	struct host *ho = arg;

	log_warn("lsaiso is gone; waiting for the next one");
	loop_unwatch(ho->life);
	ho->life = NULL;
	ask_detach();
	ho->table.lsaiso_pid = 0;
	if (ho->guest != NULL)
		guest_gone(ho->guest);
}

static void
attach(struct host *ho, const struct control_msg *msg, int fds[2])
{
	loop_unwatch(ho->life);
	ho->life = NULL;
	if (ask_attach(fds[0], fds[1], msg->boot_id) != 0) {
		log_err("cannot attach to lsaiso: %s", strerror(errno));
		ask_detach();
		if (ho->guest != NULL)
			guest_gone(ho->guest);
		return;
	}
	ho->life = loop_watch(ho->lo, ask_life_fd(), EPOLLIN | EPOLLRDHUP, life_ended, ho);
	if (ho->life == NULL) {
		give_up(ho, "cannot watch lsaiso");
		return;
	}
	if (ho->guest == NULL && serve(ho) != 0)
		return;
	guest_attached(ho->guest, msg->boot_id, msg->table.guest_boot);
}

static void
heard(void *arg, const struct control_msg *msg, int fds[2])
{
	struct host *ho = arg;

	switch (msg->type) {
	case CTL_HELLO: /* there are no state files here */
		break;
	case CTL_ISO:
		ho->table = msg->table;
		attach(ho, msg, fds);
		fds[0] = fds[1] = -1; /* ask's, whatever came of it */
		break;
	case CTL_TABLE:
		ho->table = msg->table;
		break;
	case CTL_STOP:
		loop_stop(ho->lo);
		break;
	default:
		log_warn("lsainit sent a message of unknown type %u", msg->type);
	}
}

static void
line_ready(void *arg, uint32_t events)
{
	struct host *ho = arg;

	start_hear(ho->lo, heard, ho);
}

static int
run(struct host *ho)
{
	ho->lo = loop_new();
	if (ho->lo != NULL)
		ho->line = loop_watch(ho->lo, CONTROL_FD_LINE, EPOLLIN, line_ready, ho);
	if (ho->line == NULL || loop_run(ho->lo) != 0) {
		log_err("event loop: %s", strerror(errno));
		ho->status = EXIT_FAILURE;
	}
	guest_free(ho->guest);
	ask_detach();
	return ho->status;
}

/* --config FILE --peer UID */
static bool
read_arguments(struct host *ho, int argc, char **argv)
{
	unsigned long peer;
	char *end;

	if (argc != 5 || strcmp(argv[1], "--config") != 0 || strcmp(argv[3], "--peer") != 0)
		return false;
	errno = 0;
	peer = strtoul(argv[4], &end, 10);
	ho->peer = (uid_t)peer;
	return errno == 0 && end != argv[4] && *end == '\0' && peer < UINT32_MAX;
}

int
main(int argc, char **argv)
{
	static struct host ho;
	char error[512];
	int status;

	log_open("lsaiso-host", LOG_INFO);
	if (!read_arguments(&ho, argc, argv) ||
	    !start_is_socket(CONTROL_FD_LINE, SOCK_SEQPACKET, 0) ||
	    !start_is_socket(CONTROL_FD_ADMIN, SOCK_STREAM, 1) ||
	    (listener(CONTROL_FD_GUEST) < 0 && listener(CONTROL_FD_VSOCK) < 0)) {
		fprintf(stderr,
			"lsaiso-host: started without its channels. It serves one guest of this "
			"machine, and only lsainit(8) starts\nlsaiso-host: run `systemctl start "
			"lsaiso-host@GUEST`, or `lsainit --config FILE`\n");
		return EXIT_USAGE;
	}
	if (!start_is_of_parent(CONTROL_FD_LINE)) {
		fprintf(stderr, "lsaiso-host: its line to lsainit is not that of its parent, so it "
				"does not start; only lsainit(8) starts it\n");
		return EXIT_USAGE;
	}
	start_confined("lsaiso-host");
	if (config_read(&ho.cf, argv[2], error, sizeof(error)) != 0) {
		log_err("%s", error);
		return EXIT_USAGE;
	}
	log_open("lsaiso-host", log_level(ho.cf.log_level));
	status = run(&ho);
	config_free(&ho.cf);
	return status;
}
