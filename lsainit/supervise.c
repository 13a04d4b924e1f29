/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop: children that end are started again; a signal ends it all. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/guard/guard.h"
#include "lsainit/init.h"

int64_t
monotonic_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* At once the first time, then later and later while it keeps dying young. */
static void
schedule(struct respawn *re)
{
	int64_t now = monotonic_ms(), wait;

	re->quick = now - re->started < RESPAWN_QUICK_MS ? re->quick + 1 : 0;
	wait = re->quick > 0 ? (int64_t)(re->quick - 1) * RESPAWN_STEP_MS : 0;
	re->due = now + (wait < RESPAWN_MAX_MS ? wait : RESPAWN_MAX_MS);
}

/* lsawatch, which nothing waits for: what keeps failing is not told every few seconds. */
static void
schedule_watch(struct instance *in)
{
	schedule(&in->watch);
	if (in->watch.quick > RESPAWN_WATCH)
		in->watch.due = monotonic_ms() + RESPAWN_WATCH_MS;
}

static void
child_ended(struct instance *in, pid_t pid, int status)
{
	if (pid == in->table.lsaiso_pid) {
		iso_ended(in, status);
		table_changed(in);
		schedule(&in->iso);
	} else if (pid == in->table.lsass_pid) {
		broker_ended(in, status);
		table_changed(in);
		schedule(&in->lsass);
	} else if (watch_ended(in, pid, status)) {
		table_changed(in);
		schedule_watch(in);
	} else {
		(void)machine_ended(in, pid, status);
	}
}

static void
reap(struct instance *in)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (WIFSTOPPED(status))
			watch_stopped(in, pid);
		else
			child_ended(in, pid, status);
	}
}

static void
start_due(struct instance *in)
{
	int64_t now = monotonic_ms();

	if (in->iso.due != 0 && in->iso.due <= now) {
		if (iso_start(in) == 0) {
			in->table.lsaiso_restarts++;
			broker_send(in, CTL_ISO);
			watch_tell(in);
			machine_wanted(in);
		} else {
			in->iso.started = monotonic_ms(); /* however long it took to fail */
			schedule(&in->iso);
		}
	}
	if (in->lsass.due != 0 && in->lsass.due <= now) {
		in->table.lsass_restarts++;
		if (broker_start(in) != 0)
			schedule(&in->lsass);
	}
	if (in->watch.due != 0 && in->watch.due <= now) {
		in->table.lsawatch_restarts++;
		if (watch_start(in) != 0)
			schedule_watch(in);
	}
	machine_tick(in);
}

static int
until_due(const struct instance *in)
{
	int64_t next = 0, wait;

	if (in->iso.due != 0)
		next = in->iso.due;
	if (in->lsass.due != 0 && (next == 0 || in->lsass.due < next))
		next = in->lsass.due;
	if (in->watch.due != 0 && (next == 0 || in->watch.due < next))
		next = in->watch.due;
	if (machine_next(in) != 0 && (next == 0 || machine_next(in) < next))
		next = machine_next(in);
	if (next == 0)
		return -1;
	wait = next - monotonic_ms();
	return wait > 0 ? (int)wait : 0;
}

/* Of two times to wait in milliseconds, -1 being for ever. */
static int
sooner(int one, int other)
{
	return one < 0 || (other >= 0 && other < one) ? other : one;
}

static int
until_next(const struct instance *in)
{
	return sooner(sooner(until_due(in), watch_wait(in)),
		      sooner(guard_wait(in), guard_look_wait(in)));
}

/* One signal. True: it is time to go. */
static bool
on_signal(struct instance *in, int signals)
{
	struct signalfd_siginfo si;

	if (read(signals, &si, sizeof(si)) != sizeof(si))
		return false;
	switch (si.ssi_signo) {
	case SIGCHLD:
		reap(in);
		return false;
	case SIGHUP:
		log_notice(
		    "a changed configuration is read at the next start; nothing was changed");
		return false;
	default:
		if (guard_locked(in)) {
			log_warn("signal %u from pid %u: not stopping, guard_lock = yes",
				 si.ssi_signo, si.ssi_pid);
			return false;
		}
		log_notice("stopping (signal %u from pid %u)", si.ssi_signo, si.ssi_pid);
		return true;
	}
}

static void
stop_lsass(struct instance *in, int signals)
{
	int64_t until = monotonic_ms() + STOP_MS;

	if (in->table.lsass_pid == 0)
		return;
	in->table.lsass_ended++;
	broker_send(in, CTL_STOP);
	while (in->table.lsass_pid != 0 && monotonic_ms() < until) {
		struct pollfd pf = { .fd = signals, .events = POLLIN };

		if (poll(&pf, 1, (int)(until - monotonic_ms()) + 1) > 0)
			(void)on_signal(in, signals);
	}
	if (in->table.lsass_pid != 0) {
		log_warn("%s did not stop within %d s; it is killed", in->lsass_image.name,
			 STOP_MS / 1000);
		(void)kill(in->table.lsass_pid, SIGKILL);
		(void)waitpid(in->table.lsass_pid, NULL, 0);
	}
}

static int
open_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What starts must start: before all is ready, the first failure is the last. */
static int
serve(struct instance *in, int signals)
{
	bool over = false;

	if (iso_start(in) != 0 || broker_start(in) != 0)
		return 1;
	if (watch_start(in) != 0) {
		if (strcmp(in->cf.watch_mode, "required") == 0)
			return 1;
		schedule_watch(in);
	}
	while (!over) {
		struct pollfd pf[4] = { { .fd = signals, .events = POLLIN },
					{ .fd = in->line, .events = POLLIN },
					{ .fd = guard_fd(in), .events = POLLIN },
					{ .fd = in->watch_line,
					  .events = in->table_due ? POLLIN | POLLOUT : POLLIN } };

		if (poll(pf, 4, until_next(in)) < 0 && errno != EINTR) {
			log_err("poll: %s", strerror(errno));
			return 1;
		}
		if (pf[1].revents != 0)
			broker_message(in);
		if ((pf[3].revents & ~POLLOUT) != 0)
			watch_message(in);
		if (in->table_due && (pf[3].revents & POLLOUT) != 0)
			watch_tell(in);
		if (guard_drain(in))
			table_changed(in);
		guard_look(in);
		over = in->asked_to_end;
		if (!over && pf[0].revents != 0)
			over = on_signal(in, signals);
		if (!over && !in->was_ready &&
		    (in->table.lsass_pid == 0 || in->table.lsaiso_pid == 0)) {
			log_err("not started: see above");
			return 1;
		}
		if (!over) {
			watch_tick(in);
			start_due(in);
		}
	}
	return in->guard_lost ? 1 : 0;
}

int
supervise(struct instance *in)
{
	int signals = open_signals(), code = 1;

	if (signals < 0)
		log_err("signalfd: %s", strerror(errno));
	else
		code = serve(in, signals);
	in->stopping = true;
	in->table.stopping = 1;
	watch_tell(in);
	notify("STOPPING=1");
	machine_stop(in);
	if (signals >= 0)
		stop_lsass(in, signals);
	iso_stop(in);
	watch_stop(in);
	unlink_sockets(in);
	close_fd(&signals);
	return code;
}
