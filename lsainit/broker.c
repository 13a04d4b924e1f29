/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting lsass and talking to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lib/log.h"
#include "lsainit/child.h"
#include "lsainit/guard/guard.h"
#include "lsainit/init.h"

#define FILES_BESIDES 512 /* of lsass, beside its clients: journals, KDCs */
#define GUEST_FILES   128 /* of lsaiso-host: 64 of them for lsactl */

/*
 * The files of [krb5] config, which libkrb5 reads: without them it would go on with
 * others. Of a list those that are not there are skipped, as libkrb5 does. list is cut up.
 */
static void
add_krb5_files(struct child_plan *plan, char *list)
{
	bool alone = strchr(list, ':') == NULL;
	char *next;
	size_t n = 0;

	while (n < CHILD_READS_MAX && plan->reads[n] != NULL)
		n++;
	for (char *at = list; at != NULL && n < CHILD_READS_MAX; at = next) {
		next = strchr(at, ':');
		if (next != NULL)
			*next++ = '\0';
		if (*at != '\0' && (alone || access(at, F_OK) == 0))
			plan->reads[n++] = at;
	}
}

_Static_assert(CONTROL_FDS_END == CONTROL_FDS_GUEST_END, "both have as many");

static pid_t
spawn(const struct instance *in, int line)
{
	char name[32], option[] = "--config", path[4096], krb5[4096], files[4096],
		       peer[] = "--peer", uid[16];
	char *argv[] = { name, option, path, in->serves_guest ? peer : NULL, uid, NULL };
	char alone[] = "_NO_WINBINDD=1"; /* of its own name service: it would ask itself */
	/*
	 * A function that is bound at its first call has all registers written to the stack, with
	 * what of a password or a key is left in them; libkrb5 is linked so.
	 */
	char bound[] = "LD_BIND_NOW=1";
	char *envp[] = { alone, bound, in->cf.krb5_config[0] != '\0' ? krb5 : NULL, NULL };
	bool has_file = access(in->config_path, F_OK) == 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int beside = in->serves_guest ? in->vsock_fd : in->diag_fd;
	pid_t pid;
	struct child_plan plan = {
		.name = in->lsass_image.name,
		.image = in->lsass_image.fd,
		.argv = argv,
		.envp = envp,
		.fds = { line, in->kcm_fd >= 0 ? in->kcm_fd : null, in->admin_fd,
			 beside >= 0 ? beside : null },
		.nfds = CONTROL_FDS_END - CONTROL_FD_LINE,
		.alive = in->alive[0],
		.separate = in->separate,
		.uid = in->lsass_uid,
		.gid = in->lsass_gid,
		.files = (rlim_t)in->cf.limits_connections + FILES_BESIDES,
		.filter = true,
		.reads = { has_file ? in->config_path : NULL },
		.writes = in->cf.state_keep ? in->cf.state_directory : NULL,
	};

	for (int i = 0; i < in->winbinds; i++)
		plan.fds[plan.nfds++] = in->winbind_fds[i];
	for (int i = 0; i < in->table.kdc; i++)
		plan.fds[plan.nfds++] = in->kdc_fds[i];
	if (in->table.kdc > 0) /* its clients, and each request on its way */
		plan.files += (rlim_t)in->cf.limits_connections + 2 * (rlim_t)in->cf.kdc_requests;
	if (in->winbinds > 0) /* each of its clients may have a connection to the real one */
		plan.files += 2 * (rlim_t)in->cf.limits_connections;
	(void)snprintf(name, sizeof(name), "%s", in->lsass_image.name);
	(void)snprintf(path, sizeof(path), "%s", in->config_path);
	(void)snprintf(krb5, sizeof(krb5), "KRB5_CONFIG=%s", in->cf.krb5_config);
	(void)snprintf(uid, sizeof(uid), "%u",
		       (unsigned int)(in->separate ? in->guest_uid : geteuid()));
	(void)snprintf(files, sizeof(files), "%s", in->cf.krb5_config);
	if (in->serves_guest) {
		envp[0] = NULL;
		plan.writes = NULL;
		plan.files = GUEST_FILES;
	} else {
		add_krb5_files(&plan, files);
	}
	pid = null >= 0 ? child_start(&plan) : -1;
	close_fd(&null);
	return pid;
}

