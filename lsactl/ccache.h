/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A FILE ccache of MIT or Heimdal, formats 3 and 4, octet by octet: libkrb5 would
 * write it anew, and what is in it but a key and a hint is to stay as it is.
 */
#ifndef LSACTL_CCACHE_H
#define LSACTL_CCACHE_H

#include "lsass/wire.h"

#define CCACHE_MOST (16u << 20) /* octets of a file */

struct ccache {
	struct rd left; /* what comes next */
	bool three;	/* format 3: the type of a key stands there twice */
	int32_t offset; /* KDC clock minus ours, seconds; 0: not known */
	struct wire_princ principal;
};

/* One credential; view is of the file, octets the same as format 4 has it. */
struct ccache_item {
	struct rd view;
	size_t key; /* of its octets in view */
	uint8_t *octets;
	size_t len;
	struct wire_cred wc; /* views into octets */
};

/* 0, or -1 and error: none, or a format of long ago. file stays the caller's. */
int ccache_begin(struct ccache *cc, struct rd file, char *error, size_t n)
    __attribute__((warn_unused_result));
/* 1: the next one, to be ended; 0: there is no more; -1: malformed, or no memory. */
int ccache_next(struct ccache *cc, struct ccache_item *it);
void ccache_end(struct ccache_item *it); /* wipes */

/* Is it the hint that the KDC does FAST, which makes clients armour with the ticket's key? */
bool ccache_is_fast_hint(const struct wire_cred *wc);

#endif
