/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core as a process of Linux, which lsainit starts. linux.c is the way
 * from the first instruction to the door (the seccomp filter); calls.c is
 * what it asks of the kernel behind it; image.c is what a loader would do.
 */
#ifndef LSAISO_PORT_LINUX_H
#define LSAISO_PORT_LINUX_H

#include <sys/syscall.h>

#include "port/port.h"

/* System calls by name and number of arguments. */
#define CALL1(name, a)	     arch_call(SYS_##name, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(name, a, b)    arch_call(SYS_##name, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(name, a, b, c) arch_call(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)

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
