/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsawatch: started, told what goes on, heard, started again. Nothing waits
 * for it: without it all serves as before, unless [watch] mode = required.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/child.h"
#include "lsainit/guard/guard.h"
#include "lsainit/guard/private.h"
#include "lsainit/init.h"

#define WATCH_FILES 512
#define WATCH_STOP_MS                                                                              \
	6000 /* it writes what it learned, and takes its audit rules back, 0.1 s each */

/* Turns of CONTROL_ALIVE_MS without a word, after which it is ended. */
#define WATCH_QUIET	  4
#define WATCH_QUIET_FIRST 24

#define BIT(cap) (1ULL << (cap))
/*
 * What its sensors need to be opened with; it keeps two or three of them
 * (lsawatch/confine.c).
 */
#define WATCH_CAPABILITIES                                                                         \
	(BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_NET_ADMIN) |                     \
	 BIT(CAP_AUDIT_READ) | BIT(CAP_AUDIT_CONTROL) | BIT(CAP_BPF) | BIT(CAP_PERFMON) |          \
	 BIT(CAP_SYS_ADMIN))

/* ---- before the start */

static bool
required(const struct instance *in)
{
	return strcmp(in->cf.watch_mode, "required") == 0;
}

static int
without(struct instance *in, const char *why)
{
	in->watches = false;
	if (!required(in)) {
		log_warn("no lsawatch: %s ([watch] mode = auto)", why);
		return 0;
	}
	log_err("not started: no lsawatch, and [watch] mode = required: %s", why);
	return -1;
}

int
watch_prepare(struct instance *in)
{
	char why[512];

	in->watches = strcmp(in->cf.watch_mode, "off") != 0;
	if (!in->watches)
		return 0;
	if (!in->separate) {
		in->watch_uid = geteuid();
		in->watch_gid = getegid();
	} else if (user_number(in->cf.run_lsawatch_user, &in->watch_uid, &in->watch_gid) != 0) {
		(void)snprintf(why, sizeof(why),
			       "there is no user \"%s\" ([run] lsawatch_user); make it with "
			       "`systemd-sysusers lsaiso.conf`",
			       in->cf.run_lsawatch_user);
		return without(in, why);
	} else if (in->watch_uid == 0 || in->watch_uid == in->iso_uid ||
		   in->watch_uid == in->lsass_uid) {
		log_err("[run] lsawatch_user must be a user of its own, and not root");
		return -1;
	}
	if (prepare_watch_image(in) != 0)
		return without(in, "its program cannot be used, see above");
	return 0;
}

int
watch_folder(struct instance *in)
{
	if (prepare_watch_directory(in) == 0)
		return 0;
	return without(in, "its folder cannot be had, see above");
}

int
watch_listen(struct instance *in)
{
	if (!in->watches)
		return 0;
	in->watch_fd = listen_at(in->cf.watch_socket, 0177, NULL);
	if (in->watch_fd < 0)
		return -1;
	if (in->cf.watch_metrics[0] == '\0')
		return 0;
	/* Who scrapes is not root; what is shown are counts, and no names. */
	in->metrics_fd = listen_at(in->cf.watch_metrics, 0111, NULL);
	return in->metrics_fd < 0 ? -1 : 0;
}

void
watch_unlink(const struct instance *in)
{
	if (in->watch_fd >= 0)
		(void)unlink(in->cf.watch_socket);
	if (in->metrics_fd >= 0)
		(void)unlink(in->cf.watch_metrics);
}

/* ---- start */

static int
or_null(int fd, int null)
{
	return fd >= 0 ? fd : null;
}

