/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has what we need, for messages. */
#ifndef LSAINIT_RIVAL_H
#define LSAINIT_RIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Name of the program that pid is; "" if it cannot be told. */
void program_of(pid_t pid, char *name, size_t n);

/* Another lsainit of root's, as far as its name tells: its pid; 0: none is seen. */
pid_t other_lsainit(void);

/*
 * Who listens at that port of this machine, whatever the address.
 * uid  out: of the socket
 * Returns its pid; 0: it is there, but whose it is cannot be seen; -1: nobody.
 */
pid_t port_holder(uint16_t port, bool stream, uid_t *uid);

#endif
