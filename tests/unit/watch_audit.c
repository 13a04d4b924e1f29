/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are records of the audit system put together to what happened, whatever things are called? */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/audit.h>

#include <cmocka.h>

#include "lsawatch/sense/audit_event.h"

#define CALL                                                                                       \
	" arch=c000003e syscall=62 success=yes exit=0 a0=1c5 a1=9 a2=0 a3=ffffffffffffffff "       \
	"items=0 ppid=7 pid=12 auid=1000 uid=1001 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 "      \
	"fsgid=0 tty=(none) ses=3 comm=\"kill\" exe=\"/usr/bin/kill\" subj=unconfined "            \
	"key=\"lsawatch-99\""

static struct audit_events es;

static int
clear(void **state)
{
	(void)state;
	memset(&es, 0, sizeof(es));
	return 0;
}

/* From memory that ends where the text does. */
static const struct audit_event *
give(unsigned int type, const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len + (len == 0));
	const struct audit_event *ev;

	assert_non_null(exact);
	for (size_t i = 0; i < len; i++)
		exact[i] = text[i];
	ev = audit_record(&es, type, exact, len);
	free(exact);
	return ev;
}

static void
test_event(void **state)
{
	const struct audit_event *ev;

	(void)state;
	assert_null(give(AUDIT_SYSCALL, "audit(1700000000.123:45):" CALL));
	assert_null(give(AUDIT_OBJ_PID,
			 "audit(1700000000.123:45): opid=453 oauid=-1 ouid=0 oses=-1 ocomm=\"x\""));
	assert_null(give(AUDIT_CWD, "audit(1700000000.123:45): cwd=\"/root\""));
	assert_null(give(AUDIT_PATH, "audit(1700000000.123:45): item=0 name=\"/etc/x\" inode=3"));
	assert_null(give(AUDIT_PATH, "audit(1700000000.123:45): item=1 name=(null) inode=3"));
	ev = give(AUDIT_EOE, "audit(1700000000.123:45): ");
	assert_non_null(ev);
	assert_true(ev->success);
	assert_int_equal(ev->syscall, 62);
	assert_int_equal(ev->arch, AUDIT_ARCH_X86_64);
	assert_int_equal(ev->args[0], 0x1c5);
	assert_int_equal(ev->args[1], 9);
	assert_true(ev->args[3] == UINT64_MAX);
	assert_int_equal(ev->pid, 12);
	assert_int_equal(ev->ppid, 7);
	assert_int_equal(ev->uid, 1001);
	assert_int_equal(ev->login, 1000);
	assert_string_equal(ev->comm, "kill");
	assert_string_equal(ev->exe, "/usr/bin/kill");
	assert_string_equal(ev->key, "lsawatch-99");
	assert_string_equal(ev->cwd, "/root");
	assert_int_equal(ev->n_pids, 1);
	assert_int_equal(ev->pids[0], 453);
	assert_int_equal(ev->n_paths, 1);
	assert_string_equal(ev->paths[0], "/etc/x");
	assert_null(give(AUDIT_EOE, "audit(1700000000.123:45): ")); /* once */
}

static void
test_refused(void **state)
{
	const struct audit_event *ev;

	(void)state;
	(void)give(AUDIT_SYSCALL,
		   "audit(1.2:9): arch=c000003e syscall=101 success=no exit=-1 a0=10 "
		   "ppid=1 pid=2 auid=4294967295 uid=0 comm=6120622022 exe=(null) "
		   "key=(null)");
	ev = give(AUDIT_EOE, "audit(1.2:9):");
	assert_non_null(ev);
	assert_false(ev->success);
	assert_int_equal(ev->exit, -1);
	assert_int_equal(ev->login, UINT32_MAX);
	assert_string_equal(ev->comm, "a b \"");
	assert_string_equal(ev->exe, "");
	assert_string_equal(ev->key, "");
}

