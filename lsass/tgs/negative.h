/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What KDCs refused lately, so that a client that keeps asking does not keep
 * the KDC busy. Used by the pool, in the loop thread. Fixed size: the entry
 * nearest to its end makes room.
 */
#ifndef LSASS_TGS_NEGATIVE_H
#define LSASS_TGS_NEGATIVE_H

#include "lsass/tgs/tgs.h"

#define NEGATIVE_MAX 1024 /* entries */

struct negative;

struct negative *negative_new(void);
void negative_free(struct negative *ne);

/* Remember code for ms milliseconds. User-to-user requests are not kept. */
void negative_add(struct negative *ne, const struct tgs_request *req, uint64_t hash, int32_t code,
		  uint64_t now_ms, uint64_t ms);

/* The code remembered for a request like this, or 0. */
int32_t negative_find(const struct negative *ne, const struct tgs_request *req, uint64_t hash,
		      uint64_t now_ms);

#endif
