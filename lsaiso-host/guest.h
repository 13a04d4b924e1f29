/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest that lsaiso-host serves: its connections, of which one at a time
 * is served, and what it says on them (include/rpc/stream.h).
 *
 * The guest is hostile, and so may be the monitor of its virtual machine. What
 * they can have is what the guest's own lsaiso gives; memory and descriptors
 * stay the same whatever they send. One thread, one loop; the only thing that
 * it waits for outside the loop is lsaiso.
 */
#ifndef LSAISO_HOST_GUEST_H
#define LSAISO_HOST_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpc/stream.h"

struct config;
struct guest;
struct loop;

/* Counters since lsaiso-host started, and who is being served. */
struct guest_look {
	bool connected; /* a HELLO was answered WELCOME, and it still holds */
	bool by_vsock;
	pid_t pid; /* of the monitor; by vsock 0 */
	uid_t uid; /* likewise */
	uint32_t cid;
	int64_t since;		/* seconds since 1970 */
	uint8_t boot[16];	/* whom lsaiso works for; zero: nobody yet */
	uint64_t calls;		/* given to lsaiso */
	uint64_t refused;	/* frames that came at the wrong time or make no sense */
	uint64_t torn, skipped; /* frames with a wrong end; octets in no frame */
	uint64_t connections;	/* accepted */
	uint64_t strangers;	/* closed at once: not the monitor, or not the guest */
	uint64_t welcomes;
	uint64_t turned_away[6]; /* REFUSED, by enum stream_why */
	uint64_t wipes;		 /* another boot of the guest came */
};

/*
 * Serve what comes to the listening sockets.
 *
 * unix_fd, vsock_fd  -1: there is none
 * peer               uid that may connect to unix_fd, beside root
 *
 * NULL with errno.
 */
struct guest *guest_new(struct loop *lo, const struct config *cf, int unix_fd, int vsock_fd,
			uid_t peer);
void guest_free(struct guest *gu);

/*
 * lsaiso is there; ask.h reaches it. bound is the boot of the guest that it
 * works for, zero if none has come yet.
 */
void guest_attached(struct guest *gu, const uint8_t boot_id[ISO_BOOT_ID], const uint8_t bound[16]);

/* lsaiso has ended, or is about to. */
void guest_gone(struct guest *gu);

void guest_look(const struct guest *gu, struct guest_look *look);

#endif
