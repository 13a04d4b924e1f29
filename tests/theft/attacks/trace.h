/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ptrace for the attacks: stop a process, make it do something, put it back as
 * it was. Every function ends the attack by theft_refused when it is not let.
 */
#ifndef TESTS_THEFT_TRACE_H
#define TESTS_THEFT_TRACE_H

#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

#include "theft.h"

/* Seize pid with these PTRACE_O_ options and stop it. */
void trace_stop(pid_t pid, long options);

/* Wait for the next stop; returns its signal. The attack ends if the process did. */
int trace_wait(pid_t pid);

/* Let it go on, detached. */
void trace_leave(pid_t pid);

void trace_registers(pid_t pid, struct user_regs_struct *regs);
void trace_set_registers(pid_t pid, const struct user_regs_struct *regs);

/* Address of these octets in the code of the process, or 0. */
uint64_t trace_find(const struct theft *t, const uint8_t *octets, size_t len);

/* Octets out of ordinary memory of a stopped process. Returns 0 or an errno. */
int trace_peek(pid_t pid, uint64_t address, void *octets, size_t len);

/* Whole words into it. Returns 0 or an errno. */
int trace_poke(pid_t pid, uint64_t address, const void *octets, size_t len);

/* Go on until the next stop that is not ours to pass on; returns its signal. */
int trace_go(pid_t pid, enum __ptrace_request request);

#endif
