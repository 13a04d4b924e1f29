/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Behind the door: sleep and wake by futex, entropy, clock, end. */
#include <linux/futex.h>
#include <time.h>

#include "host.h"
#include "port/linux/linux.h"

void
port_exit(enum iso_exit code)
{
	for (;;)
		CALL1(exit_group, code);
}

static void
futex(const uint32_t *word, int op, uint32_t value)
{
	(void)arch_call(SYS_futex, (long)word, op, value, 0, 0, 0);
}

void
port_sleep(const struct mailbox *box, uint32_t seq)
{
	futex(&box->req_seq, FUTEX_WAIT, seq);
}

void
port_wake(const struct mailbox *box)
{
	futex(&box->rep_seq, FUTEX_WAKE, 1);
}

enum iso_status
iso_host_entropy(struct wr into)
{
	while (into.left > 0) {
		long n = CALL3(getrandom, into.at, into.left, 0);

		if (n <= 0)
			return ISO_E_ENTROPY;
		into.at += n;
		into.left -= (size_t)n;
	}
	return ISO_OK;
}

uint64_t
iso_host_clock(enum iso_clock which)
{
	struct timespec now = { 0 };
	clockid_t id = which == ISO_CLOCK_BOOT ? CLOCK_BOOTTIME : CLOCK_REALTIME;

	if (CALL2(clock_gettime, id, &now) != 0 || now.tv_sec < 0)
		port_exit(ISO_EXIT_CLOCK);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
