/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One look at one process through its folder of /proc, which is opened once:
 * what is read through it is of this process, also when its number has been
 * given to another one. Used by sweep.c; judges read more of it by look_file().
 */
#ifndef LSAWATCH_LOOK_H
#define LSAWATCH_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What could be read; the rest of the struct is not to be judged. */
#define LOOK_STATUS (1u << 0)
#define LOOK_STAT   (1u << 1)
#define LOOK_EXE    (1u << 2)
#define LOOK_NS	    (1u << 3)
#define LOOK_FDS    (1u << 4)

enum look_ns { NS_pid, NS_net, NS_ipc, NS_uts, NS_mnt, NS_user, NS_cgroup, NS_END };
extern const char *const look_ns_names[NS_END];

enum look_caps { CAPS_INH, CAPS_PRM, CAPS_EFF, CAPS_BND, CAPS_AMB, CAPS_END };
extern const char *const look_caps_names[CAPS_END];

#define LOOK_WHAT 64
struct look_fd {
	int fd;
	uint64_t socket;      /* its inode; 0: no socket */
	char what[LOOK_WHAT]; /* where its link points to, cut */
};

struct watch_look {
	uint32_t seen;
	int64_t at; /* CLOCK_MONOTONIC ms */

	/* status */
	pid_t parent, tracer;
	uint32_t uid[4], gid[4]; /* real, effective, saved, of files */
	uint32_t groups;	 /* how many */
	uint64_t caps[CAPS_END];
	int no_new_privs, seccomp;
	uint64_t resident, swapped; /* octets */
	uint64_t threads;
	uint64_t waits; /* how often it gave up the processor of its own accord */

	/* stat */
	char state;
	uint64_t ticks; /* of processor time */

	/* exe */
	uint64_t dev, ino;
	char exe[256];

	uint64_t ns[NS_END]; /* inodes */

	struct look_fd *fds;
	size_t nfds, fds_room;
};

/*
 * Open the folder of pid. Returns a descriptor, or -1: gone.
 */
int look_open(pid_t pid);
/*
 * Fill *lo from the folder dir. lo->fds is kept from call to call and freed by
 * look_free. Returns 0, or -1: the process has ended.
 */
int look_at(int dir, struct watch_look *lo);
void look_free(struct watch_look *lo);
/*
 * The text of a file of the folder, zero-terminated, good until the next call.
 * NULL: it cannot be read. At most LOOK_TEXT octets; more is cut.
 */
#define LOOK_TEXT (1u << 20)
const char *look_file(int dir, const char *name, size_t *len);

#endif
