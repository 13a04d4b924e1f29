/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stopped process that makes system calls for us. For the attacks that inject. */
#ifndef TESTS_THEFT_PUPPET_H
#define TESTS_THEFT_PUPPET_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "theft.h"

struct puppet {
	pid_t pid;
	uint64_t syscall; /* address of such an instruction */
	struct user_regs_struct was;
};

/* Is this result of a call an error? Then its negative errno. */
#define PUPPET_ERROR(r) ((r) < 0 && (r) > -4096)

/* Stop t->pid, its seccomp filter suspended. Ends the attack if that cannot be done. */
void puppet_take(struct puppet *p, const struct theft *t);

/* Have it make a system call: its result, or a negative errno. */
long puppet_calls(const struct puppet *p, long number, const long args[6]);
#define puppet_call(p, number, ...) puppet_calls(p, number, (const long[6]){ __VA_ARGS__ })

/* Put its registers back and let it go on. */
void puppet_leave(const struct puppet *p);

#endif
