/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The KCM front: what MIT (1.19 and later) and Heimdal use as a credential
 * cache. Callers are known by SO_PEERCRED; each uid has its own collection,
 * and root sees only its own.
 *
 *   request  u32 length | u8 2 | u8 0 | u16 operation | payload
 *   reply    u32 length | u32 0 | i32 status | payload
 *
 * Integers are big-endian; length counts from what follows it in a request,
 * and status and payload in a reply. A connection stays open.
 */
#ifndef LSASS_FRONT_KCM_KCM_H
#define LSASS_FRONT_KCM_KCM_H

#include <stdint.h>

struct config;
struct kcm;
struct loop;
struct store;
struct tgs;

/* Serve listen_fd (made non-blocking) in the loop. NULL with errno. */
struct kcm *kcm_start(struct loop *lo, int listen_fd, const struct config *cf, struct store *st,
		      struct tgs *tgs);
void kcm_stop(struct kcm *kc); /* cuts all clients off; listen_fd stays open */

const uint32_t *kcm_clients(const struct kcm *kc); /* connected now */

#endif
