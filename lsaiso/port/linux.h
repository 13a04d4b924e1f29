/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Linux host of the core: a static program without libc that lsainit
 * starts. linux.c is the way from the first instruction to the door (the
 * seccomp filter); server.c is what runs behind it: the four host functions
 * over the mailbox; image.c is what a loader would do.
 */
#ifndef LSAISO_PORT_LINUX_H
#define LSAISO_PORT_LINUX_H

#include <stddef.h>
#include <stdint.h>

#include <sys/syscall.h>

#include "port/x86_64.h"
#include "rpc/mailbox.h"
#include "rpc/status.h"

/* System calls by name and number of arguments. */
#define CALL1(name, a)	     arch_call(SYS_##name, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(name, a, b)    arch_call(SYS_##name, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(name, a, b, c) arch_call(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)

/* How long the server looks at the mailbox before it sleeps. */
#define SPIN_US 30u

/* What the server needs beside the core's state. */
struct server {
	struct mailbox *box;
	uint32_t seq;	     /* number of the last request seen */
	uint32_t luck;	     /* spins only while above 0 */
	uint64_t spin_ticks; /* SPIN_US; 0: one processor, never spin */
	uint64_t idle_since; /* ticks, when the last reply was sent */
};

/* server.c. Set once, before the first iso_host_recv. */
void server_start(struct server *server);

/* Everything is over; code is one of ISO_EXIT_*. */
static inline __attribute__((noreturn)) void
linux_exit(enum iso_exit code)
{
	for (;;)
		CALL1(exit_group, code);
}

/* image.c: relocate this static PIE; before any use of a relocated pointer. */
void image_relocate(const void *dynamic);
/* image.c: run the constructors (nettle picks its processor code there). */
void image_construct(void);
/*
 * image.c: read all of the image into memory and keep it there, so that no
 * page is fetched again from a file that was changed meanwhile; make what is
 * writable read-only. 0 or an error.
 */
long image_seal(void);

/* filter.c: install the seccomp allow-list. 0 or an error. */
long filter_install(void);

#endif