/* Events of several processors come in between. */
static void
test_interleaved(void **state)
{
	char text[128];
	const struct audit_event *ev;

	(void)state;
	for (int i = 1; i <= AUDIT_EVENTS_OPEN; i++) {
		(void)snprintf(text, sizeof(text), "audit(1.0:%d): syscall=%d pid=%d", i, i, i);
		assert_null(give(AUDIT_SYSCALL, text));
	}
	for (int i = AUDIT_EVENTS_OPEN; i >= 1; i--) {
		(void)snprintf(text, sizeof(text), "audit(1.0:%d): ", i);
		ev = give(AUDIT_EOE, text);
		assert_non_null(ev);
		assert_int_equal(ev->syscall, i);
	}
	/* One more than there is room for: the oldest goes. */
	for (int i = 1; i <= AUDIT_EVENTS_OPEN + 1; i++) {
		(void)snprintf(text, sizeof(text), "audit(1.0:%d): syscall=%d", i, i);
		(void)give(AUDIT_SYSCALL, text);
	}
	assert_null(give(AUDIT_EOE, "audit(1.0:1): "));
	assert_non_null(give(AUDIT_EOE, "audit(1.0:2): "));
}

static void
test_hostile(void **state)
{
	static const char *const bad[] = {
		"",
		"a",
		"audit(",
		"audit(1",
		"audit(1.",
		"audit(1.2",
		"audit(1.2:",
		"audit(1.2:3",
		"audit(1.2:3)",
		"audit(.2:3):",
		"audit(1.2:):",
		"audit(1.2:0): pid=1",
		"audit(-1.2:3):",
		"audit(1.2:99999999999999999999): pid=1",
		"tidua(1.2:3): pid=1",
	};
	const struct audit_event *ev;
	char text[1800];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(give(AUDIT_SYSCALL, bad[i]));
		assert_null(give(AUDIT_EOE, bad[i]));
	}
	/* No name can look like another field: the first counts, and blanks are in hex. */
	(void)give(AUDIT_SYSCALL,
		   "audit(1.2:3): success=no syscall=1 comm=\"x\" exe=\"/a\" key=\"k\" pid=5 "
		   "success=yes syscall=2 pid=6");
	ev = give(AUDIT_EOE, "audit(1.2:3):");
	assert_non_null(ev);
	assert_false(ev->success);
	assert_int_equal(ev->syscall, 1);
	assert_int_equal(ev->pid, 5);
	/* Longer than we keep; odd and wrong hex; a quote that does not end. */
	(void)snprintf(text, sizeof(text), "audit(1.2:4): comm=%01000d exe=\"/%0600d key=616 pid=1",
		       0, 0);
	(void)give(AUDIT_SYSCALL, text);
	ev = give(AUDIT_EOE, "audit(1.2:4):");
	assert_non_null(ev);
	assert_string_equal(ev->comm, "");
	assert_int_equal(strlen(ev->exe), sizeof(ev->exe) - 1);
	assert_string_equal(ev->key, "a");
	/* Numbers that do not fit. */
	(void)give(AUDIT_SYSCALL, "audit(1.2:5): syscall=99999999999999999999 pid=99999999999999 "
				  "exit=-99999999999999999999 a0=ffffffffffffffffff");
	for (int i = 0; i < 2 * AUDIT_EVENT_PIDS; i++)
		(void)give(AUDIT_OBJ_PID, "audit(1.2:5): opid=5");
	for (int i = 0; i < 2 * AUDIT_EVENT_PATHS; i++)
		(void)give(AUDIT_PATH, "audit(1.2:5): name=\"/x\"");
	ev = give(AUDIT_EOE, "audit(1.2:5):");
	assert_non_null(ev);
	assert_int_equal(ev->n_pids, AUDIT_EVENT_PIDS);
	assert_int_equal(ev->n_paths, AUDIT_EVENT_PATHS);
	assert_true(ev->pid >= 0 && ev->syscall >= 0);
	/* Records of an event of which the first was not seen. */
	assert_null(give(AUDIT_PATH, "audit(1.2:6): name=\"/x\""));
	assert_null(give(AUDIT_EOE, "audit(1.2:6): "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_event, clear),
		cmocka_unit_test_setup(test_refused, clear),
		cmocka_unit_test_setup(test_interleaved, clear),
		cmocka_unit_test_setup(test_hostile, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
