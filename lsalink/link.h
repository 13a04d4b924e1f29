/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsalink: to lsass it is what lsaiso is, and lsaiso itself is on the other
 * side of a virtual machine's border. It carries requests of the mailbox to
 * the host and replies back, understands neither, and keeps nothing.
 *
 * Two threads, one for each way, so that each waits for one thing only and
 * nothing is polled:
 *
 *   outward   asleep on the mailbox's req_seq; sends the request as a CALL
 *   inward    asleep on the stream; writes the reply, wakes lsass itself.
 *             It sees at once that the stream ended, idle or not
 *
 * Whatever is wrong ends the process, with a code that lsainit explains.
 */
#ifndef LSALINK_LINK_H
#define LSALINK_LINK_H

#include <stdint.h>

#include "lib/stream.h"
#include "rpc/mailbox.h"

#define LINK_FD_STREAM (ISO_FD_LIFE + 1)
#define LINK_HELLO_MS  4000  /* for WELCOME, which may start a lsaiso */
#define LINK_ANSWER_MS 10000 /* for a reply, or room for a request */
#define LINK_MACHINE   16u   /* octets of stream_hello.machine */

struct link {
	struct mailbox *box;
	/*
	 * Of the call that is under way, 0: none. Outward writes mailbox_seq, then
	 * call; inward takes call back to 0, then raises rep_seq.
	 */
	uint32_t call;
	uint32_t mailbox_seq;
	/*
	 * How far it is: 0, then 1 by outward when it runs its own code (making a
	 * thread takes calls that confine_calls ends), then 2: WELCOME has come.
	 */
	uint32_t phase;
	struct stream_hello hello;
	struct stream_reader in;
	uint8_t out[STREAM_FRAME];
};

/* End the process with an enum link_exit or enum iso_exit. */
void link_exit(int code) __attribute__((noreturn));

int64_t link_now_ms(void);

/* ---- confine.c: before an octet of the host is read */
void confine_process(void);
void confine_memory(void);
void confine_calls(void); /* the system calls of both ways, no others */

/* ---- greet.c: HELLO until WELCOME */
void greet(struct link *li);

/* ---- carry.c */
void *carry_outward(void *link);   /* a thread; waits for carry_inward */
void carry_ready(struct link *li); /* until that thread waits */
void carry_inward(struct link *li) __attribute__((noreturn));
/* Once; both exit when the stream has ended. */
bool link_read(struct link *li);		  /* into li->in; false: there was nothing */
size_t link_write(const uint8_t *at, size_t len); /* how much of it went */

#endif
