/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every attack of this folder needs: the target's areas, the file for
 * what was read, and the three ways to end. For the attacks only.
 *
 * An attack is called as `aNN_name PID OUT`. It writes what it could read of
 * the process to OUT (mode 0600), says in one line on stderr what it did, and
 * exits with 0 (the technique worked, judge OUT), 1 (refused by the system) or
 * 77 (cannot be tried on this machine).
 */
#ifndef TESTS_THEFT_H
#define TESTS_THEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define THEFT_PAGE    4096u
#define THEFT_AREAS   512u
#define THEFT_LARGEST (64u << 20) /* larger areas are mostly only reserved */

/* One line of /proc/PID/maps. */
struct area {
	uint64_t start, end, offset;
	uint64_t inode;
	char perms[5];
	char name[120];
};

struct theft {
	pid_t pid;
	const char *path; /* of OUT */
	int out;
	size_t areas; /* worth reading: no code, no reserved areas */
	struct area area[THEFT_AREAS];
	size_t all; /* every line */
	struct area every[THEFT_AREAS];
	uint64_t octets, pages_refused;
	int error; /* errno of the first refused page */
	int blind; /* errno: the map was refused, the one area is a guess */
};

/* Read the arguments, make OUT, read the target's map. */
void theft_begin(struct theft *t, int argc, char **argv);

/* Read the map again. Returns 0 or an errno. */
int theft_map(struct theft *t);

/* Append to OUT. */
void theft_write(struct theft *t, const void *octets, size_t len);

/*
 * Read length octets at address into buffer.
 * Returns how many, or a negative errno.
 */
typedef ssize_t theft_reader(void *arg, uint64_t address, void *buffer, size_t length);

/* One: *(int *)arg is a descriptor whose offsets are addresses. */
theft_reader theft_from_fd;

/* Copy one area, page by page where it must be. Pages that are refused become zeros. */
void theft_copy(struct theft *t, const struct area *a, theft_reader *reader, void *arg);

/* The same for all areas worth reading. */
void theft_copy_all(struct theft *t, theft_reader *reader, void *arg);

/* The ends. theft_end is 0 if anything was read, else 1 with the first error. */
__attribute__((noreturn)) void theft_end(const struct theft *t, const char *how);
__attribute__((noreturn, format(printf, 1, 2))) void theft_refused(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void theft_cannot(const char *format, ...);

/* What an error means: ENOSYS, ENOENT and the like are "cannot", the rest is "refused". */
__attribute__((noreturn)) void theft_failed(const char *what, int error);

/* A writable area of the target that is not secret memory, to carry things out; NULL: none. */
const struct area *theft_ordinary(const struct theft *t);

/* Seconds since some start. */
double theft_now(void);

/* How long an attack that must wait for the target waits: $THEFT_SECONDS, else usual. */
double theft_patience(double usual);

#endif
