/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stop the process and read it word by word with PTRACE_PEEKDATA. */
#include <errno.h>
#include <string.h>

#include "theft.h"
#include "trace.h"

static ssize_t
from_words(void *arg, uint64_t address, void *buffer, size_t length)
{
	const struct theft *t = arg;

	for (size_t at = 0; at < length; at += sizeof(long)) {
		long word = 0;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, t->pid, address + at, NULL);
		if (errno != 0)
			return at != 0 ? (ssize_t)at : -errno;
		memcpy((char *)buffer + at, &word, sizeof(word));
	}
	return (ssize_t)length;
}

int
main(int argc, char **argv)
{
	static struct theft t;

	theft_begin(&t, argc, argv);
	trace_stop(t.pid, 0);
	theft_copy_all(&t, from_words, &t);
	trace_leave(t.pid);
	theft_end(&t, "PTRACE_PEEKDATA");
}
