/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The channel: one request area, one reply area, two sequence words, in
 * anonymous shared memory that lsainit makes and hands over by descriptor.
 * It has no name anywhere. The doorbell is a futex on the sequence words.
 *
 * One request is in flight at a time:
 *
 *   broker   waits until rep_seq == req_seq (lsaiso idle)
 *            writes req_len and the request area
 *            req_seq++ (release); if iso_sleeps, futex wake on req_seq
 *   lsaiso   sees req_seq != rep_seq, copies req_len ONCE, bounds it, copies
 *            the frame ONCE into its own memory, then looks at it
 *            writes the reply area and rep_len
 *            rep_seq = the request's number (release); if broker_sleeps,
 *            futex wake on rep_seq
 *   broker   copies the reply out and wipes both areas
 *
 * Nothing here is trusted by lsaiso: every word may change at any time.
 * Either side spins for a short while before it sets its sleeps word and
 * waits. A request whose length is out of bounds is answered ISO_E_FRAME.
 *
 * Because state is in the words alone, a broker that died is replaced by
 * another one, which first waits until lsaiso is idle.
 */
#ifndef RPC_MAILBOX_H
#define RPC_MAILBOX_H

#include <stdint.h>

#include "rpc/rpc.h"

#define MAILBOX_MAGIC 0x4c534142u /* "LSAB" */

struct mailbox {
	uint32_t magic;	  /* MAILBOX_MAGIC, written by lsainit */
	uint32_t version; /* RPC_VERSION */
	/*
	 * Level vm: enum control_vm_memory, written by lsavmm before the first
	 * answer, for lsainit, which reads it before anybody else has the channel.
	 */
	uint32_t memory;
	uint8_t pad0_[52];
	/* broker's line */
	uint32_t req_seq;
	uint32_t req_len;
	uint32_t broker_sleeps;
	uint8_t pad1_[52];
	/* lsaiso's line */
	uint32_t rep_seq;
	uint32_t rep_len;
	uint32_t iso_sleeps;
	uint8_t pad2_[52];
	uint8_t req[RPC_REQ_MAX];
	uint8_t rep[RPC_REP_MAX];
};

_Static_assert(sizeof(struct mailbox) == 192 + RPC_REQ_MAX + RPC_REP_MAX, "mailbox has no holes");

/* Size to give the memory object: whole pages. */
#define MAILBOX_SIZE 86016u /* 21 pages */
_Static_assert(MAILBOX_SIZE >= sizeof(struct mailbox) && MAILBOX_SIZE % 4096 == 0, "whole pages");

/* Descriptors at which lsaiso finds its channel at start. */
#define ISO_FD_MAILBOX 3
#define ISO_FD_LIFE    4 /* one end of a socket pair; carries nothing, only notices death */

#endif
