/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of [winbind], for lsainit, which makes them, and for lsass, which
 * serves them: both go by the same list.
 */
#ifndef LIB_WINBIND_H
#define LIB_WINBIND_H

#include <stddef.h>
#include <stdint.h>

#define WINBIND_OLDEST 30 /* versions of the interface that are spoken */
#define WINBIND_NEWEST 33

struct config;

struct winbind_socket {
	uint32_t version; /* 0: interface = auto */
	char path[108];	  /* as long as that of a socket may be */
};

/*
 * socket first, if it is set, then each of others, as they stand.
 * list   room for CONTROL_WINBIND_MAX
 * error  out, what is wrong, for people
 * Returns how many, or -1.
 */
int winbind_sockets(const struct config *cf, struct winbind_socket *list, char *error, size_t n);

#endif