static pid_t
spawn(const struct instance *in, int line)
{
	char name[] = "lsawatch", option[] = "--config", path[4096];
	char *argv[] = { name, option, path, NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = -1;
	struct child_plan plan = {
		.name = "lsawatch",
		.image = in->watch_image.fd,
		.argv = argv,
		.envp = envp,
		.fds = { line, in->watch_fd, or_null(in->metrics_fd, null), or_null(self, null),
			 in->iso_image.fd, in->lsass_image.fd, or_null(in->vm_image.fd, null) },
		.nfds = CONTROL_FDS_WATCH_END - CONTROL_FD_LINE,
		.alive = in->alive[0],
		.separate = in->separate,
		.capabilities = WATCH_CAPABILITIES,
		.outlives = true,
		.uid = in->watch_uid,
		.gid = in->watch_gid,
		.files = WATCH_FILES,
	};

	_Static_assert(CONTROL_FDS_WATCH_END - CONTROL_FD_LINE <= CHILD_FDS_MAX, "room for all");
	(void)snprintf(path, sizeof(path), "%s", in->config_path);
	if (null >= 0)
		pid = child_start(&plan);
	close_fd(&null);
	close_fd(&self);
	return pid;
}

/* False: the line is full. If it is gone, lsawatch is started again. */
static bool
send_it(const struct instance *in, const struct control_msg *msg)
{
	if (in->watch_line < 0 || control_send(in->watch_line, msg, NULL) == 0)
		return true;
	if (errno == EAGAIN)
		return false;
	if (errno != EPIPE)
		log_warn("lsawatch does not take messages: %s", strerror(errno));
	return true;
}

/* It must know whom to watch, however much the guard has told it. */
void
watch_tell(struct instance *in)
{
	struct control_msg msg = { .type = CTL_TABLE, .table = in->table };
	bool full = !send_it(in, &msg);

	if (full && !in->table_due)
		log_warn("lsawatch (pid %d) does not read what it is told; it is told of our "
			 "processes once it does",
			 (int)in->table.lsawatch_pid);
	in->table_due = full;
}

void
watch_refused(const struct instance *in, const struct guard_event *ev)
{
	struct control_msg msg = { .type = CTL_REFUSED };
	struct control_refusal *re = &msg.refused;

	re->actor = ev->actor;
	re->actor_thread = ev->actor_thread;
	re->uid = ev->uid;
	re->target = ev->target;
	re->detail = ev->detail;
	(void)snprintf(re->comm, sizeof(re->comm), "%.*s", (int)sizeof(ev->comm) - 1, ev->comm);
	(void)snprintf(re->hook, sizeof(re->hook), "%s", guard_hooks[ev->hook].name);
	(void)send_it(in, &msg); /* the log has it, too */
}

int
watch_start(struct instance *in)
{
	pid_t pid;

	in->watch.started = monotonic_ms();
	in->watch.due = 0;
	if (!in->watches)
		return 0;
	pid = launch_with_line(in, &in->watch_image, spawn, &in->watch_line);
	if (pid < 0)
		return -1;
	in->table_due = false;
	in->table.lsawatch_pid = pid;
	in->table.lsawatch_since = time(NULL);
	memset(&in->watch_life, 0, sizeof(in->watch_life));
	in->watch_life.due = monotonic_ms() + CONTROL_ALIVE_MS;
	table_changed(in);
	return 0;
}

bool
watch_ended(struct instance *in, pid_t pid, int status)
{
	char why[512];

	if (pid != in->table.lsawatch_pid)
		return false;
	reason_text(in, status, false, why, sizeof(why));
	if (!in->stopping)
		log_err("lsawatch (pid %d) is gone: %s", (int)pid, why);
	in->table.lsawatch_pid = 0;
	in->watch_life.due = 0;
	close_fd(&in->watch_line);
	return true;
}

/* ---- does it live */

void
watch_stopped(struct instance *in, pid_t pid)
{
	if (pid != in->table.lsawatch_pid)
		return; /* lsawatch tells of the others */
	log_err("lsawatch (pid %d) was stopped by a signal; it is made to go on", (int)pid);
	in->table.lsawatch_stops++;
	(void)kill(pid, SIGCONT);
	table_changed(in);
}

/* "it is traced by pid 7", from its own folder of /proc; "" if that says nothing. */
static void
why_quiet(pid_t pid, char *why, size_t n)
{
	char path[32], line[128], state = '?';
	int tracer = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "State:\t", 7) == 0)
			state = line[7];
		if (strncmp(line, "TracerPid:\t", 11) == 0)
			tracer = (int)strtol(line + 11, NULL, 10);
	}
	if (file != NULL)
		(void)fclose(file);
	if (tracer != 0)
		(void)snprintf(why, n, "pid %d traces it", tracer);
	else
		(void)snprintf(why, n,
			       "its state is %c; see whether its cgroup is frozen, or has no time",
			       state);
}

