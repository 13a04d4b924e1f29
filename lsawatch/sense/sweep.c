/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer sweep: looking again and again at the processes that are watched, and
 * now and then at all. What it costs is measured, and decides how often it
 * looks: at most 0.4 % of a processor in all, but the watched ones are looked
 * at every two seconds at least.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/judge/judge.h"
#include "lsawatch/sense/sense.h"
#include "lsawatch/sense/sockets.h"

/* What needs to look into processes. */
#define INSIDE	   (SEES(PLACE) | SEES(NET) | SEES(HOLD))
#define SHOWS	   (SEES(STATE) | SEES(SCAN) | SEES(USE) | SEES(DIGEST) | INSIDE)
#define LEAST_MS   1000
#define TARGETS_MS 2000	 /* the watched ones at least so often, whatever it costs */
#define SCAN_MS	   60000 /* all, when EXEC events show new ones */
#define AGAIN_MS   200	 /* names may be set after an exec */
/* Times what it costs is how often: 0.1 %, 0.2 % and 0.2 %. */
#define TARGETS_TIMES 1000
#define NETWORK_TIMES 500
#define SCAN_TIMES    500

struct sweep {
	struct lsawatch *w;
	int proc; /* /proc */
	struct {
		pid_t pid;
		uint64_t start;
		int dir; /* -1: none */
		struct watch_look look;
	} of[PART_END];
	int64_t network;    /* CLOCK_MONOTONIC ms: look at sockets from then on */
	int64_t network_us; /* what that cost in this turn */
	int64_t scan;	    /* CLOCK_MONOTONIC ms: look at all processes from then on */
	int64_t scanned;    /* CLOCK_MONOTONIC ms: they were looked at last */
};

static struct sweep the_sweep = { .proc = -1,
				  .of = { { .dir = -1 }, { .dir = -1 }, { .dir = -1 } } };

static int64_t
spent_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Milliseconds till the next look, after one of us microseconds. */
static int64_t
pause_ms(int64_t us, int64_t times)
{
	int64_t ms = us * times / 1000;

	return ms > LEAST_MS ? ms : LEAST_MS;
}

/* ---- the watched ones */

static void
follow(struct sweep *sw, enum watch_part part)
{
	const struct watch_target *ta = &sw->w->targets[part];

	if (sw->of[part].pid == ta->pid && sw->of[part].start == ta->start)
		return;
	if (sw->of[part].dir >= 0)
		(void)close(sw->of[part].dir);
	sw->of[part].pid = ta->pid;
	sw->of[part].start = ta->start;
	sw->of[part].dir = ta->pid != 0 ? look_open(ta->pid) : -1;
	judge_look_anew(sw->w, part);
}

static void
look(struct sweep *sw, enum watch_part part, bool network)
{
	struct lsawatch *w = sw->w;
	const struct watch_target *ta = &w->targets[part];
	struct watch_look *lo = &sw->of[part].look;
	int dir = sw->of[part].dir;

	if (dir < 0 || look_at(dir, lo) != 0)
		return;
	judge_process_look(w, ta, dir, lo);
	judge_user_look(w, ta, lo);
	if (part == PART_INIT)
		return;
	judge_resource_look(w, ta, lo);
	judge_handles_look(w, ta, dir, lo);
	if (network) {
		int64_t begun = spent_us();

		judge_network_look(w, ta, dir, lo);
		sw->network_us += spent_us() - begun;
	}
}

static void look_around(void *arg);

static void
look_all(struct sweep *sw)
{
	int64_t begun = spent_us(), now = watch_now_ms(), ms;
	bool network = now >= sw->network;

	sw->network_us = 0;
	for (int part = 0; part < PART_END; part++)
		look(sw, (enum watch_part)part, network);
	judge_process_missing(sw->w);
	if (network) /* a little less than the interval: it waits for a turn */
		sw->network = now + pause_ms(sw->network_us, NETWORK_TIMES) - LEAST_MS / 2;
	ms = pause_ms(spent_us() - begun - sw->network_us, TARGETS_TIMES);
	ms = ms < TARGETS_MS ? ms : TARGETS_MS;
	(void)loop_every(sw->w->lo, (uint32_t)ms, look_around, sw);
}

/* ---- all */

static void
scan(struct sweep *sw)
{
	int64_t begun = spent_us(), ms;
	int fd = openat(sw->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *de;

	while (folder != NULL && (de = readdir(folder)) != NULL) {
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9')
			judge_process_scan(sw->w, (pid_t)strtol(de->d_name, NULL, 10), LAYER_SWEEP);
	}
	if (folder != NULL) {
		judge_process_scanned(sw->w);
		(void)closedir(folder);
	} else if (fd >= 0) {
		(void)close(fd);
	}
	ms = pause_ms(spent_us() - begun, SCAN_TIMES);
	if ((sw->w->sees & SEES(EXEC)) != 0 && ms < SCAN_MS)
		ms = SCAN_MS;
	sw->scanned = watch_now_ms();
	sw->scan = sw->scanned + ms - LEAST_MS / 2;
}

static void
look_around(void *arg)
{
	struct sweep *sw = arg;

	look_all(sw);
	if (watch_now_ms() >= sw->scan)
		scan(sw);
}

static void
look_again(void *arg)
{
	const struct sweep *sw = arg;

	judge_process_again(sw->w);
}

/* ---- the sensor */

static bool
may_see_others(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	return syscall(SYS_capget, &head, caps) == 0 &&
	       (caps[0].effective >> CAP_SYS_PTRACE & 1) != 0;
}

static uint32_t
sweep_open(struct lsawatch *w, char *why, size_t n)
{
	struct sweep *sw = &the_sweep;

	sw->w = w;
	sockets_open();
	sw->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sw->proc < 0 || loop_every(w->lo, LEAST_MS, look_around, sw) != 0 ||
	    loop_every(w->lo, AGAIN_MS, look_again, sw) != 0) {
		(void)snprintf(why, n, "/proc cannot be read");
		return 0;
	}
	if (may_see_others())
		return SHOWS;
	(void)snprintf(why, n,
		       "an ordinary user sees neither the program, the descriptors, the mappings "
		       "nor the namespaces of lsaiso and lsass");
	return SHOWS & ~INSIDE;
}

static void
sweep_targets(struct lsawatch *w)
{
	for (int part = 0; part < PART_END; part++)
		follow(&the_sweep, (enum watch_part)part);
	look_all(&the_sweep);
}

/* Who loses events by a flood loses them again and again: one turn is for all of that. */
static void
sweep_rescan(struct lsawatch *w)
{
	struct sweep *sw = &the_sweep;

	if (watch_now_ms() - sw->scanned < LEAST_MS) {
		sw->network = sw->scan = 0; /* at the next turn */
		return;
	}
	look_all(sw);
	scan(sw);
}

static void
sweep_close(struct lsawatch *w)
{
	for (int part = 0; part < PART_END; part++) {
		if (the_sweep.of[part].dir >= 0)
			(void)close(the_sweep.of[part].dir);
		the_sweep.of[part].dir = -1;
		look_free(&the_sweep.of[part].look);
	}
	sockets_close();
	(void)close(the_sweep.proc);
	the_sweep.proc = -1;
}

const struct watch_sensor sense_sweep = {
	.name = "sweep",
	.layer = LAYER_SWEEP,
	.sees = SHOWS,
	.open = sweep_open,
	.targets = sweep_targets,
	.rescan = sweep_rescan,
	.close = sweep_close,
};
