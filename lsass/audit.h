/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The collector of the use log: takes the records of use from lsaiso, at most
 * 100 ms after they were made, and stores them (lib/uselog.h). A thread of
 * its own, so that a slow disk holds up nobody.
 *
 * It cannot change or leave out a record without lsactl audit verify telling;
 * what it cannot store is a gap there, and said in the log and in status.
 */
#ifndef LSASS_AUDIT_H
#define LSASS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/uselog.h"

struct audit;
struct config;

/* Start it, with what has been stored of the running lsaiso. cf stays. NULL with errno. */
struct audit *audit_start(const struct config *cf);

/* There is another lsaiso. */
void audit_changed(struct audit *au);

/*
 * Collect what there is now, in this thread: before lsaiso is ended, say. Gives
 * up after a second, when the disk hangs. NULL: nothing.
 */
void audit_flush(struct audit *au);

/* Collect the last, say where the chain is, end. NULL: nothing. */
void audit_stop(struct audit *au);

/* For status. */
struct audit_is {
	char directory[256], file[USELOG_NAME]; /* "": none */
	uint64_t stored;			/* records of the running lsaiso, up to this one */
	uint64_t lost;				/* never collected, since lsass runs */
	char error[256];			/* why nothing can be stored now; "": it can */
};
void audit_is(struct audit *au, struct audit_is *is);

#endif
