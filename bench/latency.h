/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Latencies of the benchmark programs: a histogram of fixed size that any
 * number of processes fill in shared memory and one of them reads.
 *
 * Buckets are linear within each power of two (32 per octave), so that a
 * percentile is right to about 3 %.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LATENCY_SUB	5 /* log2 of the buckets per octave */
#define LATENCY_BUCKETS ((40u - LATENCY_SUB) << LATENCY_SUB)

struct latency {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t bucket[LATENCY_BUCKETS];
};

static inline uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline size_t
latency_bucket(uint64_t ns)
{
	unsigned int octave;
	size_t index;

	if (ns < (1u << LATENCY_SUB))
		return (size_t)ns;
	octave = 63u - (unsigned int)__builtin_clzll(ns);
	index = ((size_t)(octave - LATENCY_SUB) << LATENCY_SUB) +
		(size_t)(ns >> (octave - LATENCY_SUB));
	return index < LATENCY_BUCKETS ? index : LATENCY_BUCKETS - 1;
}

/* Middle of a bucket, nanoseconds. */
static inline double
latency_middle(size_t index)
{
	size_t octave = index >> LATENCY_SUB;
	size_t sub = index & ((1u << LATENCY_SUB) - 1u);

	if (octave == 0)
		return (double)index;
	return ((double)((1u << LATENCY_SUB) + sub) + 0.5) * (double)(1ull << (octave - 1));
}

static inline void
latency_add(struct latency *la, uint64_t ns)
{
	la->count++;
	la->sum_ns += ns;
	la->bucket[latency_bucket(ns)]++;
}

static inline void
latency_merge(struct latency *into, const struct latency *from)
{
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

/* share 0..1; microseconds; 0 when nothing was counted. */
static inline double
latency_at(const struct latency *la, double share)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += la->bucket[i];
		if (seen > 0 && (double)seen >= share * (double)la->count)
			return latency_middle(i) / 1000.0;
	}
	return 0.0;
}

#endif
