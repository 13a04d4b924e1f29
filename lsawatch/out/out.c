/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All outputs: each finding goes to each. One that fails does not hold up the
 * others; that it fails is said once, and that it works again, too. The log
 * takes what the journal does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsawatch/out/out.h"

static const struct output *const list[] = {
	&output_journal,
	&output_ecs,
	&output_ocsf,
};
#define OUTPUTS (sizeof(list) / sizeof(list[0]))

/* A disk that is nearly full takes a short line now and then: that is not mended. */
#define MENDED_MS 5000

struct watch_outputs {
	bool open[OUTPUTS];
	bool failing[OUTPUTS];
	int64_t failed[OUTPUTS];  /* CLOCK_MONOTONIC ms, last */
	uint64_t missed[OUTPUTS]; /* findings, since it fails */
};

int
outputs_open(struct lsawatch *w)
{
	struct watch_outputs *os = calloc(1, sizeof(*os));

	w->outputs = os;
	if (os == NULL)
		return -1;
	out_host_read();
	for (size_t i = 0; i < OUTPUTS; i++)
		os->open[i] = list[i]->open(w);
	return metrics_open(w);
}

void
outputs_close(struct lsawatch *w)
{
	if (w->outputs == NULL)
		return;
	metrics_close(w);
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (w->outputs->open[i] && list[i]->close != NULL)
			list[i]->close(w);
	}
	free(w->outputs);
	w->outputs = NULL;
}

static void
note_failure(struct watch_outputs *os, size_t i, const char *why)
{
	if (!os->failing[i])
		log_err("findings do not reach %s: %s; the other outputs go on", list[i]->name,
			why);
	os->failing[i] = true;
	os->failed[i] = watch_now_ms();
	os->missed[i]++;
}

static void
note_success(struct watch_outputs *os, size_t i)
{
	if (!os->failing[i] || watch_now_ms() - os->failed[i] < MENDED_MS)
		return;
	log_notice("findings reach %s again; %llu were missed (`lsactl watch` has the latest of "
		   "all)",
		   list[i]->name, (unsigned long long)os->missed[i]);
	os->failing[i] = false;
	os->missed[i] = 0;
}

static bool
tell_one(struct lsawatch *w, size_t i, const struct watch_finding *fi, enum watch_telling telling)
{
	char why[512] = "";

	if (!w->outputs->open[i])
		return false;
	if (list[i]->tell(w, fi, telling, why, sizeof(why)) != 0) {
		note_failure(w->outputs, i, why);
		return false;
	}
	note_success(w->outputs, i);
	return true;
}

void
outputs_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	bool in_journal = false;
	char why[8];

	if (w->outputs == NULL)
		return;
	for (size_t i = 0; i < OUTPUTS; i++) {
		bool told = tell_one(w, i, fi, telling);

		if (list[i] == &output_journal)
			in_journal = told;
	}
	if (!in_journal)
		(void)output_text.tell(w, fi, telling, why, sizeof(why));
}
