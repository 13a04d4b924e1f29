/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Start a program with less than we have: given descriptors and nothing
 * else, another user, no capabilities, and for lsaiso a world of its own
 * (namespaces, an empty root folder). If any step fails, the program is not
 * started.
 */
#ifndef LSAINIT_CHILD_H
#define LSAINIT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/control.h"

#define CHILD_FDS_MAX	(4 + CONTROL_WINBIND_MAX + CONTROL_KDC_MAX)
#define CHILD_READS_MAX 8

struct child_plan {
	const char *name; /* for messages */
	int image;	  /* the program, open */
	char *const *argv;
	char *const *envp;
	int fds[CHILD_FDS_MAX]; /* become 3, 4, 5 ... */
	size_t nfds;
	int alive;     /* read end of a pipe that hangs up when lsainit is gone */
	bool mute;     /* stderr is /dev/null too */
	bool separate; /* change to uid and gid, drop the bounding set */
	/* With separate: capabilities that it keeps, as bits, of those that we have. */
	uint64_t capabilities;
	bool outlives; /* it is not killed when we end: it sees that by alive */
	bool bare;     /* stay this user, without capabilities and groups but group */
	gid_t group;
	uid_t uid;
	gid_t gid;
	bool jail;	     /* own namespaces, empty root */
	const char *jail_at; /* an existing folder that the empty root is mounted on */
	rlim_t files;	     /* RLIMIT_NOFILE */
	rlim_t locked;	     /* RLIMIT_MEMLOCK; 0: as it is */
	bool filter;	     /* with the system call filter of filter.h */
	bool alone;	     /* RLIMIT_NPROC 0: cannot fork */
	const char *reads[CHILD_READS_MAX]; /* files it must be able to read, the rest NULL */
	const char *writes;		    /* folder it must be able to write to, or NULL */
};

/*
 * Start it. Returns its pid once the program runs, or -1: the step that
 * failed is in the log.
 */
pid_t child_start(const struct child_plan *plan);

#endif
