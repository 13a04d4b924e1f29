/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A filter of system calls, put together step by step: of lsass by lsainit,
 * and of lsawatch by itself. Which calls it is about they decide.
 */
#ifndef LSALIB_CALL_FILTER_H
#define LSALIB_CALL_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_FILTER_MAX 512

struct call_filter {
	struct sock_filter code[CALL_FILTER_MAX];
	size_t n; /* above CALL_FILTER_MAX: it did not fit, and cannot be set */
};

/* Empty, then: end whoever calls in another way than that of x86-64; load the call's number. */
void call_filter_begin(struct call_filter *fi);
void call_filter_put(struct call_filter *fi, struct sock_filter one);
/* Load the call's number, or the low half of argument i. */
void call_filter_number(struct call_filter *fi);
void call_filter_argument(struct call_filter *fi, unsigned int i);
/* Answer action, SECCOMP_RET_*; call_filter_if: if value was loaded. */
void call_filter_answer(struct call_filter *fi, uint32_t action);
void call_filter_if(struct call_filter *fi, uint32_t value, uint32_t action);
/* It holds for this thread from now on. 0, or -1 with errno (E2BIG: it did not fit). */
int call_filter_set(struct call_filter *fi) __attribute__((warn_unused_result));

#endif
