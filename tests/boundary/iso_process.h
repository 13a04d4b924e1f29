/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real lsaiso process and the broker's side of its mailbox, as small as it
 * can be: for tests of what lsaiso does, not of the broker.
 */
#ifndef TESTS_ISO_PROCESS_H
#define TESTS_ISO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpc/mailbox.h"

/* How to start it; zero is the right way. */
struct iso_how {
	const char *path;
	const char *arg1, *arg2; /* NULL: none */
	bool no_mailbox, no_life;
	uint32_t bad_magic, bad_version; /* added to the right ones */
	int resize;			 /* added to the mailbox's size */
	bool other_user;		 /* as nobody, if root */
	long memlock;			 /* RLIMIT_MEMLOCK, when not 0 */
	bool orphan;			 /* its parent ends at once */
};

struct iso_process {
	pid_t pid;
	struct mailbox *box;
	int life; /* our end */
};

/* False when even fork or the memory object failed. */
bool iso_start_process(struct iso_process *p, const struct iso_how *how);

/* Kill and reap; returns its exit code if it had ended, else -1. */
int iso_end_process(struct iso_process *p);

/* Exit code within five seconds, or -1. */
int iso_wait_exit(struct iso_process *p);

/* Put len octets in as a request of this length; false after two seconds. */
bool iso_raw(struct iso_process *p, const void *request, size_t len, uint32_t claimed);

/* One call; ISO_GONE when there is no answer in two seconds. */
enum iso_status iso_ask(struct iso_process *p, uint32_t op, const void *req, void *rep);

#endif
