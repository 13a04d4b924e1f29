/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look over its shoulder: step through the process instruction by instruction
 * while it works and keep what is in its registers.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "theft.h"
#include "trace.h"

#define XMM 160u /* in the area of FXSAVE */

int
main(int argc, char **argv)
{
	uint8_t state[4096], before[256] = { 0 };
	static struct theft t;
	double until = 0;

	theft_begin(&t, argc, argv);
	trace_stop(t.pid, 0);
	until = theft_now() + theft_patience(5);
	while (theft_now() < until) {
		struct iovec v = { state, sizeof(state) };
		struct user_regs_struct r = { 0 };

		if (ptrace(PTRACE_GETREGSET, t.pid, NT_X86_XSTATE, &v) != 0)
			theft_failed("PTRACE_GETREGSET", errno);
		if (memcmp(before, state + XMM, sizeof(before)) != 0) {
			memcpy(before, state + XMM, sizeof(before));
			theft_write(&t, before, sizeof(before));
			trace_registers(t.pid, &r);
			theft_write(&t, &r, sizeof(r));
		}
		trace_go(t.pid, PTRACE_SINGLESTEP);
	}
	trace_leave(t.pid);
	theft_end(&t, "registers, step by step");
}
