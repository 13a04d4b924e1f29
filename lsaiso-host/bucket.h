/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A token bucket: so many a second, as many at once after a quiet second. */
#ifndef LSAISO_HOST_BUCKET_H
#define LSAISO_HOST_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t rate;	/* tokens per second, at least 1; its depth as well */
	uint64_t level; /* thousandths of a token */
	uint64_t then;	/* milliseconds, as now below */
};

static inline void
bucket_init(struct bucket *bu, uint64_t rate, uint64_t now)
{
	*bu = (struct bucket){ .rate = rate, .level = rate * 1000, .then = now };
}

/* Milliseconds until there is a token; 0: there is one. */
static inline uint32_t
bucket_wait(struct bucket *bu, uint64_t now)
{
	uint64_t ms = now > bu->then ? now - bu->then : 0;

	bu->level = ms >= 1000 ? bu->rate * 1000 : bu->level + ms * bu->rate;
	if (bu->level > bu->rate * 1000)
		bu->level = bu->rate * 1000;
	bu->then = now;
	return bu->level >= 1000 ? 0 : (uint32_t)((1000 - bu->level + bu->rate - 1) / bu->rate);
}

static inline bool
bucket_take(struct bucket *bu, uint64_t now)
{
	if (bucket_wait(bu, now) != 0)
		return false;
	bu->level -= 1000;
	return true;
}

#endif
