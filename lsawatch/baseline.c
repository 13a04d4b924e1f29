/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What use is usual: the lowest and highest value of each measure of each part
 * in the first [watch] learn_seconds. Who wants to teach it otherwise in that
 * time, or bit by bit later, comes no further than the bound of each measure,
 * which is what the program can need. Kept as baseline.json in [watch]
 * directory, and read back only if nobody else can have written it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/watch.h"

#define NAME	    "baseline.json"
#define FORMAT	    1
#define OCTETS_MOST 65536
#define SAVE_MS	    300000
#define FOLLOW	    600 /* looks above the band in a row, then it grows by a tenth */
#define MIB	    (1ULL << 20)

const char *const watch_measure_names[MEASURE_END] = { "cpu", "resident", "fds", "threads" };

/* A little more than was learned is nothing. */
static const uint64_t slack[MEASURE_END] = { 200, MIB, 32, 4 };

struct watch_baseline {
	struct watch_band bands[PART_END][MEASURE_END];
	uint32_t above[PART_END][MEASURE_END]; /* looks in a row */
	int64_t since;			       /* seconds since 1970 */
	int64_t learned;		       /* milliseconds, before `opened` */
	int64_t opened;			       /* CLOCK_MONOTONIC ms */
	int folder;			       /* -1: nothing is kept */
	bool saved;			       /* once, after learning */
};

static struct watch_baseline the_baseline = { .folder = -1 };

/* ---- bounds: measured needs, times some; docs/watch.md */

static uint64_t
bound_of(const struct lsawatch *w, enum watch_part part, enum watch_measure measure)
{
	const char *name = w->targets[part].image.name;
	bool vm = strcmp(name, "lsavmm") == 0;
	uint64_t clients = w->cf.limits_connections;
	uint64_t kdc = w->table.kdc != 0 ? clients + w->cf.kdc_requests : 0;

	switch (measure) {
	case MEASURE_CPU:
		return 1000 * (uint64_t)(part == PART_ISO ? 1 : sysconf(_SC_NPROCESSORS_CONF));
	case MEASURE_RESIDENT:
		if (part == PART_ISO)
			return vm ? 256 * MIB : 16 * MIB;
		return 64 * MIB + clients * 65536;
	case MEASURE_FDS: /* its RLIMIT_NOFILE at most: broker.c of lsainit */
		return part == PART_ISO ? 64
					: 512 + clients * (w->table.winbind[0] != 0 ? 3 : 1) + kdc;
	case MEASURE_THREADS:
		return part == PART_ISO ? 3 : 64;
	case MEASURE_END:
		break;
	}
	return 0;
}

/* ---- learning */

static int64_t
learned_ms(const struct watch_baseline *ba)
{
	return ba->learned + watch_now_ms() - ba->opened;
}

bool
baseline_learning(const struct lsawatch *w)
{
	return w->baseline != NULL &&
	       learned_ms(w->baseline) < (int64_t)w->cf.watch_learn_seconds * 1000;
}

static void
widen(struct watch_band *band, uint64_t value)
{
	value = value < band->bound ? value : band->bound;
	band->low = band->samples == 0 || value < band->low ? value : band->low;
	band->high = value > band->high ? value : band->high;
}

const struct watch_band *
baseline_band(const struct lsawatch *w, enum watch_part part, enum watch_measure measure)
{
	const struct watch_band *band = &w->baseline->bands[part][measure];

	return band->samples != 0 ? band : NULL;
}

int64_t
baseline_since(const struct lsawatch *w)
{
	return w->baseline->since;
}

/* ---- kept */

static json_t *
to_json(const struct lsawatch *w)
{
	const struct watch_baseline *ba = w->baseline;
	json_t *parts = json_object();

	for (int part = PART_ISO; part < PART_END; part++) {
		json_t *measures = json_object();

		for (int i = 0; i < MEASURE_END; i++) {
			const struct watch_band *band = &ba->bands[part][i];

			(void)json_object_set_new(measures, watch_measure_names[i],
						  json_pack("{s:I, s:I, s:I}", "low",
							    (json_int_t)band->low, "high",
							    (json_int_t)band->high, "samples",
							    (json_int_t)band->samples));
		}
		(void)json_object_set_new(parts, w->targets[part].image.name, measures);
	}
	return json_pack("{s:i, s:I, s:I, s:o}", "format", FORMAT, "since", (json_int_t)ba->since,
			 "learned_ms", (json_int_t)learned_ms(ba), "parts", parts);
}

