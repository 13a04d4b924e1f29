/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting lsass and talking to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lib/log.h"
#include "lsainit/child.h"
#include "lsainit/guard/guard.h"
#include "lsainit/init.h"

#define FILES_BESIDES 512 /* of lsass, beside its clients: journals, KDCs */

static pid_t
spawn(const struct instance *in, int line)
{
	char name[] = "lsass", option[] = "--config", path[4096], krb5[4096];
	char *argv[] = { name, option, path, NULL };
	char *envp[] = { in->cf.krb5_config[0] != '\0' ? krb5 : NULL, NULL };
	bool has_file = access(in->config_path, F_OK) == 0;
	struct child_plan plan = {
		.name = "lsass",
		.image = in->lsass_image.fd,
		.argv = argv,
		.envp = envp,
		.fds = { line, in->kcm_fd, in->admin_fd },
		.nfds = CONTROL_FDS_END - CONTROL_FD_LINE,
		.alive = in->alive[0],
		.separate = in->separate,
		.uid = in->lsass_uid,
		.gid = in->lsass_gid,
		.files = (rlim_t)in->cf.limits_connections + FILES_BESIDES,
		.filter = true,
		.reads = { has_file ? in->config_path : NULL, NULL },
		.writes = in->cf.state_keep ? in->cf.state_directory : NULL,
	};

	(void)snprintf(path, sizeof(path), "%s", in->config_path);
	(void)snprintf(krb5, sizeof(krb5), "KRB5_CONFIG=%s", in->cf.krb5_config);
	if (in->cf.krb5_config[0] != '\0' && strchr(in->cf.krb5_config, ':') == NULL)
		plan.reads[1] = in->cf.krb5_config;
	return child_start(&plan);
}

void
broker_send(struct instance *in, enum control_type type)
{
	struct control_msg msg = { .type = type, .table = in->table };
	int fds[2] = { -1, -1 };

	if (in->line < 0)
		return;
	if (type == CTL_HELLO)
		memcpy(msg.state_key, in->state_key, sizeof(msg.state_key));
	if (type == CTL_ISO) {
		memcpy(msg.boot_id, in->boot_id, sizeof(msg.boot_id));
		fds[0] = in->mailbox_fd;
		fds[1] = in->life_fd;
	}
	if (control_send(in->line, &msg, fds) != 0 && errno != EPIPE)
		log_err("lsass does not take messages: %s", strerror(errno));
	explicit_bzero(&msg, sizeof(msg));
}

int
broker_start(struct instance *in)
{
	int pair[2];
	pid_t pid;

	in->lsass.started = monotonic_ms();
	in->lsass.due = 0;
	if (launch_check(in, &in->lsass_image) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_err("no line to lsass: %s", strerror(errno));
		return -1;
	}
	pid = spawn(in, pair[1]);
	(void)close(pair[1]);
	if (pid > 0 && launch_check(in, &in->lsass_image) != 0) {
		(void)kill(pid, SIGKILL); /* it was told nothing yet */
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
		(void)close(pair[0]);
		return -1;
	}
	in->line = pair[0];
	in->ready = false;
	in->table.lsass_pid = pid;
	in->table.lsass_since = time(NULL);
	broker_send(in, CTL_HELLO);
	if (in->table.lsaiso_pid != 0)
		broker_send(in, CTL_ISO);
	broker_send(in, CTL_TABLE);
	return 0;
}

void
broker_ended(struct instance *in, int status)
{
	char why[512];

	reason_text(in, status, false, why, sizeof(why));
	if (!in->stopping)
		log_err("lsass (pid %d) is gone: %s", (int)in->table.lsass_pid, why);
	in->table.lsass_pid = 0;
	in->ready = false;
	close_fd(&in->line);
}

/* Without guard_lock the word of root is enough; lsass has asked who it is. */
static bool
may_end(const struct instance *in, const struct control_msg *msg)
{
	if (guard_locked(in) && !guard_token(in, msg->token, strnlen(msg->token, CONTROL_TOKEN)))
		return false;
	log_notice("stopping (lsactl stop)");
	return true;
}

void
broker_message(struct instance *in)
{
	struct control_msg msg;
	int fds[2] = { -1, -1 };
	int got = control_recv(in->line, &msg, fds);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && (msg.type == CTL_WIPE || msg.type == CTL_QUIT)) {
		if (msg.type == CTL_WIPE)
			iso_wipe(in);
		else
			in->asked_to_end = may_end(in, &msg);
		close_fd(&fds[0]);
		close_fd(&fds[1]);
		return;
	}
	if (got <= 0 || msg.type != CTL_READY) {
		/* Its end follows, or it talks nonsense: then it must end. */
		if (got != 0) {
			log_err("lsass sent a malformed message; it is ended");
			(void)kill(in->table.lsass_pid, SIGKILL);
		}
		close_fd(&in->line);
		close_fd(&fds[0]);
		close_fd(&fds[1]);
		return;
	}
	in->ready = true;
	log_notice("lsass serves: pid %d, KCM at %s", (int)in->table.lsass_pid, in->cf.kcm_socket);
	if (!in->was_ready)
		notify("READY=1\nSTATUS=level %s, memory %s%s", in->cf.isolation_level,
		       level_memory(&in->cf, &in->table),
		       in->separate ? "" : ", no users of its own");
	if (!in->was_ready && launch_settle(in) == 0)
		broker_send(in, CTL_TABLE);
	in->was_ready = true;
}
