/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look over its shoulder: stop the process where it encrypts, step through
 * that instruction by instruction and keep what is in its registers. Where the
 * function is not known by name, step through everything.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbols.h"
#include "theft.h"
#include "trace.h"

#define XMM   160u /* in the area of FXSAVE */
#define STEPS 100u /* from the breakpoint on */

struct watch {
	struct theft *t;
	uint64_t at;   /* of the breakpoint; 0: none */
	uint64_t code; /* what is there */
	double until;
};

static void
look(struct theft *t)
{
	static uint8_t before[256];
	uint8_t state[4096];
	struct iovec v = { state, sizeof(state) };
	struct user_regs_struct r = { 0 };

	if (ptrace(PTRACE_GETREGSET, t->pid, NT_X86_XSTATE, &v) != 0)
		theft_failed("PTRACE_GETREGSET", errno);
	if (memcmp(before, state + XMM, sizeof(before)) == 0)
		return;
	memcpy(before, state + XMM, sizeof(before));
	theft_write(t, before, sizeof(before));
	trace_registers(t->pid, &r);
	theft_write(t, &r, sizeof(r));
}

/* Wait for a stop until the time is over; then make one. Returns the signal. */
static int
stopped(const struct watch *w)
{
	int status = 0;

	while (theft_now() < w->until) {
		pid_t pid = waitpid(w->t->pid, &status, __WALL | WNOHANG);

		if (pid == w->t->pid && WIFSTOPPED(status))
			return WSTOPSIG(status);
		if (pid != 0)
			theft_refused("the process ended under the attack");
		usleep(200);
	}
	ptrace(PTRACE_INTERRUPT, w->t->pid, NULL, NULL);
	return trace_wait(w->t->pid);
}

static void
put_breakpoint(const struct watch *w, bool in)
{
	const uint64_t code = in ? (w->code & ~0xffull) | 0xcc : w->code;

	if (w->at != 0 && trace_poke(w->t->pid, w->at, &code, sizeof(code)) != 0)
		theft_refused("PTRACE_POKEDATA: %m");
}

/* It has stopped, maybe at the breakpoint: then it stands behind that octet. */
static bool
at_breakpoint(const struct watch *w)
{
	struct user_regs_struct r;

	trace_registers(w->t->pid, &r);
	if (r.rip != w->at + 1)
		return false;
	r.rip = w->at;
	trace_set_registers(w->t->pid, &r);
	return true;
}

static void
watch(struct watch *w)
{
	while (theft_now() < w->until) {
		bool hit = w->at == 0;

		put_breakpoint(w, true);
		if (w->at != 0) {
			if (ptrace(PTRACE_CONT, w->t->pid, NULL, NULL) != 0)
				theft_failed("PTRACE_CONT", errno);
			stopped(w);
			hit = at_breakpoint(w);
		}
		put_breakpoint(w, false);
		for (unsigned i = 0; hit && i < STEPS; i++) {
			if (ptrace(PTRACE_SINGLESTEP, w->t->pid, NULL, NULL) != 0)
				theft_failed("PTRACE_SINGLESTEP", errno);
			stopped(w);
			look(w->t);
		}
	}
}

int
main(int argc, char **argv)
{
	static struct theft t;
	struct watch w = { .t = &t };

	theft_begin(&t, argc, argv);
	trace_stop(t.pid, 0);
	w.until = theft_now() + theft_patience(8);
	w.at = symbols_address(&t, "nettle_aes256_encrypt");
	if (w.at != 0 && trace_peek(t.pid, w.at, &w.code, sizeof(w.code)) != 0)
		theft_refused("its code: %m");
	watch(&w);
	trace_leave(t.pid);
	theft_end(&t, "registers, step by step");
}
