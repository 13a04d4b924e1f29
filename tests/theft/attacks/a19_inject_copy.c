/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No system call at all: the process's own memory copy, pointed elsewhere. */
#include "inject.h"
#include "trace.h"

int
main(int argc, char **argv)
{
	static struct theft t;

	theft_begin(&t, argc, argv);
	trace_stop(t.pid, 0);
	inject_copy(&t);
	trace_leave(t.pid);
	theft_end(&t, "its own memory copy, pointed elsewhere");
}