/* Nothing is heard of it. Who traces it keeps us from reaping it, and need not let it go. */
static void
end_quiet(struct instance *in)
{
	pid_t pid = in->table.lsawatch_pid;
	char why[96];

	why_quiet(pid, why, sizeof(why));
	if (in->watch_life.killed) {
		log_err(
		    "lsawatch (pid %d) was ended and is still there (%s); another one is started",
		    (int)pid, why);
		(void)watch_ended(in, pid, SIGKILL);
		in->watch.due = monotonic_ms();
		table_changed(in);
		return;
	}
	log_err("lsawatch (pid %d) has said nothing for %u s (%s); it is ended", (int)pid,
		in->watch_life.quiet * (CONTROL_ALIVE_MS / 1000), why);
	in->watch_life.killed = true;
	in->table.lsawatch_silent++;
	(void)kill(pid, SIGKILL);
}

/*
 * Counted in turns of ours, not by a clock: a machine that was suspended has done
 * nothing to it. The first word takes longer, because it loads its sensors.
 */
void
watch_tick(struct instance *in)
{
	int64_t now = monotonic_ms();

	if (in->watch_life.due == 0 || now < in->watch_life.due)
		return;
	in->watch_life.due = now + CONTROL_ALIVE_MS;
	in->watch_life.quiet = in->watch_life.heard ? 0 : in->watch_life.quiet + 1;
	in->watch_life.heard = false;
	if (in->watch_life.quiet >= (in->watch_life.ready ? WATCH_QUIET : WATCH_QUIET_FIRST))
		end_quiet(in);
}

int
watch_wait(const struct instance *in)
{
	int64_t wait = in->watch_life.due - monotonic_ms();

	if (in->watch_life.due == 0)
		return -1;
	return wait > 0 ? (int)wait : 0;
}

/* ---- what it asks for */

void
watch_lock(struct instance *in)
{
	if (!in->lock_due || !in->ready)
		return;
	in->lock_due = false;
	broker_send(in, CTL_LOCK);
}

/* A guest's sessions are the guest's to lock; here they can only be ended. */
static void
obey(struct instance *in, const struct control_msg *msg)
{
	if (msg->type == CTL_WIPE || (msg->type == CTL_LOCK && in->serves_guest)) {
		log_notice("lsawatch asks to wipe");
		iso_wipe(in);
	} else if (msg->type == CTL_LOCK) {
		log_notice("lsawatch asks to lock all sessions");
		in->lock_due = true;
		watch_lock(in);
	} else if (msg->type == CTL_READY) {
		log_notice("lsawatch watches: pid %d", (int)in->table.lsawatch_pid);
		in->watch_life.ready = true;
		table_changed(in);
	}
}

void
watch_message(struct instance *in)
{
	struct control_msg msg;
	int fds[2] = { -1, -1 };
	int got = control_recv(in->watch_line, &msg, fds);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && (msg.type == CTL_WIPE || msg.type == CTL_LOCK || msg.type == CTL_READY ||
			msg.type == CTL_ALIVE)) {
		in->watch_life.heard = true;
		obey(in, &msg);
	} else {
		if (got != 0) {
			log_err("lsawatch sent a malformed message; it is ended");
			(void)kill(in->table.lsawatch_pid, SIGKILL);
		}
		close_fd(&in->watch_line);
	}
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

/* ---- end */

void
watch_stop(struct instance *in)
{
	struct control_msg msg = { .type = CTL_STOP, .table = in->table };
	int64_t until = monotonic_ms() + WATCH_STOP_MS;
	pid_t pid = in->table.lsawatch_pid;

	if (pid == 0)
		return;
	(void)send_it(in, &msg);
	while (monotonic_ms() < until) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			in->table.lsawatch_pid = 0;
			return;
		}
		(void)poll(NULL, 0, 10);
	}
	log_warn("lsawatch did not stop within %d s; it is killed", WATCH_STOP_MS / 1000);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
