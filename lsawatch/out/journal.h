/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An entry of the journal, as octets; apart from sending, for tests. */
#ifndef LSAWATCH_JOURNAL_H
#define LSAWATCH_JOURNAL_H

#include "lsawatch/watch.h"

struct journal_entry {
	uint8_t octets[8192];
	size_t len;
	bool full; /* a field was left out, for want of room */
};

/* Add a field; "" is none. */
void journal_field(struct journal_entry *en, const char *name, const char *value);
void journal_entry(const struct lsawatch *w, const struct watch_finding *fi,
		   enum watch_telling telling, struct journal_entry *en);

#endif
