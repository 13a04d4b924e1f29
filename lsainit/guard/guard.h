/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard: BPF LSM programs that lsainit owns and that refuse, for root
 * too, what would read, change or end lsaiso, lsass and lsainit. Called by
 * lsainit alone, in this order: up, enroll for each file, seal; then keep for
 * each lsaiso, and drain when its descriptor is readable. docs/guard.md.
 *
 * The guard lives as long as one of its links is open: in lsainit, and in
 * the receive queue of lsaiso's life socket, so that it does not go down
 * before the last lsaiso has ended, however lsainit ends. Nothing is pinned.
 */
#ifndef LSAINIT_GUARD_GUARD_H
#define LSAINIT_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lsainit/guard/shared.h"

struct instance;
struct guard;

/*
 * Put it up as [isolation] guard, armed, guard_lock and lockdown say. Fills
 * in->table.guard; in->guard stays NULL without one.
 *
 * Returns 0: go on; -1: required and not to be had, or something was armed
 * before it. Why is in the log.
 */
int guard_up(struct instance *in);

/*
 * From now on the file open as fd cannot be changed, and a program gets role
 * when lsainit executes it. 0 (also without a guard), or -1, said in the log.
 */
int guard_enroll(struct instance *in, int fd, enum guard_role role, const char *path);

/* installed.c: enroll the programs, before any is started; then manifest and keys. 0 or -1. */
int guard_programs(struct instance *in);
int guard_signed(struct instance *in);
/* With guard_lock: keep the keys whose tokens may end it. 0 or -1. */
int guard_signers(struct instance *in);

/*
 * Everything is enrolled: nothing of it can be changed any more, and lsainit
 * itself is no exception to any rule about tracing. Looks once more for what
 * was armed, and drops capabilities that only the guard needed. 0 or -1.
 */
int guard_seal(struct instance *in);

/* Put the links into the receive queue of the other end of this socket. 0 or -1 with errno. */
int guard_keep(const struct instance *in, int socket);

/* Readable when something was refused; -1: no guard, or not to be looked at before guard_due. */
int guard_fd(const struct instance *in);
/* Milliseconds until drain is to be called whether readable or not; -1: no need. */
int guard_wait(const struct instance *in);
/*
 * Every GUARD_LOOK_MS: does the kernel still call it? If not, that is told, and all ends
 * where it is required.
 */
#define GUARD_LOOK_MS 5000
#define GUARD_SWITCH  "/proc/sys/kernel/ftrace_enabled"
void guard_look(struct instance *in);
int guard_look_wait(const struct instance *in); /* milliseconds; -1: no need */

/* Log what was refused, count it in in->table. True: the table changed. */
bool guard_drain(struct instance *in);

/* Whether only a reboot or a signed token may end lsainit. */
bool guard_locked(const struct instance *in);

/* Is this the signed token that ends the guard of this boot? Why not is in the log. */
bool guard_token(const struct instance *in, const char *token, size_t len);

/* Links are closed, unless lsaiso still has them. */
void guard_free(struct instance *in);

/* ---- armed.c: what was there before us and can read us */

struct armed {
	unsigned int n;
	char first[160]; /* the first of them, for people */
};

/*
 * Log each of them at priority and count them.
 *
 * own(kind, id)  whether a BPF object is the guard's (then it does not count)
 */
void armed_find(struct armed *ar, int priority,
		bool (*own)(const struct guard *gd, enum guard_own_kind kind, uint32_t id),
		const struct guard *gd);

/* ---- offer.c: what this kernel offers, for messages and status */

/* Whether `bpf` is among the active LSMs: 1, 0, -1 not to be seen; the list goes to text. */
int offer_bpf_lsm(char *text, size_t n);
/* kernel.yama.ptrace_scope, or -1. */
int offer_yama(void);
/* 0 none, 1 integrity, 2 confidentiality, -1 not to be seen. */
int offer_lockdown(void);

#endif
