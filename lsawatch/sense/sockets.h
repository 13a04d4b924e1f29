/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The internet sockets of the network that we are in, by sock_diag, or, where
 * the kernel has none, by the tables of /proc, which cost ten times as much.
 */
#ifndef LSAWATCH_SOCKETS_H
#define LSAWATCH_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

struct watch_socket {
	bool six, stream;
	bool listens;		      /* for connections, or for datagrams of anybody */
	uint32_t local[4], remote[4]; /* as the network has them; IPv4: the first */
	unsigned int local_port, remote_port, uid;
	uint64_t inode;
};

/* Before capabilities are dropped and system calls filtered. */
void sockets_open(void);
/*
 * Call fn for every one. dir: folder of /proc of a process in that network.
 */
void sockets_each(int dir, void (*fn)(void *arg, const struct watch_socket *so), void *arg);
void sockets_close(void);

#endif
