/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of sensors, which of them are open, and the way from a sight to the judges. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsawatch/sense/sense.h"
#include "lsawatch/watch.h"

/* Best first. */
const struct watch_sensor *const watch_sensor_list[] = {
	&sense_bpf,   &sense_trace,	&sense_files, &sense_audit,
	&sense_exits, &sense_connector, &sense_sweep, NULL,
};

#define SENSORS_MAX 16

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
	w->sees |= SEES(EXIT); /* lsainit tells them, too */
	return 0;
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
	for (size_t i = 0; i < w->sensors->n; i++) {
		const struct watch_sensor_state *st = &w->sensors->state[i];

		if (st->shows != 0 && st->sensor->rescan != NULL)
			st->sensor->rescan(w);
	}
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

		if (st->shows != 0 && st->sensor->close != NULL)
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
