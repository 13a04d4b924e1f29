/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsainit/filter.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/call_filter.h"

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

#define NEW_NAMESPACES 0x7e020080u /* CLONE_NEW* of clone(2), NEWTIME (0x80) included */
#define SET_ID	       (S_ISUID | S_ISGID)

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)

static const uint32_t denied[] = {
#define FILTER_NUMBER(name) SYS_##name,
	FILTER_DENIED(FILTER_NUMBER)
};

/* Of call nr: refuse it if argument i has any of bits. */
static void
refuse_bits(struct call_filter *fi, uint32_t nr, unsigned int i, uint32_t bits)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4));
	call_filter_argument(fi, i);
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	call_filter_answer(fi, REFUSED);
	call_filter_number(fi);
}

/* Of call nr: refuse it if argument i has all of bits. */
static void
refuse_all_bits(struct call_filter *fi, uint32_t nr, unsigned int i, uint32_t bits)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5));
	call_filter_argument(fi, i);
	call_filter_put(fi, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits));
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1));
	call_filter_answer(fi, REFUSED);
	call_filter_number(fi);
}

static void
only_families(struct call_filter *fi, uint32_t nr)
{
	call_filter_put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 8));
	call_filter_argument(fi, 0);
	call_filter_if(fi, AF_UNIX, SECCOMP_RET_ALLOW);
	call_filter_if(fi, AF_INET, SECCOMP_RET_ALLOW);
	call_filter_if(fi, AF_INET6, SECCOMP_RET_ALLOW);
	call_filter_answer(fi, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
}

static void
build(struct call_filter *fi)
{
	call_filter_begin(fi);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		call_filter_if(fi, denied[i], REFUSED);
	/* Its flags are in memory, where a filter cannot look; libc falls back to clone. */
	call_filter_if(fi, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	refuse_bits(fi, SYS_clone, 0, NEW_NAMESPACES);
	refuse_all_bits(fi, SYS_mmap, 2, PROT_WRITE | PROT_EXEC);
	refuse_bits(fi, SYS_mprotect, 2, PROT_EXEC);
	refuse_bits(fi, SYS_pkey_mprotect, 2, PROT_EXEC);
	refuse_bits(fi, SYS_shmat, 2, SHM_EXEC);
	refuse_bits(fi, SYS_chmod, 1, SET_ID);
	refuse_bits(fi, SYS_fchmod, 1, SET_ID);
	refuse_bits(fi, SYS_fchmodat, 2, SET_ID);
	refuse_bits(fi, SYS_creat, 1, SET_ID);
	refuse_bits(fi, SYS_open, 2, SET_ID);
	refuse_bits(fi, SYS_openat, 3, SET_ID);
	refuse_bits(fi, SYS_mkdir, 1, SET_ID);
	refuse_bits(fi, SYS_mkdirat, 2, SET_ID);
	call_filter_if(fi, SYS_openat2,
		       SECCOMP_RET_ERRNO | ENOSYS); /* its mode is in memory, too */
	only_families(fi, SYS_socket);
	only_families(fi, SYS_socketpair);
	call_filter_answer(fi, SECCOMP_RET_ALLOW);
}

int
filter_lsass(void)
{
	struct call_filter fi;

	build(&fi);
	return call_filter_set(&fi);
}
