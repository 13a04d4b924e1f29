/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsainit/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the list of system calls is that of x86-64"
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

#define X32_BIT	       0x40000000u
#define NEW_NAMESPACES 0x7e020080u /* CLONE_NEW* of clone(2), NEWTIME (0x80) included */
#define SET_ID	       (S_ISUID | S_ISGID)

/* A program under construction. */
struct filter {
	struct sock_filter code[512];
	size_t n;
};

#define NR_DATA	  ((uint32_t)offsetof(struct seccomp_data, nr))
#define ARCH_DATA ((uint32_t)offsetof(struct seccomp_data, arch))
#define REFUSED	  (SECCOMP_RET_ERRNO | EPERM)

static const uint32_t denied[] = {
#define FILTER_NUMBER(name) SYS_##name,
	FILTER_DENIED(FILTER_NUMBER)
};

/* The low half of argument i; the calls below take ints, flags and modes. */
static uint32_t
arg_data(unsigned int i)
{
	return (uint32_t)(offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));
}

static void
put(struct filter *fi, struct sock_filter one)
{
	if (fi->n < sizeof(fi->code) / sizeof(fi->code[0]))
		fi->code[fi->n] = one;
	fi->n++; /* past the end: filter_lsass notices */
}

static void
load(struct filter *fi, uint32_t offset)
{
	put(fi, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void
answer(struct filter *fi, uint32_t action)
{
	put(fi, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If the loaded word equals value, answer action. */
static void
if_equal(struct filter *fi, uint32_t value, uint32_t action)
{
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	answer(fi, action);
}

/* Of call nr: refuse it if argument i has any of bits. */
static void
refuse_bits(struct filter *fi, uint32_t nr, unsigned int i, uint32_t bits)
{
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4));
	load(fi, arg_data(i));
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	answer(fi, REFUSED);
	load(fi, NR_DATA);
}

/* Of call nr: refuse it if argument i has all of bits. */
static void
refuse_all_bits(struct filter *fi, uint32_t nr, unsigned int i, uint32_t bits)
{
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5));
	load(fi, arg_data(i));
	put(fi, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits));
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1));
	answer(fi, REFUSED);
	load(fi, NR_DATA);
}

static void
only_families(struct filter *fi, uint32_t nr)
{
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 8));
	load(fi, arg_data(0));
	if_equal(fi, AF_UNIX, SECCOMP_RET_ALLOW);
	if_equal(fi, AF_INET, SECCOMP_RET_ALLOW);
	if_equal(fi, AF_INET6, SECCOMP_RET_ALLOW);
	answer(fi, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
}

static void
build(struct filter *fi)
{
	load(fi, ARCH_DATA);
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	answer(fi, SECCOMP_RET_KILL_PROCESS);
	load(fi, NR_DATA);
	put(fi, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	answer(fi, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if_equal(fi, denied[i], REFUSED);
	/* Its flags are in memory, where a filter cannot look; libc falls back to clone. */
	if_equal(fi, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
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
	if_equal(fi, SYS_openat2, SECCOMP_RET_ERRNO | ENOSYS); /* its mode is in memory, too */
	only_families(fi, SYS_socket);
	only_families(fi, SYS_socketpair);
	answer(fi, SECCOMP_RET_ALLOW);
}

int
filter_lsass(void)
{
	struct filter fi = { .n = 0 };
	struct sock_fprog prog;

	build(&fi);
	if (fi.n > sizeof(fi.code) / sizeof(fi.code[0])) {
		errno = E2BIG;
		return -1;
	}
	prog = (struct sock_fprog){ .len = (unsigned short)fi.n, .filter = fi.code };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}
