/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the attacks on a start. They are given the pid of who starts the target
 * and, in $THEFT_VICTIM, the target that runs now: they kill it and wait for
 * the next one.
 */
#ifndef TESTS_THEFT_LAUNCH_H
#define TESTS_THEFT_LAUNCH_H

#include "theft.h"

/* Note the running target's name and kill it. Ends the attack if that is refused. */
void launch_kill_victim(char name[32]);

/* Has this process the name? */
bool launch_is(pid_t pid, const char *name);

#endif
