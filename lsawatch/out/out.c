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

struct watch_outputs {
	bool open[OUTPUTS];
	bool failing[OUTPUTS];
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

static bool
tell_one(struct lsawatch *w, size_t i, const struct watch_finding *fi, enum watch_telling telling)
{
	struct watch_outputs *os = w->outputs;
	char why[512] = "";
	bool failed;

	if (!os->open[i])
		return false;
	failed = list[i]->tell(w, fi, telling, why, sizeof(why)) != 0;
	if (failed && !os->failing[i])
		log_err("findings do not reach %s: %s; the other outputs go on", list[i]->name,
			why);
	if (failed)
		os->missed[i]++;
	if (!failed && os->failing[i]) {
		log_notice("findings reach %s again; %llu were missed (`lsactl watch` has the "
			   "latest of all)",
			   list[i]->name, (unsigned long long)os->missed[i]);
		os->missed[i] = 0;
	}
	os->failing[i] = failed;
	return !failed;
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
