/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row resource usage: processor time and memory, against what was learned
 * (baseline.c) and against fixed bounds.
 *
 * Spinning: lsaiso waits for each request, and lsass sends the next one only
 * when it has read the answer. So under any load lsaiso gives up the processor
 * of its own accord once for each request: 1000 to 3900 times a second with 1
 * to 8 clients that do nothing but ask for tickets, which take 2 to 18 % of a
 * processor. The longest request there is, 400 000 iterations of PBKDF2, takes
 * 54 ms with SHA instructions and a quarter of a second without. Who uses a
 * processor for SPIN_MS and has not waited once serves nobody.
 */
#include <string.h>
#include <unistd.h>

#include "lsawatch/judge/judge.h"

#define SPIN_PERMILLE 300  /* of a processor, at least: others may want it as well */
#define SPIN_MS	      1500 /* for so long */
#define HISTORY	      8
#define CPU_MS	      2000 /* over which processor time is measured */
#define BAND_LOOKS    3	   /* above what was learned for so many looks */

struct sample {
	int64_t at;
	uint64_t ticks;
};

static struct use {
	struct sample of[HISTORY]; /* a ring; the latest is at n - 1 */
	size_t n;
	uint64_t waits; /* at the last look */
	int64_t spins;	/* CLOCK_MONOTONIC ms: since then; 0: it does not */
	uint32_t above[MEASURE_END];
} use[PART_END];

void
judge_resource_anew(enum watch_part part)
{
	use[part] = (struct use){ 0 };
}

/* Permille of a processor from one sample to now. */
static uint64_t
permille(const struct sample *from, const struct watch_look *lo)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	int64_t ms = lo->at - from->at;

	if (ms <= 0 || lo->ticks < from->ticks)
		return 0;
	return (lo->ticks - from->ticks) * 1000000 / hz / (uint64_t)ms;
}

/* The sample that is CPU_MS old, or the oldest there is. */
static const struct sample *
before(const struct use *us, const struct watch_look *lo)
{
	const struct sample *found = NULL;

	for (size_t i = 1; i <= HISTORY && i <= us->n; i++) {
		found = &us->of[(us->n - i) % HISTORY];
		if (lo->at - found->at >= CPU_MS - 100)
			break;
	}
	return found;
}

static void
judge_spinning(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo,
	       uint64_t since_last)
{
	struct use *us = &use[ta->part];
	struct watch_case ca = judge_about(ta, RULE_resource_spinning);
	bool spins = us->n > 0 && since_last >= SPIN_PERMILLE && lo->waits == us->waits;

	if (!spins)
		us->spins = 0;
	else if (us->spins == 0)
		us->spins = us->of[(us->n - 1) % HISTORY].at;
	finding_holds(w, &ca, spins && lo->at - us->spins >= SPIN_MS, "",
		      "%s (pid %d) uses %llu permille of a processor and has not waited for a "
		      "request for %lld ms",
		      ta->image.name, (int)ta->pid, (unsigned long long)since_last,
		      (long long)(lo->at - us->spins));
}

/* Above what was learned, several times in a row: INFO. */
static void
judge_band(struct lsawatch *w, const struct watch_target *ta, enum watch_measure measure,
	   uint64_t value)
{
	uint32_t *above = &use[ta->part].above[measure];
	struct watch_case ca = judge_about(ta, RULE_resource_band);
	const struct watch_band *band;

	*above = baseline_above(w, ta->part, measure, value) ? *above + 1 : 0;
	band = baseline_band(w, ta->part, measure);
	finding_holds(w, &ca, *above >= BAND_LOOKS, watch_measure_names[measure],
		      "%s of %s (pid %d): %llu, learned up to %llu", watch_measure_names[measure],
		      ta->image.name, (int)ta->pid, (unsigned long long)value,
		      (unsigned long long)(band != NULL ? band->high : 0));
}

static void
judge_memory_use(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_resource_memory);
	const struct watch_band *band = baseline_band(w, ta->part, MEASURE_RESIDENT);
	uint64_t bound = band != NULL ? band->bound : UINT64_MAX;

	finding_holds(w, &ca, lo->resident > bound, "",
		      "%s (pid %d) has %llu KiB in memory; it needs no more than %llu KiB",
		      ta->image.name, (int)ta->pid, (unsigned long long)lo->resident / 1024,
		      (unsigned long long)bound / 1024);
	ca = judge_about(ta, RULE_resource_swapped);
	/* Secret memory is never swapped; lsass holds no key. */
	finding_holds(w, &ca, ta->part == PART_ISO && lo->swapped > 0, "",
		      "%llu KiB of %s (pid %d) are in swap", (unsigned long long)lo->swapped / 1024,
		      ta->image.name, (int)ta->pid);
}

void
judge_resource_look(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct use *us = &use[ta->part];
	const struct sample *from = before(us, lo);

	if ((lo->seen & (LOOK_STATUS | LOOK_STAT)) != (LOOK_STATUS | LOOK_STAT))
		return;
	/* Two looks at once tell nothing of time. */
	if (us->n > 0 && lo->at - us->of[(us->n - 1) % HISTORY].at < 500)
		return;
	if (from != NULL) {
		if (ta->part == PART_ISO)
			judge_spinning(w, ta, lo, permille(&us->of[(us->n - 1) % HISTORY], lo));
		judge_band(w, ta, MEASURE_CPU, permille(from, lo));
	}
	judge_band(w, ta, MEASURE_RESIDENT, lo->resident);
	judge_memory_use(w, ta, lo);
	us->of[us->n % HISTORY] = (struct sample){ lo->at, lo->ticks };
	us->n++;
	us->waits = lo->waits;
}
