/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is each message of the process connector read as what it is, and is none that is malformed read?
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include <cmocka.h>

#include "lsawatch/sense/connector.h"

/* struct cn_msg without the array at its end. */
struct connector_head {
	struct cb_id id;
	uint32_t seq, ack;
	uint16_t len, flags;
};
_Static_assert(sizeof(struct connector_head) == sizeof(struct cn_msg), "the same");

struct message {
	struct nlmsghdr head;
	struct connector_head cm;
	uint8_t event[sizeof(struct proc_event)];
};

static struct message
message_of(const struct proc_event *ev)
{
	struct message msg = { .head = { .nlmsg_len = sizeof(msg.head) + sizeof(msg.cm) +
						      sizeof(*ev) },
			       .cm = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(*ev) } };

	memcpy(msg.event, ev, sizeof(*ev));
	return msg;
}

static int
read_it(const struct proc_event *ev, struct watch_sight *si)
{
	struct message msg = message_of(ev);

	return connector_sight(&msg, msg.head.nlmsg_len, si);
}

static void
test_kinds(void **state)
{
	struct proc_event ev = { .what = PROC_EVENT_EXEC };
	struct watch_sight si;

	(void)state;
	ev.event_data.exec.process_pid = 8;
	ev.event_data.exec.process_tgid = 7;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_int_equal(si.see, SEE_EXEC);
	assert_int_equal(si.by.pid, 7);
	assert_int_equal(si.by.thread, 8);
	assert_int_equal(si.by.uid, UINT32_MAX);

	ev = (struct proc_event){ .what = PROC_EVENT_EXIT };
	ev.event_data.exit.process_pid = ev.event_data.exit.process_tgid = 9;
	ev.event_data.exit.exit_code = 11;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_int_equal(si.see, SEE_EXIT);
	assert_int_equal(si.target, 9);
	assert_int_equal(si.number, 11);
	ev.event_data.exit.process_pid = 10; /* a thread */
	assert_int_equal(read_it(&ev, &si), 0);

	ev = (struct proc_event){ .what = PROC_EVENT_PTRACE };
	ev.event_data.ptrace.process_tgid = 5;
	assert_int_equal(read_it(&ev, &si), 0); /* let go */
	ev.event_data.ptrace.tracer_tgid = 6;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_int_equal(si.see, SEE_ATTACH);
	assert_int_equal(si.by.pid, 6);
	assert_int_equal(si.target, 5);

	ev = (struct proc_event){ .what = PROC_EVENT_COREDUMP };
	ev.event_data.coredump.process_tgid = 5;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_int_equal(si.see, SEE_CORE);

	ev = (struct proc_event){ .what = PROC_EVENT_SID };
	assert_int_equal(read_it(&ev, &si), 0);
	ev.what = 0x7fffffff;
	assert_int_equal(read_it(&ev, &si), 0);
}

static void
test_forks(void **state)
{
	struct proc_event ev = { .what = PROC_EVENT_FORK };
	struct watch_sight si;

	(void)state;
	ev.event_data.fork.parent_pid = 12;
	ev.event_data.fork.parent_tgid = 11;
	ev.event_data.fork.child_pid = ev.event_data.fork.child_tgid = 20;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_int_equal(si.see, SEE_FORK);
	assert_int_equal(si.by.pid, 11);
	assert_int_equal(si.target, 20);
	assert_string_equal(si.name, "");
	ev.event_data.fork.child_tgid = 11;
	assert_int_equal(read_it(&ev, &si), 1);
	assert_string_equal(si.name, "thread");
}

static void
test_lengths(void **state)
{
	struct proc_event ev = { .what = PROC_EVENT_EXEC };
	struct message msg = message_of(&ev);
	struct watch_sight si;
	const size_t all = msg.head.nlmsg_len;

	(void)state;
	for (size_t len = 0; len < all; len++) {
		uint8_t *exact = malloc(len + (len == 0));

		assert_non_null(exact);
		memcpy(exact, &msg, len);
		assert_int_equal(connector_sight(exact, len, &si), -1);
		free(exact);
	}
	msg.cm.len = UINT16_MAX;
	assert_int_equal(connector_sight(&msg, all, &si), -1);
	msg.cm.len = 0;
	assert_int_equal(connector_sight(&msg, all, &si), -1);
	msg.cm.len = sizeof(ev);
	msg.head.nlmsg_len = (uint32_t)all + 1;
	assert_int_equal(connector_sight(&msg, all, &si), -1);
	msg.head.nlmsg_len = 0;
	assert_int_equal(connector_sight(&msg, all, &si), -1);
	msg = message_of(&ev);
	msg.cm.id.idx++;
	assert_int_equal(connector_sight(&msg, all, &si), 0);
}

/* An older kernel, whose union is shorter: what it does not have is zero. */
static void
test_short_union(void **state)
{
	struct proc_event ev = { .what = PROC_EVENT_EXEC };
	struct watch_sight si;
	struct message msg;

	(void)state;
	ev.event_data.exec.process_tgid = 7;
	msg = message_of(&ev);
	msg.cm.len = offsetof(struct proc_event, event_data) + 8;
	msg.head.nlmsg_len = (uint32_t)(sizeof(msg.head) + sizeof(msg.cm)) + msg.cm.len;
	assert_int_equal(connector_sight(&msg, msg.head.nlmsg_len, &si), 1);
	assert_int_equal(si.by.pid, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_forks),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_short_union),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
