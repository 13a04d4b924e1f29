/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tracefs for the attacks, in a tracing instance of our own. */
#ifndef TESTS_THEFT_TRACEFS_H
#define TESTS_THEFT_TRACEFS_H

#include "theft.h"

#define TRACEFS "/sys/kernel/tracing"

/* Is it there, or can it be mounted (for us alone)? */
bool tracefs_find(void);

/* Find it; needed: a file that must be there. Makes the instance. */
void tracefs_begin(const char *needed);

/* Is this in the README that the kernel has there? */
bool tracefs_knows(const char *words);

/* Write one line to a file at the top (not of the instance). Refused: the attack ends. */
void tracefs_write(const char *file, const char *line);

/* Switch one event (events/GROUP/NAME) of the instance on, with a filter. */
void tracefs_enable(const char *event, const char *filter);

/*
 * Collect for so many seconds: each word that an event printed in hexadecimal
 * goes to OUT as 8 octets. Returns how many lines there were.
 */
size_t tracefs_collect(struct theft *t, double seconds);

/* Take events (GROUP/NAME) and the instance away again. */
void tracefs_remove(const char *file, const char *event);
void tracefs_end(void);

#endif