void
broker_send(struct instance *in, enum control_type type)
{
	struct control_msg msg = { .type = type, .table = in->table };
	int fds[2] = { -1, -1 };

	if (in->line < 0)
		return;
	if (type == CTL_HELLO) {
		memcpy(msg.state_key, in->state_key, sizeof(msg.state_key));
		fds[0] = in->keytab_fd;
	}
	if (type == CTL_ISO) {
		memcpy(msg.boot_id, in->boot_id, sizeof(msg.boot_id));
		fds[0] = in->mailbox_fd;
		fds[1] = in->life_fd;
	}
	if (control_send(in->line, &msg, fds) != 0 && errno != EPIPE)
		log_err("%s does not take messages: %s", in->lsass_image.name, strerror(errno));
	explicit_bzero(&msg, sizeof(msg));
}

void
table_changed(struct instance *in)
{
	broker_send(in, CTL_TABLE);
	watch_tell(in);
}

int
broker_start(struct instance *in)
{
	pid_t pid;

	in->lsass.started = monotonic_ms();
	in->lsass.due = 0;
	pid = launch_with_line(in, &in->lsass_image, spawn, &in->line);
	if (pid < 0)
		return -1;
	in->ready = false;
	in->table.lsass_pid = pid;
	in->table.lsass_since = time(NULL);
	broker_send(in, CTL_HELLO);
	if (in->table.lsaiso_pid != 0)
		broker_send(in, CTL_ISO);
	table_changed(in);
	return 0;
}

void
broker_ended(struct instance *in, int status)
{
	char why[512];

	reason_text(in, status, false, why, sizeof(why));
	if (!in->stopping)
		log_err("%s (pid %d) is gone: %s", in->lsass_image.name, (int)in->table.lsass_pid,
			why);
	in->table.lsass_pid = 0;
	in->table.lsass_last_exit = status;
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

/* Whom lsaiso works for, unless that lsaiso has ended meanwhile. */
static void
remember_guest(struct instance *in, const struct control_msg *msg)
{
	if (memcmp(msg->boot_id, in->boot_id, sizeof(in->boot_id)) == 0)
		memcpy(in->table.guest_boot, msg->table.guest_boot, sizeof(in->table.guest_boot));
}

/* What it may ask for at any time. False: it is something else. */
static bool
obey(struct instance *in, const struct control_msg *msg)
{
	if (msg->type == CTL_WIPE)
		iso_wipe(in);
	else if (msg->type == CTL_QUIT)
		in->asked_to_end = may_end(in, msg);
	else if (msg->type == CTL_GUEST && in->serves_guest)
		remember_guest(in, msg);
	else
		return false;
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
	if (got > 0 && obey(in, &msg)) {
		close_fd(&fds[0]);
		close_fd(&fds[1]);
		return;
	}
	if (got <= 0 || msg.type != CTL_READY) {
		/* Its end follows, or it talks nonsense: then it must end. */
		if (got != 0) {
			log_err("%s sent a malformed message; it is ended", in->lsass_image.name);
			(void)kill(in->table.lsass_pid, SIGKILL);
		}
		close_fd(&in->line);
		close_fd(&fds[0]);
		close_fd(&fds[1]);
		return;
	}
	in->ready = true;
	if (in->serves_guest)
		log_notice("lsaiso-host serves a guest: pid %d", (int)in->table.lsass_pid);
	else
		log_notice("lsass serves: pid %d, KCM at %s", (int)in->table.lsass_pid,
			   in->cf.kcm_socket);
	if (!in->was_ready)
		notify("READY=1\nSTATUS=level %s, memory %s%s", in->cf.isolation_level,
		       level_memory(&in->cf, &in->table),
		       in->separate ? "" : ", no users of its own");
	if (!in->was_ready && launch_settle(in) == 0)
		table_changed(in);
	in->was_ready = true;
	watch_lock(in);
	machine_wanted(in);
}
