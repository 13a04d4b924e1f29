/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lsass, lsaiso-host and lsawatch do first: see that lsainit has
 * started it, with the descriptors of lib/control.h, and close itself.
 */
#ifndef LSASS_START_H
#define LSASS_START_H

#include <stdbool.h>

struct control_msg;
struct loop;

/* Is fd a socket of this type, listening (1) or not (0)? */
bool start_is_socket(int fd, int type, int listening);

/* The line was made by our parent, whom nobody took the place of. */
bool start_is_of_parent(int line);

/* No core, no ptrace by others of our uid, as many descriptors as we may. */
void start_confined(const char *name);

/* What lsainit says; descriptors that are kept are set to -1. */
typedef void start_heard(void *arg, const struct control_msg *msg, int fds[2]);

/*
 * The line to lsainit is ready: heard is told of one message, which is then
 * wiped, as are descriptors closed that it left.
 *
 * Returns true, or false: the line has ended, or is broken (said in the log).
 */
bool start_hear_one(start_heard *heard, void *arg) __attribute__((warn_unused_result));

/* The same; when it has ended the loop stops. */
void start_hear(struct loop *lo, start_heard *heard, void *arg);

#endif