static void
save(void *arg)
{
	const struct lsawatch *w = arg;
	struct watch_baseline *ba = w->baseline;
	json_t *root = ba->folder >= 0 ? to_json(w) : NULL;
	char *text = root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	char path[PATH_MAX];

	ba->saved = !baseline_learning(w);
	if (ba->folder >= 0 &&
	    (text == NULL ||
	     snprintf(path, sizeof(path), "%s/" NAME, w->cf.watch_directory) >= (int)sizeof(path) ||
	     files_replace(path, text, strlen(text), 0600) != 0))
		log_warn("%s of [watch] directory cannot be written: %s; what was learned "
			 "is lost at the end",
			 NAME, strerror(errno));
	free(text);
	json_decref(root);
}

/* ---- judging */

bool
baseline_above(struct lsawatch *w, enum watch_part part, enum watch_measure measure, uint64_t value)
{
	struct watch_baseline *ba = w->baseline;
	struct watch_band *band;
	uint32_t *above;

	if (part >= PART_END || measure >= MEASURE_END)
		return false;
	band = &ba->bands[part][measure];
	above = &ba->above[part][measure];
	band->bound = bound_of(w, part, measure);
	band->now = value;
	if (baseline_learning(w) || band->samples == 0) {
		widen(band, value);
		band->samples++;
		return false;
	}
	band->samples++;
	if (!ba->saved)
		save(w);
	if (value <= band->high + band->high / 2 + slack[measure]) {
		*above = 0;
		return false;
	}
	if (++*above % FOLLOW == 0)
		widen(band, band->high + band->high / 10 + 1);
	return true;
}

/* ---- read back */

/* Numbers as we wrote them; false: it is not of ours. */
static bool
take_band(struct watch_band *band, const json_t *is, uint64_t bound)
{
	json_int_t low = 0, high = 0, samples = 0;

	if (json_unpack((json_t *)(uintptr_t)is, "{s:I, s:I, s:I}", "low", &low, "high", &high,
			"samples", &samples) != 0 ||
	    low < 0 || high < low || samples < 0 || (uint64_t)high > bound)
		return false;
	*band = (struct watch_band){ .low = (uint64_t)low,
				     .high = (uint64_t)high,
				     .bound = bound,
				     .samples = (uint64_t)samples };
	return true;
}

static bool
take_all(struct lsawatch *w, const json_t *root)
{
	struct watch_baseline *ba = w->baseline;
	const json_t *parts = json_object_get(root, "parts");
	json_int_t learned = json_integer_value(json_object_get(root, "learned_ms"));
	json_int_t since = json_integer_value(json_object_get(root, "since"));

	if (json_integer_value(json_object_get(root, "format")) != FORMAT || learned < 0 ||
	    since < 0 || since > time(NULL))
		return false;
	for (int part = PART_ISO; part < PART_END; part++) {
		const json_t *of = json_object_get(parts, w->targets[part].image.name);

		for (int i = 0; i < MEASURE_END; i++) {
			if (!take_band(&ba->bands[part][i],
				       json_object_get(of, watch_measure_names[i]),
				       bound_of(w, (enum watch_part)part, (enum watch_measure)i)))
				return false;
		}
	}
	ba->learned = learned;
	ba->since = since;
	return true;
}

static void
load(struct lsawatch *w)
{
	struct watch_baseline *ba = w->baseline;
	int fd = openat(ba->folder, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	json_t *root = NULL;
	struct stat sb;

	if (fd < 0)
		return;
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode) || sb.st_uid != geteuid() ||
	    (sb.st_mode & 022) != 0 || sb.st_size > OCTETS_MOST)
		log_warn("%s of [watch] directory is not ours alone: learning anew", NAME);
	else if ((root = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL)) == NULL ||
		 !take_all(w, root)) {
		log_warn("%s of [watch] directory is damaged: learning anew", NAME);
		baseline_forget(w);
	}
	json_decref(root);
	(void)close(fd);
}

void
baseline_forget(struct lsawatch *w)
{
	struct watch_baseline *ba = w->baseline;

	memset(ba->bands, 0, sizeof(ba->bands));
	memset(ba->above, 0, sizeof(ba->above));
	ba->since = time(NULL);
	ba->opened = watch_now_ms();
	ba->learned = 0;
}

int
baseline_open(struct lsawatch *w)
{
	w->baseline = &the_baseline;
	baseline_forget(w);
	w->baseline->folder = open(w->cf.watch_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->baseline->folder < 0)
		log_notice("[watch] directory, %s: %s; what is learned is not kept",
			   w->cf.watch_directory, strerror(errno));
	else
		load(w);
	return loop_every(w->lo, SAVE_MS, save, w);
}

void
baseline_close(struct lsawatch *w)
{
	if (w->baseline == NULL)
		return;
	save(w);
	if (w->baseline->folder >= 0)
		(void)close(w->baseline->folder);
	w->baseline->folder = -1;
	w->baseline = NULL;
}
