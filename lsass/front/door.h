/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listening socket of a front: who comes, known by SO_PEERCRED, and what
 * is done when nobody more can be let in.
 */
#ifndef LSASS_FRONT_DOOR_H
#define LSASS_FRONT_DOOR_H

#include <sys/types.h>

struct door;
struct loop;

/* A client has come; fd is non-blocking, and whoever is called owns it. */
typedef void door_came(void *arg, int fd, uid_t uid, pid_t pid);

/* Serve listen_fd (made non-blocking) in the loop; it stays the caller's. NULL with errno. */
struct door *door_open(struct loop *lo, int listen_fd, door_came *came, void *arg);
void door_close(struct door *dr);

/* Log that somebody was turned away, and why; not for each one of a flood. */
void door_complain(struct door *dr, const char *what, uid_t uid);

#endif
