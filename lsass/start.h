/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a broker, lsass or lsaiso-host, does first: see that lsainit has
 * started it, with the descriptors of lib/control.h, and close itself.
 */
#ifndef LSASS_START_H
#define LSASS_START_H

#include <stdbool.h>

/* Is fd a socket of this type, listening (1) or not (0)? */
bool start_is_socket(int fd, int type, int listening);

/* The line was made by our parent, whom nobody took the place of. */
bool start_is_of_parent(int line);

/* No core, no ptrace by others of our uid, as many descriptors as we may. */
void start_confined(const char *name);

#endif
