/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is the same in each house of the core, and what a house gives.
 *
 * server.c is the core's receive and send over the mailbox. linux/ is a
 * process of Linux: a static program without libc, whose doorbell is a futex.
 * vm/ is a virtual machine in which there is nothing else, whose doorbell is
 * the write to a port. libc.c has the few names that compiler and nettle need.
 */
#ifndef LSAISO_PORT_PORT_H
#define LSAISO_PORT_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "port/x86_64.h"
#include "rpc/mailbox.h"
#include "rpc/status.h"

/* How long the server looks at the mailbox before it sleeps. */
#define SPIN_US 10u

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

/* Sleep while box->req_seq is seq, or shorter. */
void port_sleep(const struct mailbox *box, uint32_t seq);
/* Wake whoever sleeps on box->rep_seq. */
void port_wake(const struct mailbox *box);
/* Everything is over. */
void port_exit(enum iso_exit code) __attribute__((noreturn));

#endif
