/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: a real lsaiso on its own mailbox, attached to ask. */
#ifndef TESTS_UNIT_TGS_ISO_H
#define TESTS_UNIT_TGS_ISO_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Start program as lsainit would (mailbox, life line, no environment),
 * configure it and attach ask to it. Returns its pid, or -1 with errno.
 */
pid_t tgs_iso_start(const char *program, uint32_t rate, uint32_t burst);

/* ISO_POLICY_* of the next start. */
extern uint32_t tgs_iso_policy;

/* End it and take ask off it. */
void tgs_iso_stop(pid_t pid);

#endif
