/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of sensors, which of them are open and still tell what they see, and
 * the way from a sight to the judges.
 *
 * A sensor can be silenced and stay open: audit switched off, the connector told
 * that nobody listens, the maps of BPF programs changed. So every ten seconds lsawatch does
 * something itself that each of them must tell of. One that does not is told to be
 * blind, and what it can mend itself it mends. For the others lsawatch is started anew,
 * because only then can it open what still works.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/sense/sense.h"
#include "lsawatch/watch.h"

/* Best first. */
const struct watch_sensor *const watch_sensor_list[] = {
	&sense_bpf,   &sense_trace,	&sense_files, &sense_audit,
	&sense_exits, &sense_connector, &sense_sweep, NULL,
};

#define SENSORS_MAX 16
#define HEALTH_MS   10000
#define BAD_TIMES   2 /* in a row: one deed may have been lost */

struct watch_sensors {
	struct watch_sensor_state state[SENSORS_MAX];
	size_t n;
};

/* Is it one of the words of [watch] layers? */
static bool
layer_wanted(const struct lsawatch *w, enum watch_layer layer)
{
	size_t len = strlen(watch_layer_names[layer]);

	for (const char *at = w->cf.watch_layers; *at != '\0'; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (strncmp(at, watch_layer_names[layer], len) == 0 &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
	}
	return false;
}

static void
try_open(struct lsawatch *w, struct watch_sensor_state *st)
{
	const struct watch_sensor *se = st->sensor;

	if (!layer_wanted(w, se->layer)) {
		(void)snprintf(st->why, sizeof(st->why), "not in [watch] layers");
	} else if ((se->sees & ~w->sees) == 0) {
		(void)snprintf(st->why, sizeof(st->why), "not needed: a better sensor shows it");
	} else {
		st->shows = se->open(w, st->why, sizeof(st->why));
		w->sees |= st->shows;
	}
	if (st->shows == 0)
		log_info("sensor %s: %s", se->name, st->why);
}

/* ---- do they tell what they see */

void
sensors_deed(void)
{
	char path[64], name[32];
	ssize_t len;
	int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

	len = fd >= 0 ? read(fd, name, sizeof(name)) : -1;
	if (fd >= 0)
		(void)close(fd);
	/* For who is no dumper of itself, only the file of its thread can be written. */
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/comm", (int)getpid());
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && len > 1)
		(void)!write(fd, name, (size_t)len - 1);
	if (fd >= 0)
		(void)close(fd);
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)getppid());
	(void)!readlink(path, name, sizeof(name));
}

/* What all show that are open now. */
static void
sum_up(struct lsawatch *w)
{
	w->sees = SEES(EXIT); /* lsainit tells them, too */
	for (size_t i = 0; i < w->sensors->n; i++)
		w->sees |= w->sensors->state[i].shows;
}

static void
look_again(struct lsawatch *w)
{
	for (size_t i = 0; i < w->sensors->n; i++) {
		const struct watch_sensor_state *st = &w->sensors->state[i];

		if (st->shows != 0 && st->sensor->rescan != NULL)
			st->sensor->rescan(w);
	}
}

static void
say_blind(struct lsawatch *w, const struct watch_sensor_state *st, bool holds, const char *why)
{
	struct watch_case ca = { .rule = RULE_watch_blind,
				 .layer = st->sensor->layer,
				 .part = PART_NONE,
				 .allowed = -1 };

	finding_holds(w, &ca, holds, st->sensor->name, "sensor %s does not tell what it sees: %s",
		      st->sensor->name, why);
}

static void
silenced(struct lsawatch *w, struct watch_sensor_state *st, const char *why)
{
	if (++st->bad < BAD_TIMES)
		return;
	if (st->shows != 0) {
		st->would = st->shows;
		st->shows = 0;
		(void)snprintf(st->why, sizeof(st->why), "%s", why);
		sum_up(w);
		say_blind(w, st, true, why);
		look_again(w);
	}
	if (st->sensor->replaced) {
		log_err("sensor %s cannot be mended: lsawatch ends, and is started anew by "
			"lsainit with what still works",
			st->sensor->name);
		loop_stop(w->lo);
	}
}

static void
mended(struct lsawatch *w, struct watch_sensor_state *st, const char *why)
{
	struct watch_case ca = { .rule = RULE_watch_blind,
				 .severity = MEDIUM,
				 .layer = st->sensor->layer,
				 .part = PART_NONE,
				 .allowed = -1 };

	st->bad = 0;
	finding_raise(w, &ca, "sensor %s was silenced for a moment: %s", st->sensor->name, why);
	look_again(w);
}

static void
healthy(struct lsawatch *w, struct watch_sensor_state *st)
{
	st->bad = 0;
	if (st->would == 0)
		return;
	st->shows = st->would;
	st->would = 0;
	st->why[0] = '\0';
	sum_up(w);
	say_blind(w, st, false, "it tells again");
	look_again(w);
}

static void
ask_all(void *arg)
{
	struct lsawatch *w = arg;

	for (size_t i = 0; i < w->sensors->n; i++) {
		struct watch_sensor_state *st = &w->sensors->state[i];
		char why[160] = "";

		if ((st->shows | st->would) == 0 || st->sensor->health == NULL)
			continue;
		switch (st->sensor->health(w, why, sizeof(why))) {
		case HEALTH_BAD:
			silenced(w, st, why);
			break;
		case HEALTH_MENDED:
			mended(w, st, why);
			break;
		case HEALTH_GOOD:
			healthy(w, st);
			break;
		}
	}
	sensors_deed();
}

/* ---- open and close */

int
sensors_open(struct lsawatch *w)
{
	struct watch_sensors *ss = calloc(1, sizeof(*ss));

	w->sensors = ss;
	if (ss == NULL)
		return -1;
	for (size_t i = 0; watch_sensor_list[i] != NULL && i < SENSORS_MAX; i++) {
		ss->state[i].sensor = watch_sensor_list[i];
		ss->n++;
		try_open(w, &ss->state[i]);
	}
	sum_up(w);
	return loop_every(w->lo, HEALTH_MS, ask_all, w);
}

void
sensors_targets(struct lsawatch *w)
{
	for (size_t i = 0; i < w->sensors->n; i++) {
		const struct watch_sensor_state *st = &w->sensors->state[i];

		if (st->shows != 0 && st->sensor->targets != NULL)
			st->sensor->targets(w);
	}
}

void
sensors_lost(struct lsawatch *w, enum watch_layer layer, const char *what)
{
	struct watch_case ca = {
		.rule = RULE_watch_lost, .layer = layer, .part = PART_NONE, .allowed = -1
	};

	w->lost++;
	look_again(w);
	finding_raise(w, &ca, "%s", what);
}

const struct watch_sensor_state *
sensors_state(const struct lsawatch *w, size_t *n)
{
	*n = w->sensors->n;
	return w->sensors->state;
}

void
sensors_close(struct lsawatch *w)
{
	for (size_t i = 0; w->sensors != NULL && i < w->sensors->n; i++) {
		const struct watch_sensor_state *st = &w->sensors->state[i];

		if ((st->shows | st->would) != 0 && st->sensor->close != NULL)
			st->sensor->close(w);
	}
	free(w->sensors);
	w->sensors = NULL;
}

void
watch_see(struct lsawatch *w, const struct watch_sight *si)
{
	w->sights[si->layer]++;
	process_note(w, si);
	judges_sight(w, si);
}
